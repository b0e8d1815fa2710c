"""What the two forms that start a run share: checks, devices, an estimate, and the start, all in the background."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text
from textual.message import Message
from textual.widgets import Static

from runs.configuration import Draft, RunConfig
from runs.cost import estimates, measurements
from runs.cost.estimates import Estimate
from runs.cost.measurements import MeasurementTask
from runs.errors import NastuiError
from runs.home import Home, RunPaths
from runs.machine.meters import Meter
from runs.store import device_usage
from runs.store.run_store import Record, RunStore
from runs.supervision import launcher
from screens import settings
from screens.actions.keymap import keys_of
from screens.actions.screen import ActionScreen, background
from screens.actions.table import registry
from screens.destinations import OpenRun
from screens.formatting import clean, count
from screens.starting.device_field import Devices
from screens.starting.estimate_line import estimate_text
from screens.starting.retrain_form import RetrainForm
from screens.starting.run_form import Checked, RunForm
from screens.widgets.field import Field

Start = Callable[[RunStore, Draft], tuple[RunConfig, RunPaths]]
Measure = Callable[[RunConfig, Home], MeasurementTask]

# How often one looks at the machine and at other runs while the field of the device has not the focus.
_REST_SECONDS = 5.0


@dataclass
class ChecksEnded(Message):
    """What the slower checks found about the form as it was at the change of that number, and what its run costs."""

    change: int
    checked: Checked
    estimate: Estimate | None


@dataclass
class DevicesSeen(Message):
    """What this machine can compute on, and who does; the runs of the store where these were looked at too."""

    devices: Devices
    records: list[Record] | None


@dataclass
class MeasureEnded(Message):
    """A measurement is over; why there is no figure, if there is none."""

    problem: str = ""


@dataclass
class StartEnded(Message):
    """A run has started, or why it has not."""

    run_id: str = ""
    problem: str = ""


class StartingScreen(ActionScreen[None]):
    """A form over ``#help``, ``#outcome`` and ``#command``; a subclass composes it and says what its fields mean.

    Args:
        store: where the run is created.
        form: what is filled in.
        start: creates the run and starts its engine.
        measure: measures a configuration.
    """

    form: RunForm | RetrainForm

    def __init__(
        self,
        store: RunStore,
        form: RunForm | RetrainForm,
        *,
        start: Start = launcher.start,
        measure: Measure = MeasurementTask,
    ) -> None:
        super().__init__()
        self.store = store
        self.form = form
        self._start, self._measurer = start, measure
        self._checked = Checked({})
        self._estimate: Estimate | None = None
        self._changes = 0
        self._starting = False
        self._entered = ""
        self._measurement: MeasurementTask | None = None
        self._measured_since = 0.0
        self._records: list[Record] = []
        self._meter = Meter()
        self._looking = False
        self._looked = self._listed = float("-inf")

    def on_mount(self) -> None:
        """RunSelection at the machine now, and again and again."""
        self.every_tick(self._tick)
        self._tick()

    def on_unmount(self) -> None:
        """Leave no process behind."""
        self._end_measurement()

    # What a subclass says

    def problems(self) -> dict[str, str]:
        """Return what is wrong with the form, by field."""
        return self._checked.faults

    def cost(self) -> str:
        """Return what the catalogue says of the cost, for who has no figure."""
        raise NotImplementedError

    def explanation(self) -> str:
        """Return what ``#help`` says of the place that the cursor came into."""
        raise NotImplementedError

    # What the person does

    def on_field_entered(self, event: Field.Entered) -> None:
        """Explain the field that the cursor came into; devices are looked at from now on."""
        self._entered = event.name
        self.explain()
        self._tick()

    def action_copy_command(self) -> None:
        """Copy the command line that starts the same run."""
        if self._checked.command:
            self.copy(self._checked.command, "the command shown below")
        else:
            self.say("There is no command yet: the form has a fault.", "warning")

    def action_measure(self) -> None:
        """Measure the configuration in the form on its device; while one is measured, end that."""
        if self._measurement is not None:
            self._end_measurement()
        elif self._checked.config is None or self.problems():
            self.say("Nothing can be measured yet: the form has a fault.", "warning")
        elif not self._starting:
            self._measurement = self._measurer(self._checked.config, self.store.home)
            self._measured_since = time.monotonic()
            self.tell()
            self._measure(self._measurement)

    def start(self) -> None:
        """Start the run; what is being measured would only stand in its way."""
        self._starting = True
        self._end_measurement()
        self.tell()
        self._launch(self.form.draft())

    def changed(self) -> None:
        """Check the form anew; the answer comes later."""
        self._changes += 1
        self._check_again()

    # What comes back from other threads

    def _tick(self) -> None:
        if self.app.screen is not self:
            return
        if self._measurement is not None:
            self.tell()
        now = time.monotonic()
        if self._looking or (self._entered != "device" and now - self._looked < _REST_SECONDS):
            return
        self._looking, self._looked = True, now
        listing = now - self._listed >= _REST_SECONDS
        self._listed = now if listing else self._listed
        self._look(self.form.devices, listing)

    @background(group="look")
    def _look(self, before: Devices, listing: bool) -> None:
        records, users = None, before.users
        if listing:
            try:
                records = self.store.records()
            except NastuiError:
                records = []  # the screen of runs says why; a run may be started all the same
            users = device_usage.users(records)
        self.post_message(DevicesSeen(Devices(self._meter.look(), users), records))

    def on_devices_seen(self, event: DevicesSeen) -> None:
        """Show the devices of this machine as they are now."""
        self._looking = False
        self.form.devices = event.devices
        for field in self.query("#field-device").results(Field):
            seen = event.devices.view(self.form.typed.get("device"))
            if seen != field.view:
                field.show(dataclasses.replace(seen, problem=field.view.problem))
        if self._entered == "device":
            self.explain()
        if event.records is not None:
            self._records = event.records
            self._check_again()

    def _check_again(self) -> None:
        form = dataclasses.replace(self.form, typed=dict(self.form.typed))
        self._check(self._changes, form)

    @background(group="check", exclusive=True)
    def _check(self, change: int, form: RunForm | RetrainForm) -> None:
        checked, estimate = form.check(), None
        if checked.config is not None:
            card = form.devices.card(checked.config.device)
            estimate = estimates.estimate(checked.config, card, self._records, measurements.read(self.store.home))
        self.post_message(ChecksEnded(change, checked, estimate))

    def on_checks_ended(self, event: ChecksEnded) -> None:
        """Show the command and the estimate, or what is wrong; answers to an older question are dropped."""
        if event.change == self._changes:
            self._checked, self._estimate = event.checked, event.estimate
            self.tell()

    @background(group="measure")
    def _measure(self, measurement: MeasurementTask) -> None:
        try:
            figure = measurement.result()
            if figure is not None:
                measurements.keep(self.store.home, figure)
            self.post_message(MeasureEnded())
        except NastuiError as error:
            self.post_message(MeasureEnded(str(error)))

    def on_measure_ended(self, event: MeasureEnded) -> None:
        """Show the estimate that follows, or say why there is none."""
        self._measurement = None
        self.tell()
        if event.problem:
            self.say(event.problem, "error")
        self._check_again()

    def _end_measurement(self) -> None:
        if self._measurement is not None:
            self._measurement.end()

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
        self.tell()
        if event.problem:
            self.say(event.problem, "error")
            return
        self.post_message(OpenRun(event.run_id, instead=True))

    def failed_in_background(self, work: str) -> None:
        """Let the person try again."""
        if work == "start":
            self._starting = False
        elif work == "measure":
            self._measurement = None
        elif work == "look":
            self._looking = False
        self.tell()

    # What is shown

    def tell(self) -> None:
        """Bring the lines below the form up to date."""
        problems = self.problems()
        outcome = self.query_one("#outcome", Static)
        outcome.set_class(bool(problems) and not self._starting, "wrong")
        if self._starting:
            self.show("#outcome", "starting the engine …")
        elif problems:
            name, problem = next(iter(problems.items()))
            self.show("#outcome", f"✗ {name}: {problem}" if name else f"✗ {problem}")
        else:
            epochs = [count(self._checked.epochs, "epoch")] if self._checked.epochs else []
            self.show("#outcome", " · ".join([*epochs, self._costs()]))
        self.show("#command", f"$ {self._checked.command}" if self._checked.command and not problems else "")

    def explain(self) -> None:
        """Bring the explanation up to date."""
        self.query_one("#help").set_class(self._entered == "device", "-long")
        self.show("#help", self.explanation())

    def show(self, selector: str, text: str) -> None:
        """Show a line of text, whoever wrote it."""
        self.query_one(selector, Static).update(Text(clean(text)))

    def _costs(self) -> str:
        if self._checked.config is None:
            return self.cost()
        action = registry()[f"{self.SCOPE}.measure"]
        key = keys_of(action, settings.of(self.app).keys)[0]
        if self._measurement is not None:
            seconds = time.monotonic() - self._measured_since
            return f"measuring on {self._checked.config.device} … {seconds:.0f} s ({key} ends it)"
        if self._estimate is not None:
            return estimate_text(self._estimate, datetime.datetime.now().astimezone())
        return f"{key} measures time and memory here. {self.cost()}"
