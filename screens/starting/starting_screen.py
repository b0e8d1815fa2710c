"""The base of the two forms that start a run: checks, devices, estimate and start, all in the background."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.text import Text
from textual.message import Message
from textual.widgets import Static

from runs.configuration import Draft, RunConfig
from runs.cost import estimates, measurements
from runs.cost.estimates import Estimate
from runs.cost.measurements import MeasurementTask
from runs.errors import NastuiError
from runs.fleet import sweep_planning, sweep_starting
from runs.fleet.queueing import cpu_slots
from runs.fleet.run_starting import start_queued, start_submitted
from runs.fleet.sweep_store import SweepStore
from runs.formatting import count
from runs.home import Home, RunPaths
from runs.machine.meters import Meter
from runs.slurm.profile import Target
from runs.store import device_usage
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.supervision import new_run
from screens.actions.screen import ActionScreen, background
from screens.destinations import OpenRun, OpenSweep
from screens.formatting import clean
from screens.starting.device_field import Devices
from screens.starting.estimate_line import estimate_text, roughly
from screens.starting.many import QUEUED, Checked, Many, many
from screens.starting.retrain_form import RetrainForm
from screens.starting.run_form import RunForm
from screens.widgets.field import Field

Start = Callable[[RunStore, Draft], tuple[RunConfig, RunPaths]]
Measure = Callable[[RunConfig, Home], MeasurementTask]

# Seconds between measurements of the machine, and readings of the store, while the device field has no focus.
_REST_SECONDS = 5.0


@dataclass
class ChecksEnded(Message):
    """The slower checks of a numbered version of the form have ended.

    Attributes:
        estimate: the estimated cost of one run, of a sweep its first one.
        total: the estimated seconds of a whole sweep.
        at_a_time: how many of its runs can run at a time.
    """

    change: int
    checked: Checked
    estimate: Estimate | None
    total: float | None = None
    at_a_time: int = 1


@dataclass
class DevicesSeen(Message):
    """The devices were measured, and the runs of the store were read if ``records`` is not None."""

    devices: Devices
    records: list[Record] | None


@dataclass
class MeasureEnded(Message):
    """A measurement has ended; ``problem`` says why it has no result."""

    problem: str = ""


@dataclass
class StartEnded(Message):
    """A run has started or is queued, or a sweep is, or ``problem`` says why not."""

    run_id: str = ""
    sweep: str = ""
    problem: str = ""


class StartingScreen(ActionScreen[None]):
    """A form above ``#help``, ``#outcome`` and ``#command``. Subclasses compose it and explain its fields.

    Args:
        store: where the run is created.
        form: the state of the form.
        start: creates the run and starts its engine.
        measure: measures a configuration.
    """

    form: RunForm | RetrainForm

    def __init__(
        self,
        store: RunStore,
        form: RunForm | RetrainForm,
        *,
        start: Start = new_run.start,
        measure: Measure = MeasurementTask,
    ) -> None:
        super().__init__()
        self.store = store
        self.form = form
        self._start, self._measurer = start, measure
        self._checked = Checked({})
        self._estimate: Estimate | None = None
        self._total: float | None = None
        self._at_a_time = 1
        self._changes = 0
        self._starting = False
        self._measurement: MeasurementTask | None = None
        self._measured_since = 0.0
        self._records: list[Record] = []
        self._meter = Meter()
        self._measuring_devices = False
        self._devices_at = self._listed_at = float("-inf")

    def on_mount(self) -> None:
        """Measure the machine now and at every tick."""
        self.every_tick(self._tick)
        self._tick()

    def on_unmount(self) -> None:
        """End a measurement that is still running."""
        self._end_measurement()

    @property
    def entered(self) -> str:
        """The name of the field that has the focus; empty if none has."""
        inside = self.focused.ancestors_with_self if self.focused is not None else ()
        return next((node.view.name for node in inside if isinstance(node, Field)), "")

    # Implemented by subclasses

    def problems(self) -> dict[str, str]:
        """Return the faults of the form, by field."""
        return self._checked.faults

    def cost(self) -> str:
        """Return a description of the cost, for runs without an estimate."""
        raise NotImplementedError

    def explanation(self) -> str:
        """Return the text of ``#help`` for the focused part."""
        raise NotImplementedError

    # Input

    def on_field_entered(self, event: Field.Entered) -> None:
        """Explain the focused field; the device field is measured at every tick."""
        self.explain()
        self._tick()

    def action_copy_command(self) -> None:
        """Copy the command line that starts the same run."""
        if self._checked.command:
            self.copy(self._checked.command, "the command shown below")
        else:
            self.say("There is no command yet: the form has a fault.", "warning")

    def action_measure(self) -> None:
        """Measure the configuration of the form on its device, or end the current measurement."""
        if self._measurement is not None:
            self._end_measurement()
        elif self._checked.request is not None:
            self.say("It measures on this machine, but the run is for Slurm.", "warning")
        elif self._checked.config is None or self.problems():
            self.say("Nothing can be measured yet: the form has a fault.", "warning")
        elif not self._starting:
            self._measurement = self._measurer(self._checked.config, self.store.home)
            self._measured_since = time.monotonic()
            self.update_lines()
            self._measure(self._measurement)

    def start(self) -> None:
        """Start the run, or queue it, or a sweep; and cancel a measurement, which would slow it down."""
        try:
            draft, several = self.form.draft(), many(self.form.typed)
        except NastuiError as error:  # typed so recently that it has not been checked
            self.say(str(error), "error")
            return
        self._starting = True
        self._end_measurement()
        self.update_lines()
        typed = dict(self.form.typed)
        if several is not None:
            self._launch_many(draft, several, typed)
        else:
            self._launch(draft, typed)

    def changed(self) -> None:
        """Check the form again in the background."""
        self._changes += 1
        self._check_again()

    # Background

    def _tick(self) -> None:
        if self.app.screen is not self:
            return
        if self._measurement is not None:
            self.update_lines()
        now = time.monotonic()
        if self._measuring_devices or (self.entered != "device" and now - self._devices_at < _REST_SECONDS):
            return
        self._measuring_devices, self._devices_at = True, now
        listing = now - self._listed_at >= _REST_SECONDS
        self._listed_at = now if listing else self._listed_at
        self._measure_devices(self.form.devices, listing)

    @background(group="devices")
    def _measure_devices(self, before: Devices, listing: bool) -> None:
        records, users = None, before.users
        if listing:
            try:
                records = self.store.records()
            except NastuiError:
                records = []  # the Runs screen says why; a run can be started anyway
            users = device_usage.users(records)
        self.post_message(DevicesSeen(Devices(self._meter.look(), users), records))

    def on_devices_seen(self, event: DevicesSeen) -> None:
        """Show the devices as measured."""
        self._measuring_devices = False
        self.form.devices = event.devices
        for field in self.query("#field-device").results(Field):
            seen = self.form.device()
            if seen != field.view:
                field.show(dataclasses.replace(seen, problem=field.view.problem))
        if self.entered == "device":
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
        ended = ChecksEnded(change, checked, None)
        if checked.config is not None and checked.request is None:
            measured = measurements.read(self.store.home)
            found = []
            for config in checked.configs or (checked.config,):
                estimate = estimates.estimate(config, form.devices.card(config.device), self._records, measured)
                found.append(estimate)
            ended.estimate = found[0]
            known = [estimate.seconds for estimate in found if estimate is not None]
            on_gpu = checked.config.device != "cpu"
            ended.at_a_time = len(form.devices.gpus) if on_gpu else cpu_slots(self.store.queue.read())
            ended.at_a_time = max(1, min(ended.at_a_time, checked.runs))
            if len(known) == len(found):
                ended.total = sum(known) / len(known) * checked.runs / ended.at_a_time
        self.post_message(ended)

    def on_checks_ended(self, event: ChecksEnded) -> None:
        """Show the command and the estimate, or the fault; results for an older version of the form are dropped."""
        if event.change == self._changes:
            self._checked, self._estimate = event.checked, event.estimate
            self._total, self._at_a_time = event.total, event.at_a_time
            self.update_lines()

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
        """Show the new estimate, or say why there is none."""
        self._measurement = None
        self.update_lines()
        if event.problem:
            self.say(event.problem, "error")
        self._check_again()

    def _end_measurement(self) -> None:
        if self._measurement is not None:
            self._measurement.end()

    @background(group="start")
    def _launch_many(self, draft: Draft, several: Many, typed: Mapping[str, str]) -> None:
        try:
            plan = sweep_planning.plan(self.store, draft, several.seeds, several.grid, slurm=self._target(typed))
            sweep = sweep_starting.start(SweepStore(self.store), plan)
            self.post_message(StartEnded(sweep=sweep.id))
        except NastuiError as error:
            self.post_message(StartEnded(problem=str(error)))

    @background(group="start")
    def _launch(self, draft: Draft, typed: Mapping[str, str]) -> None:
        try:
            if (target := self._target(typed)) is not None:
                config, _ = start_submitted(self.store, draft, target)
            elif typed.get("start") == QUEUED:
                config, _ = start_queued(self.store, draft)
            else:
                config, _ = self._start(self.store, draft)
            self.post_message(StartEnded(config.id))
        except NastuiError as error:
            self.post_message(StartEnded(problem=str(error)))

    def _target(self, typed: Mapping[str, str]) -> Target | None:
        """Return where in Slurm the runs are to work; None without Slurm.

        Raises:
            NastuiError: the profile is no longer right.
        """
        slurm = self.form.slurm
        return slurm.target(typed, slurm.checked_profile(typed))

    def on_start_ended(self, event: StartEnded) -> None:
        """Open the run, or say why it has not started."""
        self._starting = False
        self.update_lines()
        if event.problem:
            self.say(event.problem, "error")
            return
        self.post_message(OpenSweep(event.sweep, instead=True) if event.sweep else OpenRun(event.run_id, instead=True))

    def failed_in_background(self, group: str) -> None:
        """Allow another attempt."""
        if group == "start":
            self._starting = False
        elif group == "measure":
            self._measurement = None
        elif group == "devices":
            self._measuring_devices = False
        self.update_lines()

    # Output

    def update_lines(self) -> None:
        """Update the lines below the form."""
        problems = self.problems()
        outcome = self.query_one("#outcome", Static)
        outcome.set_class(bool(problems) and not self._starting, "wrong")
        if self._starting:
            starting = "submitting to Slurm …" if self.form.slurm.name(self.form.typed) else "starting the engine …"
            self.show("#outcome", "creating the runs …" if self._checked.runs > 1 else starting)
        elif problems:
            name, problem = next(iter(problems.items()))
            self.show("#outcome", f"✗ {name}: {problem}" if name else f"✗ {problem}")
        else:
            runs = [count(self._checked.runs, "run")] if self._checked.runs > 1 else []
            epochs = [count(self._checked.epochs, "epoch")] if self._checked.epochs else []
            total = [f"all, {self._at_a_time} at a time: about {roughly(self._total)}"] if runs and self._total else []
            in_slurm = self.form.slurm.summary(self.form.typed)
            self.show("#outcome", " · ".join([*runs, *total, *epochs, in_slurm or self._costs()]))
        self.show("#command", f"$ {self._checked.command}" if self._checked.command and not problems else "")

    def explain(self) -> None:
        """Update the explanation, which takes as many lines as it needs."""
        self.show("#help", self.explanation())

    def show(self, selector: str, text: str) -> None:
        """Show a line of foreign text."""
        self.query_one(selector, Static).update(Text(clean(text)))

    def _costs(self) -> str:
        if self._checked.config is None:
            return self.cost()
        key = self.key_of(f"{self.SCOPE}.measure")
        if self._measurement is not None:
            seconds = time.monotonic() - self._measured_since
            return f"measuring on {self._checked.config.device} … {seconds:.0f} s ({key} ends it)"
        if self._estimate is not None:
            return estimate_text(self._estimate, datetime.datetime.now().astimezone())
        return f"{key} measures time and memory here. {self.cost()}"
