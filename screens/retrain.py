"""The Retrain screen: a recipe, a data set, the command that does the same, and the start."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from runs import launcher
from runs.configuration import Draft, RunConfig
from runs.errors import NastuiError
from runs.genotypes.find import Found
from runs.home import RunPaths, short_id
from runs.store import RunStore
from screens import actions, palette
from screens.action_screen import ActionScreen
from screens.retrain_form import RetrainForm
from screens.run_form import Checked, devices_here
from screens.widgets.field import Field
from screens.widgets.key_line import KeyLine
from screens.wording import clean, count

Start = Callable[[RunStore, Draft], tuple[RunConfig, RunPaths]]


@dataclass
class ChecksEnded(Message):
    """What the form comes to, as it was at the change of that number."""

    change: int
    checked: Checked


@dataclass
class DevicesFound(Message):
    """What this machine can compute on."""

    devices: tuple[str, ...]


@dataclass
class StartEnded(Message):
    """A run has started, or why it has not."""

    run_id: str = ""
    problem: str = ""


class RetrainScreen(ActionScreen[None]):
    """A short form over the command line that starts the same run.

    Args:
        store: where the run is created.
        found: the genotype to train.
        start: creates the run and starts its engine.
    """

    DEFAULT_CSS = """
    RetrainScreen {
        #top { height: 1; padding: 0 1; color: $accent; text-style: bold; }
        #fields { height: 1fr; padding: 1; scrollbar-size-vertical: 1; }
        #help { height: 3; padding: 0 1; text-style: dim; }
        #outcome { height: auto; max-height: 3; padding: 0 1; &.wrong { color: $error; text-style: bold; } }
        #command { height: auto; max-height: 4; padding: 0 1; }
    }
    """
    AUTO_FOCUS = "Choice"
    PLACE = "retrain"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings(PLACE)

    def __init__(self, store: RunStore, found: Found, *, start: Start = launcher.start) -> None:
        super().__init__()
        self.form = RetrainForm(found)
        self._store, self._start = store, start
        self._checked, self._changes, self._starting = Checked({}), 0, False

    def compose(self) -> ComposeResult:
        """Yield the fields and the lines below."""
        found = self.form.found
        run, comma, epoch = found.name.partition(", ")
        name = run if found.published else f"{short_id(run)}{comma}{epoch}"
        title = clean(f"retrain {name or 'a genotype'} · {found.genotype.space}")
        yield Static(palette.of(self.app).shown(Text(title)), id="top")
        with VerticalScroll(id="fields", can_focus=False):
            yield from (Field(view, wide=view.name in ("preset", "dataset", "name")) for view in self.form.views())
        yield Static(id="help")
        yield Static(id="outcome")
        yield Static(id="command")
        yield KeyLine()

    def on_mount(self) -> None:
        """Check the form as it stands, and look for devices."""
        self._look_for_devices()
        self._changed()

    def on_field_edited(self, event: Field.Edited) -> None:
        """Take in what was typed, and say at once whether it will do."""
        self.form.write(event.name, event.text)
        for view in self.form.views():
            self.query_one(f"#field-{view.name}", Field).show(view)
        self._explain(event.name)
        self._changed()

    def on_field_entered(self, event: Field.Entered) -> None:
        """Explain the field that the cursor came into."""
        self._explain(event.name)

    @work(thread=True, exit_on_error=False, group="devices")
    def _look_for_devices(self) -> None:
        self.post_message(DevicesFound(devices_here()))

    def on_devices_found(self, event: DevicesFound) -> None:
        """Offer the devices of this machine."""
        self.form.devices = event.devices
        for view in self.form.views():
            if view.name == "device":
                self.query_one("#field-device", Field).show(view)

    def _changed(self) -> None:
        self._changes += 1
        self._check(self._changes, dataclasses.replace(self.form, typed=dict(self.form.typed)))

    @work(thread=True, exit_on_error=False, group="check", exclusive=True)
    def _check(self, change: int, form: RetrainForm) -> None:
        self.post_message(ChecksEnded(change, form.check()))

    def on_checks_ended(self, event: ChecksEnded) -> None:
        """Show the command, or what is wrong; answers to an older question are dropped."""
        if event.change == self._changes:
            self._checked = event.checked
            self._tell()

    def action_copy_command(self) -> None:
        """Copy the command line that starts the same run."""
        if self._checked.command:
            self.copy(self._checked.command, "the command shown below")
        else:
            self.say("There is no command yet: the form has a fault.", "warning")

    def action_start(self) -> None:
        """Start the run; where the form has a fault, it stays."""
        if self._starting or self._checked.faults or not self._checked.command:
            self.app.bell()
            return
        self._starting = True
        self._tell()
        self._launch(self.form.draft())

    @work(thread=True, exit_on_error=False, group="start")
    def _launch(self, draft: Draft) -> None:
        try:
            config, _ = self._start(self._store, draft)
            self.post_message(StartEnded(config.id))
        except NastuiError as error:
            self.post_message(StartEnded(problem=str(error)))

    def failed_in_background(self, work: str) -> None:
        """Let the person try again."""
        self._starting = False
        self._tell()

    def on_start_ended(self, event: StartEnded) -> None:
        """Watch the run, or say why there is none."""
        self._starting = False
        self._tell()
        if event.problem:
            self.say(event.problem, "error")
            return
        from screens.run import RunScreen

        self.app.switch_screen(RunScreen(self._store, event.run_id))

    def action_leave(self) -> None:
        """Go back without starting."""
        self.app.pop_screen()

    def _tell(self) -> None:
        faults = self._checked.faults
        self.query_one("#outcome").set_class(bool(faults), "wrong")
        if self._starting:
            self._say("#outcome", "starting the engine …")
        elif faults:
            self._say("#outcome", f"✗ {next(iter(faults.values()))}")
        else:
            self._say("#outcome", count(self._checked.epochs, "epoch") if self._checked.epochs else "")
        self._say("#command", f"$ {self._checked.command}" if self._checked.command else "")

    def _explain(self, name: str) -> None:
        self._say("#help", next((view.help for view in self.form.views() if view.name == name), ""))

    def _say(self, selector: str, text: str) -> None:
        self.query_one(selector, Static).update(palette.of(self.app).shown(Text(clean(text))))
