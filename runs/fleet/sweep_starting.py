"""Starting the runs of a sweep through the queue or as jobs of Slurm: all of a new one, the rest, further seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runs.configuration import RunConfig
from runs.fleet import queueing
from runs.fleet.sweep import Sweep
from runs.fleet.sweep_planning import Plan, plan_seeds
from runs.fleet.sweep_store import SweepStore
from runs.slurm import submission
from runs.slurm.profile import Request
from runs.store.groups import sweep_of
from runs.store.queue import Entry
from runs.store.record import Record


def start(sweeps: SweepStore, plan: Plan) -> Sweep:
    """Create a sweep and put its runs into the queue, or submit them to Slurm. What Slurm refuses leaves nothing.

    Raises:
        NastuiError: as :meth:`SweepStore.create`, the queue cannot be written, the dispatcher cannot be started, or
            Slurm refuses the runs.
    """
    sweep = sweeps.create(plan)
    try:
        _enqueue(sweeps, sweep, sweeps.records(sweep))
    except BaseException:
        if sweep.slurm is not None:  # nothing has started
            sweeps.discard(sweep)
        raise
    return sweep


def resume(sweeps: SweepStore, sweep: Sweep) -> tuple[int, int]:
    """Queue the runs of a sweep that are missing, never started, were lost or failed.

    Returns:
        How many were queued, and how many of them were created.

    Raises:
        NastuiError: as :meth:`SweepStore.complete` and :func:`start`.
    """
    created = sweeps.complete(sweep)
    submission.refresh(sweeps.home)
    queued = queueing.to_start(sweeps.records(sweep), sweeps.runs.queue.read())
    _enqueue(sweeps, sweep, queued)
    return len(queued), created


def add_seeds(
    sweeps: SweepStore, sweep: Sweep, seeds: Sequence[int], say: Callable[[str], object] = lambda _: None
) -> int:
    """Add members with further seeds for each combination, and queue their runs; return how many there are.

    Raises:
        UsageError: a seed is already there.
        NastuiError: as :func:`runs.fleet.sweep_planning.plan` and :func:`start`.
    """
    plan = plan_seeds(sweeps.runs, sweep, seeds, say)
    extended = sweeps.extend(sweep, plan)
    added = {config.id for config in plan.configs}
    _enqueue(sweeps, extended, [record for record in sweeps.records(extended) if record.id in added])
    return len(added)


def entry(sweeps: SweepStore, record: Record) -> Entry:
    """Return what the queue needs to know of a run. A member may use any GPU if its sweep may.

    Raises:
        NastuiError: its configuration or its log cannot be read.
    """
    sweep = sweeps.get(sweep_of(record))
    config = RunConfig.read(record.paths.config)
    if sweep is None:
        return queueing.entry(record.paths, config, any_gpu=False)
    any_gpu = queueing.takes_any_gpu(str(sweep.draft.get("device")))
    return queueing.entry(record.paths, config, any_gpu=any_gpu, per_device=sweep.per_device)


def _enqueue(sweeps: SweepStore, sweep: Sweep, records: Sequence[Record]) -> None:
    """Put runs of a sweep at the end of the queue, and make sure that they will start; or submit them to Slurm.

    Raises:
        NastuiError: the queue cannot be written, the dispatcher cannot be started, or Slurm refuses them.
    """
    if records and sweep.slurm is not None:
        submission.submit(sweeps.home, [record.id for record in records], Request.model_validate(sweep.slurm))
    else:
        queueing.enqueue(sweeps.home, [entry(sweeps, record) for record in records])
