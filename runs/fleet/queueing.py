"""Putting runs into the queue, and making sure that a dispatcher works on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runs.configuration import RunConfig
from runs.detached import start_detached
from runs.errors import EnvironmentLacksError, NotFoundError, UsageError
from runs.files import end_of
from runs.home import Home, RunPaths
from runs.log.event_log import starts
from runs.machine import cores
from runs.slurm import submission
from runs.store.lock import is_held
from runs.store.queue import Document, Entry, Queue
from runs.store.record import Record


def entry(paths: RunPaths, config: RunConfig, *, any_gpu: bool, per_device: int = 1) -> Entry:
    """Return the entry of a run that is to wait in the queue.

    Args:
        paths: of the run.
        config: of the run.
        any_gpu: whether it may use any GPU; otherwise it waits for the one of its configuration.
        per_device: how many runs may share its GPU.
    """
    kind = config.device.partition(":")[0]
    try:
        started = starts(paths.events)
    except OSError as error:
        raise NotFoundError(f"'{paths.events}' cannot be read: {error.strerror}.") from error
    return Entry(
        run=paths.root.name,
        device=kind if any_gpu or kind == "cpu" else config.device,
        gpus=config.options.get("gpus", 1) if kind == "cuda" else 1,
        per_device=per_device,
        starts=started,
    )


def enqueue(home: Home, entries: list[Entry]) -> None:
    """Put runs at the end of the queue, and make sure that they will start.

    Raises:
        NastuiError: the queue cannot be written, or the dispatcher cannot be started.
    """
    Queue(home).add(entries)
    ensure_dispatcher(home)


def takes_any_gpu(device: str) -> bool:
    """Return whether a run for which this device was requested may use any GPU."""
    return device in ("auto", "cuda")


def ensure_dispatcher(home: Home, queue: Queue | None = None) -> bool:
    """Start a dispatcher if runs that are not held have yet to start, and none is there. Return whether it was started.

    It takes one look at a small file, so every command and dashboard calls it: a dispatcher that was killed is replaced
    by whoever comes next. Of two that start at once, the second ends at once. It also asks Slurm about the runs that it
    has, if there are any and nobody has asked for a while.

    Raises:
        EnvironmentLacksError: the process cannot be started.
    """
    submission.refresh(home)
    document = (queue or Queue(home)).read()
    if not document.to_launch or is_held(home.dispatcher):
        return False
    log = home.queue / "dispatcher.log"
    process = start_detached(
        "The dispatcher of the queue",
        *("runs.fleet.dispatcher", str(home.root)),
        log=log,
        has_started=lambda: is_held(home.dispatcher),
        late=EnvironmentLacksError("The dispatcher of the queue has not started.", f"See '{home.queue}'."),
    )
    if process.exit_code:
        said = end_of(log, 400).decode(errors="replace").strip()
        raise EnvironmentLacksError(f"The dispatcher of the queue ended at once: {said}")
    return True


def cpu_slots(document: Document) -> int:
    """Return how many runs share the cores of this machine.

    Two cores a run, and on machines with fewer than four cores one: two runs with one thread each get more done than
    one after the other with two (docs/performance.md, "CPU threads").
    """
    present = cores.allowed()
    return document.cpu_slots or max(1, present // 2 if present >= 4 else present)


@dataclass(frozen=True)
class Wait:
    """The place of a run among those that wait, counted from 1, and what it waits for."""

    place: int
    reason: str

    def __str__(self) -> str:
        """Return ``queued 3rd, waits for cuda:1 (needs 11.0 GB, free 4.0 GB)``."""
        return f"queued {ordinal(self.place)}" + (f", {self.reason}" if self.reason else "")


def waits(document: Document) -> dict[str, Wait]:
    """Return the place of each run that waits."""
    return {waiting.run: Wait(place, waiting.reason) for place, waiting in enumerate(document.waiting, 1)}


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``3rd``, ``4th``, ``11th``, ``21st``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def to_start(records: Iterable[Record], document: Document) -> list[Record]:
    """Return the runs that a resumed sweep starts: those that never started, were lost or failed, and do not wait."""
    there = {found.run for found in document.entries if not found.launched}
    return [
        record
        for record in records
        if record.status in ("unstarted", "queued", "lost", "failed")
        and record.id not in there
        and not (record.status == "queued" and record.is_in_slurm)
    ]


def hold(home: Home, runs: set[str], *, held: bool) -> None:
    """Hold waiting runs back, or release them.

    Raises:
        UsageError: none of them waits.
    """
    if not Queue(home).hold(runs, held=held):
        raise UsageError("None of these runs is waiting.", "See `nastui queue list`.")
    if not held:
        ensure_dispatcher(home)
