"""The New run screen: a method, a preset, and every hyperparameter, explained and checked while it is typed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from runs import catalogue, launcher
from runs.configuration import Draft, RunConfig
from runs.errors import NastuiError
from runs.home import RunPaths
from runs.store import RunStore
from screens import actions, palette
from screens.action_screen import ActionScreen, background
from screens.run_form import Checked, FieldView, RunForm, devices_here
from screens.widgets.confirm import Confirm
from screens.widgets.field import Field
from screens.widgets.key_line import KeyLine
from screens.widgets.pick_list import PickList
from screens.wording import clean, count

Start = Callable[[RunStore, Draft], tuple[RunConfig, RunPaths]]
_WIDE = ("dataset", "name")


@dataclass
class ChecksEnded(Message):
    """What the slower checks found about the form as it was at the change of that number."""

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


class NewRunScreen(ActionScreen[None]):
    """Methods and presets on the left, the form on the right, below what it comes to.

    Args:
        store: where the run is created.
        preset: the preset that is picked at first.
        start: creates the run and starts its engine.
    """

    DEFAULT_CSS = """
    NewRunScreen {
        #top { height: 1; padding: 0 1; }
        #title { width: auto; color: $accent; text-style: bold; }
        #what { width: 1fr; text-align: right; text-style: dim; }
        #body { height: 1fr; }
        #lists { width: 26; padding: 0 1; }
        #form { width: 1fr; padding: 0 1; border-left: vkey $foreground 15%; scrollbar-size-vertical: 1; }
        #head, #settings { height: auto; }
        .heading { height: 1; text-style: dim italic; }
        #presets-heading, #form .heading.later { margin-top: 1; }
        #methods, #presets { max-height: 50%; }
        #help { height: 2; padding: 0 1; margin-top: 1; text-style: dim; }
        #outcome { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #outcome.wrong { color: $error; text-style: bold; }
        #command { height: auto; max-height: 2; padding: 0 1; }
        &.-wide #lists { width: 44; }
        &.-narrow #lists { width: 12; }
        &.-narrow #help { height: 3; }
    }
    """
    PLACE = "new_run"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (110, "-wide")]
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("new_run")

    def __init__(self, store: RunStore, *, preset: str = "paper", start: Start = launcher.start) -> None:
        super().__init__()
        self.store = store
        self.form = RunForm(preset=preset)
        self._start = start
        self._checked = Checked({})
        self._changes = 0
        self._starting = False
        self._entered = ""

    def compose(self) -> ComposeResult:
        """Yield the lists, the form, and the lines below."""
        with Horizontal(id="top"):
            yield Static("new run", id="title")
            yield Static(id="what")
        with Horizontal(id="body"):
            with Vertical(id="lists"):
                yield Static("method", classes="heading")
                yield PickList(id="methods")
                yield Static("preset", classes="heading", id="presets-heading")
                yield PickList(id="presets")
            with VerticalScroll(id="form", can_focus=False):
                with Vertical(id="head"):
                    yield from _fields(self.form.head())
                with Vertical(id="settings"):
                    yield from _fields(self.form.settings())
        yield Static(id="help")
        yield Static(id="outcome")
        yield Static(id="command")
        yield KeyLine()

    def on_mount(self) -> None:
        """Offer what the catalogue has, and look for devices."""
        methods = catalogue.methods()
        self.query_one("#methods", PickList).offer([(m.name, m.summary) for m in methods.values()], self.form.method)
        self._offer_presets()
        self.query_one("#presets" if len(methods) == 1 else "#methods").focus()
        self._look_for_devices()
        self._changed()

    # What the person does

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """Refill the form for another method or preset."""
        before = (self.form.method, self.form.space)
        if event.list.id == "methods":
            self.form.choose(method=event.name)
        else:
            self.form.choose(preset=event.name)
        self._refill(before)
        self._explain()

    def on_field_edited(self, event: Field.Edited) -> None:
        """Take in what was typed, and say at once whether it will do."""
        before = (self.form.method, self.form.space)
        self.form.write(event.name, event.text)
        if event.name == "space":
            self._refill(before)
            return
        self.query_one(f"#field-{event.name}", Field).show(self.form.view(event.name))
        self._explain()
        self._changed()

    def on_field_entered(self, event: Field.Entered) -> None:
        """Explain the field that the cursor came into."""
        self._entered = event.name
        self._explain()

    def on_descendant_focus(self) -> None:
        """Explain the list that the cursor came into."""
        if isinstance(self.focused, PickList):
            self._entered = ""
            self._explain()

    def action_copy_command(self) -> None:
        """Copy the command line that starts the same run."""
        if self._checked.command:
            self.copy(self._checked.command, "the command shown below")
        else:
            self.say("There is no command yet: the form has a fault.", "warning")

    def action_start(self) -> None:
        """Start the run; where the form has a fault, go there."""
        if self._starting:
            return
        checked = self.form.check() if not self.form.typed else self._checked
        fault = next(iter({**self._problems(), **checked.faults}), None)
        if fault is not None:
            for field in self.query(Field):
                if field.view.name == fault:
                    field.query("Input, Choice").first().focus()
            self.app.bell()
            return
        self._starting = True
        self._tell()
        self._launch(self.form.draft())

    @work
    async def action_leave(self) -> None:
        """Go back to the runs; what was typed is thrown away only after asking."""
        if not self.form.typed or await self.app.push_screen_wait(
            Confirm("Leave without starting?", f"You typed {count(len(self.form.typed), 'value')}.")
        ):
            self.dismiss(None)

    # What comes back from other threads

    @background(group="devices")
    def _look_for_devices(self) -> None:
        self.post_message(DevicesFound(devices_here()))

    def on_devices_found(self, event: DevicesFound) -> None:
        """Offer the devices of this machine."""
        self.form.devices = event.devices
        self.query_one("#field-device", Field).show(self.form.view("device"))

    @background(group="check", exclusive=True)
    def _check(self, change: int, form: RunForm) -> None:
        self.post_message(ChecksEnded(change, form.check()))

    def on_checks_ended(self, event: ChecksEnded) -> None:
        """Show the command, or what is wrong; answers to an older question are dropped."""
        if event.change != self._changes:
            return
        self._checked = event.checked
        for view in self.form.head():
            problem = event.checked.faults.get(view.name, "")
            self.query_one(f"#field-{view.name}", Field).show(dataclasses.replace(view, problem=problem))
        self._tell()

    @background(group="start")
    def _launch(self, draft: Draft) -> None:
        try:
            config, _ = self._start(self.store, draft)
            self.post_message(StartEnded(config.id))
        except NastuiError as error:
            self.post_message(StartEnded(problem=str(error)))

    def on_start_ended(self, event: StartEnded) -> None:
        """Watch the run, or say why there is none."""
        self._starting = False
        self._tell()
        if event.problem:
            self.say(event.problem, "error")
            return
        from screens.run import RunScreen

        self.app.switch_screen(RunScreen(self.store, event.run_id))

    def failed_in_background(self, work: str) -> None:
        """Let the person start again."""
        if work == "start":
            self._starting = False
            self._tell()

    # What is shown

    def _offer_presets(self) -> None:
        entries = [(preset.name, preset.summary) for preset in self.form.presets]
        self.query_one("#presets", PickList).offer(entries, self.form.preset)

    @work(exclusive=True, group="refill")
    async def _refill(self, before: tuple[str, str]) -> None:
        """Bring every field up to date; make them anew where they are others."""
        for view in self.form.head():
            self.query_one(f"#field-{view.name}", Field).show(view)
        views = self.form.settings()
        if before != (self.form.method, self.form.space):
            self._offer_presets()
            settings = self.query_one("#settings")
            async with self.batch():
                await settings.remove_children()
                await settings.mount_all(_fields(views))
        else:
            for view in views:
                self.query_one(f"#field-{view.name}", Field).show(view)
        self._changed()

    def _changed(self) -> None:
        self._changes += 1
        self._tell()
        self._check(self._changes, dataclasses.replace(self.form, typed=dict(self.form.typed)))

    def _problems(self) -> dict[str, str]:
        return {view.name: view.problem for view in self.form.settings() if view.problem}

    def _tell(self) -> None:
        method, space = catalogue.method(self.form.method), catalogue.space(self.form.space)
        self._say("#what", f"{method.title} on {space.title}")
        problems = {**self._checked.faults, **self._problems()}
        outcome = self.query_one("#outcome", Static)
        outcome.set_class(bool(problems), "wrong")
        if self._starting:
            self._say("#outcome", "starting the engine …")
        elif problems:
            name, problem = next(iter(problems.items()))
            self._say("#outcome", f"✗ {name}: {problem}" if name else f"✗ {problem}")
        else:
            epochs = f"{count(self._checked.epochs, 'epoch')} · " if self._checked.epochs else ""
            self._say("#outcome", f"{epochs}{method.cost}")
        self._say("#command", f"$ {self._checked.command}" if self._checked.command and not problems else "")

    def _explain(self) -> None:
        if self._entered:
            self._say("#help", self.form.view(self._entered).help)
        elif self.focused is not None and self.focused.id == "methods":
            method = catalogue.method(self.form.method)
            self._say("#help", f"{method.summary} {method.reference}.")
        else:
            self._say("#help", next(p.summary for p in self.form.presets if p.name == self.form.preset))

    def _say(self, selector: str, text: str) -> None:
        self.query_one(selector, Static).update(palette.of(self.app).shown(Text(clean(text))))


def _fields(views: list[FieldView]) -> Iterator[Static | Field]:
    group = ""
    for view in views:
        if view.group != group:
            group = view.group
            yield Static(group, classes="heading" if group == "run" else "heading later")
        yield Field(view, wide=view.name in _WIDE)
