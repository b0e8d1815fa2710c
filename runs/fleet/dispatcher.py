"""``python -P -m runs.fleet.dispatcher HOME``: starts the runs of the queue as devices become free, then ends.

There is one per home. It can be killed at any time: all it knows is in the queue's file, and whoever looks at the queue
next starts it again. No run starts twice, because an engine starts only if its run has been started exactly as often as
when it was queued.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runs.configuration import RunConfig
from runs.cost import measurements
from runs.cost.estimates import estimate
from runs.cost.measurements import Measurement
from runs.errors import BusyError, NastuiError
from runs.fleet.placement import Use, place
from runs.fleet.queueing import cpu_slots
from runs.home import Home
from runs.log.event_log import last_progress, starts
from runs.machine import cores, devices
from runs.machine.devices import Gpu
from runs.notify.telling import Sweeper
from runs.store.folder_watch import folder_time
from runs.store.lock import engine_lock, is_held
from runs.store.queue import Entry, Queue
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.supervision.launching import launch

LOOK_SECONDS = 0.5


class Dispatcher:
    """Places waiting runs and starts them.

    Args:
        home: whose queue it is.
        gpus: measures the GPUs of this machine.
        launch: starts an engine; the arguments are those of :func:`runs.supervision.launching.launch`.
    """

    def __init__(
        self,
        home: Home,
        gpus: Callable[[], Sequence[Gpu]] = devices.gpus,
        launch: Callable[..., object] = launch,
    ) -> None:
        self._home = home
        self._gpus = gpus
        self._launch = launch
        self._queue = Queue(home)
        self._store = RunStore(home)
        self._estimated: dict[str, int | None] = {}
        self._folder_times: dict[str, int] = {}

    def step(self) -> bool:
        """Start what can start now, and return whether any run still waits that is not held.

        Raises:
            NastuiError: the queue cannot be written.
        """
        known = self._queue.read()
        if known.damage:
            print(f"The file of the queue: {known.damage}.", flush=True)  # noqa: T201 - stdout is the dispatcher's log
        ended = {entry.run for entry in known.entries if self._may_have_changed(entry) and self._has_ended(entry)}
        if ended:  # their logs may tell what equal runs need
            self._estimated = {run: memory for run, memory in self._estimated.items() if memory is not None}
        entries = [entry for entry in known.entries if entry.run not in ended]
        gpus, uses = self._gpu_memory(entries)
        if _placed(entries, gpus, cpu_slots(known), uses) != known.entries:
            with self._queue.change() as document:  # it may have changed meanwhile
                document.drop(ended)
                document.entries = _placed(document.entries, gpus, cpu_slots(document), uses)
        current = self._queue.read()
        for entry in current.placed:
            if not entry.launched:
                self._start(entry, cpu_slots(current))
        return self.has_work()

    def has_work(self) -> bool:
        """Return whether an engine has yet to be started. A dispatcher that was killed may have left placed runs."""
        return bool(self._queue.read().to_launch)

    def _start(self, entry: Entry, slots: int) -> None:
        """Launch the engine of a placed run. If it does not start, the run is held, with the reason.

        An earlier dispatcher may have been killed after the launch and before it noted that.
        """
        paths = self._home.run(entry.run)
        try:
            if not is_held(paths.lock) and starts(paths.events) == entry.starts:
                self._launch(paths, starts=entry.starts, gpus=_visible(entry), cores=_cores(entry, slots))
        except (NastuiError, OSError) as error:
            print(f"{entry.run}: {error}", flush=True)  # noqa: T201 - stdout is the dispatcher's log
            with self._queue.change() as document:
                document.replace(entry.run, placed=(), held=True, reason=str(error).replace("\n", " ")[:300])
            return
        with self._queue.change() as document:
            document.replace(entry.run, launched=True)

    def _has_ended(self, entry: Entry) -> bool:
        """Return whether a run needs its entry no longer: its engine has come and gone, or the run was removed."""
        paths = self._home.run(entry.run)
        if not paths.root.exists():
            return True
        if is_held(paths.lock):
            return not entry.placed  # somebody has resumed it by hand
        if entry.launched:
            return True
        try:
            return starts(paths.events) != entry.starts
        except OSError:
            return True

    def _may_have_changed(self, entry: Entry) -> bool:
        """Return whether a run must be examined: one that waits need not be, unless its folder has a new time."""
        if entry.placed:
            return True
        before, now = self._folder_times.get(entry.run), folder_time(str(self._home.run(entry.run).root))
        self._folder_times[entry.run] = now
        return not now or now != before

    def _gpu_memory(self, entries: Sequence[Entry]) -> tuple[Sequence[Gpu], dict[str, Use]]:
        """Return the GPUs as they are now, and what each run needs of one; both empty if no run waits for a GPU."""
        if all(entry.placed or entry.device == "cpu" for entry in entries):
            return (), {}
        gpus, concerned = self._gpus(), [entry for entry in entries if entry.device != "cpu"]
        if any(entry.run not in self._estimated for entry in concerned):
            card = gpus[0].name if gpus else ""
            records, measured = self._store.records(), measurements.read(self._home)
            for entry in concerned:
                if entry.run not in self._estimated:
                    self._estimated[entry.run] = self._estimate(entry, card, records, measured)
        return gpus, {entry.run: self._use(entry) for entry in concerned}

    def _use(self, entry: Entry) -> Use:
        reported = last_progress(self._home.run(entry.run).events) if entry.placed else None
        return Use(self._estimated[entry.run], reported.memory or 0 if reported else 0)

    def _estimate(
        self, entry: Entry, card: str, records: Sequence[Record], measured: Sequence[Measurement]
    ) -> int | None:
        """Return the peak memory of a run in bytes, from equal earlier runs or a measurement; None if unknown."""
        try:
            config = RunConfig.read(self._home.run(entry.run).config)
            found = estimate(config, card, records, measured)
        except NastuiError:
            return None
        return found.memory if found else None


def _placed(entries: list[Entry], gpus: Sequence[Gpu], slots: int, uses: Mapping[str, Use]) -> list[Entry]:
    """Return the entries with what those that can start are given, and with what the others wait for."""
    decision = place(entries, gpus, slots, uses)
    found = []
    for entry in entries:
        if (given := decision.placements.get(entry.run)) is not None:
            found.append(entry.with_(placed=given, reason=""))
        elif (reason := decision.reasons.get(entry.run, entry.reason)) != entry.reason:
            found.append(entry.with_(reason=reason))
        else:
            found.append(entry)
    return found


def _visible(entry: Entry) -> tuple[int, ...] | None:
    """Return the GPUs that a run may see; None if its configuration names them, or it needs none."""
    if entry.device != "cuda":
        return None
    return tuple(int(device.partition(":")[2]) for device in entry.placed)


def _cores(entry: Entry, slots: int) -> frozenset[int] | None:
    """Return the cores of a run's slot: an equal share of those that we may use; None for a run on a GPU."""
    if entry.device != "cpu":
        return None
    all_cores = cores.numbers()
    slot = int(entry.placed[0].partition(":")[2]) % slots
    share = all_cores[slot * len(all_cores) // slots : (slot + 1) * len(all_cores) // slots]
    return frozenset(share) or frozenset(all_cores[slot % len(all_cores) :][:1]) or None


def main(arguments: list[str]) -> int:
    """Work on the queue of a home until nothing waits. A second dispatcher ends at once."""
    home = Home(Path(arguments[0]).absolute())
    dispatcher = Dispatcher(home)
    sweeper = Sweeper(home)
    sweeper.start()
    try:
        # Whoever adds a run while the lock is held relies on this dispatcher, so it looks again after the release.
        while dispatcher.has_work():
            with engine_lock(home.dispatcher, patience=0.0):
                while dispatcher.step():
                    time.sleep(LOOK_SECONDS)
    except BusyError:
        return 0
    except NastuiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    finally:
        sweeper.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
