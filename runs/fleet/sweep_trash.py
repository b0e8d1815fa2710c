"""Moving sweeps to the trash with their runs, and bringing them back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from runs.configuration import RunConfig
from runs.errors import BusyError, NotFoundError, UsageError
from runs.fleet.sweep import Sweep, read_sweep
from runs.fleet.sweep_store import SweepStore
from runs.home import RunPaths, short_id
from runs.slurm import submission
from runs.store.groups import sweep_of
from runs.store.lock import is_held
from runs.store.record import Record
from runs.store.status import current_status


def emptied(sweeps: SweepStore, without: Iterable[Record], known: Iterable[Record]) -> dict[str, list[Record]]:
    """Return by id the sweeps that have no run left without some runs, each with its runs: they go with these.

    Sweeps that cannot be read are left out.

    Args:
        sweeps: the store of sweeps.
        without: the runs that are to be removed.
        known: all runs of the store.
    """
    removed = {record.id for record in without}
    found: dict[str, list[Record]] = {}
    for record in known:
        found.setdefault(sweep_of(record), []).append(record)
    return {
        sweep: records
        for sweep, records in found.items()
        if all(record.id in removed for record in records) and sweeps.get(sweep) is not None
    }


def remove(sweeps: SweepStore, sweep: Sweep) -> list[Record]:
    """Move a sweep and its runs to the trash, and return the runs. Those that wait leave the queue, or Slurm.

    Raises:
        BusyError: a member runs, or is about to; then nothing is moved.
        EnvironmentLacksError: the home cannot be written.
    """
    home, queue = sweeps.home, sweeps.runs.queue
    records = sweeps.records(sweep)
    for record in records:
        if current_status(record.paths).live:
            raise BusyError(f"Run '{record.id}' is running.", f"First: nastui runs stop {short_id(record.id)}")
    runs = {record.id for record in records}
    queue.remove(runs)
    if (begun := runs & queue.pending()) and is_held(home.dispatcher):
        raise BusyError(f"Run '{min(begun)}' is about to start.", f"First: nastui sweep stop {sweep.id}")
    submission.cancel(home, runs)
    with sweeps.locked():
        for record in records:
            sweeps.runs.remove(record)
        home.removed_sweeps.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            (home.sweeps / sweep.id).rename(home.removed_sweeps / sweep.id)
    return records


def restore(sweeps: SweepStore, name: str) -> tuple[Sweep, int]:
    """Bring a sweep back from the trash, with those of its runs that are still there; return how many these are.

    Raises:
        NotFoundError: no sweep in the trash has an id that begins so, or several have.
        UsageError: its document is damaged.
    """
    home = sweeps.home
    found = sorted(path.name for path in home.removed_sweeps.glob("*") if name and path.name.startswith(name))
    if not found:
        raise NotFoundError(f"No sweep in the trash has an id that begins with '{name[:80]}'.")
    if len(found) > 1:
        raise NotFoundError(
            f"'{name[:80]}' names {len(found)} sweeps in the trash: {', '.join(found)}.", "Give more of the id."
        )
    _restore_document(sweeps, found[0])
    sweep = read_sweep(home, found[0])
    removed = [member.run for member in sweep.members if (home.trash / member.run).exists()]
    for run in removed:
        sweeps.runs.restore(run)
    return sweep, len(removed)


def restore_run(sweeps: SweepStore, name: str) -> RunPaths:
    """Bring a run back from the trash, and the document of its sweep if that is there, too.

    Raises:
        NotFoundError: no run in the trash has an id that begins so, or several have.
    """
    paths = sweeps.runs.restore(name)
    with contextlib.suppress(UsageError):  # its configuration is damaged
        _restore_document(sweeps, RunConfig.read(paths.config).sweep)
    return paths


def _restore_document(sweeps: SweepStore, name: str) -> None:
    removed, folder = sweeps.home.removed_sweeps / name, sweeps.home.sweeps / name
    if name and "/" not in name and removed.exists() and not folder.exists():
        with sweeps.locked():
            removed.rename(folder)
