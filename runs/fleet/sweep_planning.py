"""Planning a sweep: its members and their configurations, all of them checked before anything is written."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from runs.configuration import Draft, RunConfig
from runs.errors import UsageError
from runs.fleet import grid as grids
from runs.fleet.grid import Grid
from runs.fleet.sweep import Member, Sweep
from runs.slurm.profile import Target
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from runs.supervision.checking import check_inputs, configured

# Above this, a person is asked first: a grid grows by multiplication.
MANY = 1000
MOST_MEMBERS = 100_000


@dataclass(frozen=True)
class Plan:
    """A sweep that has been checked and does not exist yet, with the configuration of each member."""

    sweep: Sweep
    configs: tuple[RunConfig, ...]


def plan(
    store: RunStore,
    draft: Draft,
    seeds: Sequence[int],
    grid: Grid,
    *,
    per_device: int = 1,
    slurm: Target | None = None,
    device: str = "",
    at_most: int = MANY,
    say: Callable[[str], object] = lambda _: None,
) -> Plan:
    """Check a sweep and all its members. Nothing is written.

    Args:
        store: in which the runs will be created.
        draft: what all members have in common.
        seeds: of each combination; empty for the seed of the draft or its preset.
        grid: the values of each setting that varies.
        per_device: how many members may share a GPU.
        slurm: where in Slurm the members are to work; None if the queue starts them.
        device: on which the members compute, if that is another machine's and ``slurm`` does not say it.
        at_most: the largest number of members.
        say: called with a sentence before anything that takes time.

    Raises:
        NastuiError: there are too many members, a member's draft is invalid, or its data cannot be used.
    """
    Labels(draft.name, list(draft.tags)).checked()
    grid = grids.checked_grid(grid, draft)
    seeds = grids.checked_seeds(seeds)
    number = grids.size(grid, seeds or (0,))
    if number > MOST_MEMBERS:
        raise UsageError(f"This sweep has {number:,} runs.", f"A sweep has at most {MOST_MEMBERS:,}.")
    if number > at_most:
        raise UsageError(f"This sweep has {number:,} runs.", "To start so many, add --yes.")
    identity = secrets.token_hex(4)
    device = slurm.device(draft.device) if slurm is not None else device
    members, configs = [], []
    for seed, combination in grids.members(grid, seeds or (draft.seed,)):
        config = configured(grids.member_draft(draft, seed, combination), device)
        configs.append(config)
        members.append(Member(run=config.id, seed=config.seed, values=combination))
    request = slurm.request(configs).model_dump(mode="json") if slurm is not None else None
    check_inputs(configs, store, say, draft.weights)
    sweep = Sweep(
        id=identity,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        name=draft.name,
        draft=draft.model_dump(mode="json"),
        seeds=tuple(seeds),
        grid=grid,
        members=tuple(members),
        per_device=per_device,
        slurm=request,
    )
    return Plan(sweep, tuple(configs))


def plan_seeds(
    store: RunStore, sweep: Sweep, seeds: Sequence[int], say: Callable[[str], object] = lambda _: None
) -> Plan:
    """Check further seeds for each combination of a sweep, as a sweep of their own. Nothing is written.

    Raises:
        NastuiError: as :func:`plan`, or the document of the sweep was edited.
    """
    return plan(store, sweep.checked_draft(), seeds, sweep.grid, device=sweep.device, say=say)


def member_configs(sweep: Sweep, members: Iterable[Member]) -> tuple[RunConfig, ...]:
    """Return the configurations of members, without a look at their data.

    Raises:
        NastuiError: their draft is no longer valid.
    """
    draft = sweep.checked_draft()
    return tuple(
        configured(grids.member_draft(draft, member.seed, member.values), sweep.device).model_copy(
            update={"id": member.run}
        )
        for member in members
    )
