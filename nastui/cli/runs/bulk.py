"""Commands of ``nastui runs`` that control or keep one run, several, or all that pass a filter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli.confirmation import Yes, confirm
from nastui.cli.selection import Where, Words, open_store
from runs.formatting import count
from runs.home import short_id

if TYPE_CHECKING:
    from runs.store.record import Record
    from runs.store.run_store import RunStore


def stop(runs: Words = None, where: Where = None) -> None:
    """Stop runs after writing a checkpoint to resume from.

    A run that waits leaves the queue. The command returns when the runs have stopped.
    """
    from nastui.cli.selection import select
    from runs.store.queue import Queue
    from runs.store.slurm_jobs import SlurmJobs

    store = open_store()
    pending = Queue(store.home).pending() | SlurmJobs(store.home).active()
    stop_all(
        store,
        select(store, runs, where).narrowed(
            lambda record: record.status.live or record.id in pending, "neither running nor waiting"
        ),
    )


def stop_all(store: RunStore, records: list[Record]) -> None:
    """Take runs out of the queue, ask all their engines to stop, and wait for each.

    Raises:
        NastuiError, typer.Exit: as :func:`nastui.cli.selection.act_on_each`.
    """
    from nastui.cli.selection import act_on_each
    from runs.slurm.submission import cancel
    from runs.store.queue import Queue
    from runs.supervision import stopping

    Queue(store.home).remove({record.id for record in records})
    cancel(store.home, {record.id for record in records if not record.status.live})
    _ask_all(records, stopping.request_stop)
    act_on_each(records, lambda record: f"{short_id(record.id)} is {stopping.stop(record)}.")


def pause(runs: Words = None, where: Where = None) -> None:
    """Pause runs; their engines stay in memory.

    The command returns when the runs are paused. `nastui runs resume` continues them.
    """
    from nastui.cli.selection import act_on_each, select
    from runs.store.status import Status
    from runs.supervision import engine_requests

    store = open_store()
    records = select(store, runs, where).narrowed(lambda record: record.status is Status.RUNNING, "not running")
    _ask_all(records, engine_requests.request_pause)
    act_on_each(records, lambda record: f"{short_id(record.id)} is {engine_requests.pause(record)}.")


def resume(
    runs: Words = None,
    where: Where = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Start when a device is free (default for several runs).")
    ] = False,
    accept_changed_data: Annotated[
        bool,
        typer.Option("--accept-changed-data", help="Resume although the data set has changed since the run began."),
    ] = False,
    previous_checkpoint: Annotated[
        bool,
        typer.Option("--previous-checkpoint", help="If the last checkpoint is damaged, take the one before it."),
    ] = False,
) -> None:
    """Resume paused, stopped, failed or lost runs, and start those that were taken out of the queue.

    A run without an engine resumes from its last checkpoint, if its data set has not changed. One starts at once;
    several wait in the queue, so that they do not all start on the same device.
    """
    from nastui.cli.selection import act_on_each, select
    from runs.fleet import sweep_starting
    from runs.fleet.queueing import enqueue
    from runs.fleet.sweep_store import SweepStore
    from runs.store.queue import Queue
    from runs.store.slurm_jobs import SlurmJobs
    from runs.store.status import Status
    from runs.supervision import resuming

    store = open_store()
    selection = select(store, runs, where)
    pending = Queue(store.home).pending() | SlurmJobs(store.home).active()
    records = selection.narrowed(
        lambda record: (record.status.resumable or record.status is Status.PAUSED) and record.id not in pending,
        "finished, running or waiting",
    )
    queue = queue or sum(record.status is not Status.PAUSED for record in records) > 1
    sweeps, entries = SweepStore(store), []

    def start(record: Record) -> str:
        if not queue or record.status is Status.PAUSED or record.job is not None:  # Slurm has a queue of its own
            changes = {"accept_changed_data": accept_changed_data, "previous_checkpoint": previous_checkpoint}
            return f"{short_id(record.id)} is {resuming.resume(record, **changes)}."
        if previous_checkpoint:
            resuming.go_back(record)
        resuming.refuse_to_resume(record, accept_changed_data=accept_changed_data)
        entries.append(sweep_starting.entry(sweeps, record))
        return f"{short_id(record.id)} is queued."

    try:
        act_on_each(records, start)
    finally:
        enqueue(store.home, entries)


def remove(runs: Words = None, where: Where = None, yes: Yes = False) -> None:
    """Move runs to the trash, and a sweep of which no run would be left.

    `nastui runs restore` brings them back, and `nastui sweep restore` a whole sweep.
    """
    from nastui.cli import output
    from nastui.cli.selection import act_on_each, select
    from runs.fleet import sweep_trash
    from runs.fleet.sweep_store import SweepStore

    store = open_store()
    selection, sweeps = select(store, runs, where), SweepStore(store)
    # While a run of a sweep is live, the sweep stays, and its other runs go one by one.
    ended = [record for record in selection.records if not record.status.live]
    whole = sweep_trash.emptied(sweeps, ended, store.records())
    if not yes:
        also = f" and {f'sweep {min(whole)}' if len(whole) == 1 else f'{len(whole)} sweeps'}" if whole else ""
        confirm("rm", f"Move {selection}{also} to the trash?")
    for sweep in whole:
        removed = sweep_trash.remove(sweeps, sweeps.find(sweep))
        output.say(f"Moved sweep {sweep} and {count(len(removed), 'run')} to the trash.")
    inside = {record.id for members in whole.values() for record in members}
    alone = [record for record in selection.records if record.id not in inside]
    act_on_each(alone, lambda record: f"Moved {record.id} to the trash: {store.remove(record)}")


def export(
    to: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="Create this folder for the exported files; several runs get a folder in it each."
        ),
    ],
    runs: Words = None,
    where: Where = None,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Also export a retrained network as ONNX, checked with ONNX Runtime.")
    ] = False,
) -> None:
    """Export runs as files that are readable without nastui."""
    from nastui.cli.selection import act_on_each, select
    from runs.store.export import export as exported

    selection = select(open_store(), runs, where)
    act_on_each(
        selection.records,
        lambda record: f"Wrote {exported(record, to / record.id if selection.several else to, onnx=onnx)}",
    )


def _ask_all(records: list[Record], ask: Any) -> None:
    """Ask all engines before any of them is waited for. Who cannot be asked is told of when it is its turn."""
    from runs.errors import NastuiError

    for record in records:
        try:
            ask(record)
        except NastuiError:
            continue
