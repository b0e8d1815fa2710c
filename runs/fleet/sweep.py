"""Sweeps: frozen documents that say which runs belong together. Their members are ordinary runs."""

from __future__ import annotations

import datetime
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runs.configuration import Draft, RunConfig, checked_label
from runs.errors import EnvironmentLacksError, NotFoundError, UsageError
from runs.files import MEBIBYTE, read_regular, replace_text
from runs.fleet import grid as grids
from runs.fleet.grid import Combination, Grid
from runs.fleet.queueing import entry
from runs.home import Home
from runs.store.labels import Labels
from runs.store.queue import Entry
from runs.store.run_store import Record, RunStore
from runs.supervision import launcher

VERSION = 1
MOST_BYTES = 64 * MEBIBYTE
# Above this, a person is asked first: a grid grows by multiplication.
MANY = 1000


class Member(BaseModel):
    """A run of a sweep.

    Attributes:
        run: its id. The run may not exist yet, or no longer.
        seed: its seed.
        values: its combination of the values of the grid, as typed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str
    seed: int
    values: Combination = Field(default_factory=dict)


class Sweep(BaseModel):
    """A sweep: what its members have in common, and what differs.

    Attributes:
        id: of the sweep.
        draft: what was typed for all members, as :class:`runs.configuration.Draft`.
        seeds: every seed.
        grid: the values of each setting that varies.
        members: in the order in which they are to run.
        per_device: how many of them may share a GPU.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = VERSION
    id: str
    created: str
    name: str = ""
    draft: dict[str, Any]
    seeds: tuple[int, ...]
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    members: tuple[Member, ...]
    per_device: int = Field(default=1, ge=1)

    @property
    def title(self) -> str:
        """Its name, or its method with the keys of its grid."""
        method = " ".join(map(str, self.grid.get("method", (self.draft["method"],))))
        varied = ", ".join(key for key in self.grid if key != "method")
        return self.name or (f"{method} over {varied}" if varied else method)

    @property
    def any_gpu(self) -> bool:
        """Whether its members may use any GPU; otherwise they wait for the one of their configuration."""
        return self.draft.get("device") in ("auto", "cuda")


@dataclass(frozen=True)
class Plan:
    """A sweep that has been checked and does not exist yet, with the configuration of each member."""

    sweep: Sweep
    configs: tuple[RunConfig, ...]


class SweepStore:
    """Creates, finds, extends and removes the sweeps of a home."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._home: Home = store.home
        self._read: dict[str, tuple[tuple[int, int], Sweep]] = {}

    def plan(
        self,
        draft: Draft,
        seeds: Sequence[int],
        grid: Grid,
        *,
        per_device: int = 1,
        at_most: int = MANY,
        say: Callable[[str], object] = lambda _: None,
    ) -> Plan:
        """Check a sweep and all its members. Nothing is written.

        Args:
            draft: what all members have in common.
            seeds: of each combination; empty for the seed of the draft or its preset.
            grid: the values of each setting that varies.
            per_device: how many members may share a GPU.
            at_most: the largest number of members.
            say: called with a sentence before anything that takes time.

        Raises:
            NastuiError: there are too many members, a member's draft is invalid, or its data cannot be used.
        """
        checked_label(draft.name)
        grid = grids.checked_grid(grid, draft)
        seeds = grids.checked_seeds(seeds)
        number = grids.size(grid, seeds or (0,))
        if number > at_most:
            raise UsageError(f"This sweep has {number:,} runs.", "To start so many, add --yes.")
        identity = secrets.token_hex(4)
        members, configs = [], []
        for seed, combination in grids.members(grid, seeds or (draft.seed,)):
            config = launcher.configured(grids.member_draft(draft, seed, combination))
            configs.append(config.model_copy(update={"sweep": identity}))
            members.append(Member(run=config.id, seed=config.seed, values=combination))
        launcher.check_inputs(configs, self._store, say, draft.weights)
        sweep = Sweep(
            id=identity,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            name=draft.name,
            draft=draft.model_dump(mode="json"),
            seeds=tuple(seeds),
            grid=grid,
            members=tuple(members),
            per_device=per_device,
        )
        return Plan(sweep, tuple(configs))

    def create(self, plan: Plan) -> Sweep:
        """Create a sweep and the runs of its members, which then wait for :meth:`runs.fleet.queueing.enqueue`.

        If this process is killed in between, resuming the sweep creates the rest.

        Raises:
            EnvironmentLacksError: the home cannot be written, or the disk is full.
        """
        self._home.prepare()
        folder = self._home.sweeps / plan.sweep.id
        try:
            folder.mkdir(parents=True)
            self._write(plan.sweep)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise EnvironmentLacksError(
                f"The sweep cannot be created in '{self._home.sweeps}': {error.strerror}.", "Free some space."
            ) from error
        for config in plan.configs:
            self._create_run(plan.sweep, config)
        return plan.sweep

    def all(self) -> list[Sweep]:
        """Return every sweep, newest first. A folder without a valid document is left out."""
        try:
            names = os.listdir(self._home.sweeps)  # noqa: PTH208 - as text
        except OSError:
            return []
        found = [sweep for name in names if not name.startswith(".") and (sweep := self._of(name)) is not None]
        return sorted(found, key=lambda sweep: sweep.created, reverse=True)

    def find(self, name: str) -> Sweep:
        """Return the sweep with that id, a unique prefix of it, that name, or the ``latest``.

        Raises:
            NotFoundError: there is none, or there are several.
        """
        sweeps = self.all()
        if name == "latest":
            if not sweeps:
                raise NotFoundError("There are no sweeps yet.", "Start one: nastui search drnas --seeds 0-4")
            return sweeps[0]
        found = [sweep for sweep in sweeps if name and (sweep.id.startswith(name) or sweep.name == name)]
        if not found:
            raise NotFoundError(f"No sweep's id begins with '{name[:80]}'.", "See `nastui sweep list`.")
        if len(found) > 1:
            listed = ", ".join(sweep.id for sweep in found[:8]) + (", …" if len(found) > 8 else "")
            raise NotFoundError(f"'{name[:80]}' names {len(found)} sweeps: {listed}.", "Give more of the id.")
        return found[0]

    def records(self, sweep: Sweep) -> list[Record]:
        """Return the runs of a sweep that exist, in its order."""
        by_id = {record.id: record for record in self._store.records()}
        return [by_id[member.run] for member in sweep.members if member.run in by_id]

    def entry(self, record: Record) -> Entry:
        """Return what the queue needs to know of a run. A member may use any GPU if its sweep may.

        Raises:
            NastuiError: its configuration or its log cannot be read.
        """
        sweep = self._of(name) if (name := str(record.head.get("sweep", ""))) else None
        config = RunConfig.read(record.paths.config)
        if sweep is None:
            return entry(record.paths, config, any_gpu=False)
        return entry(record.paths, config, any_gpu=sweep.any_gpu, per_device=sweep.per_device)

    def complete(self, sweep: Sweep) -> int:
        """Create the runs of members that were never created; return how many. Those in the trash stay there.

        Raises:
            NastuiError: a draft is no longer valid, or the home cannot be written.
        """
        draft = Draft.model_validate(sweep.draft)
        created = 0
        for member in sweep.members:
            if self._home.run(member.run).root.exists() or (self._home.trash / member.run).exists():
                continue
            config = launcher.configured(grids.member_draft(draft, member.seed, member.values))
            self._create_run(sweep, config.model_copy(update={"id": member.run, "sweep": sweep.id}))
            created += 1
        return created

    def add_seeds(self, sweep: Sweep, seeds: Sequence[int], say: Callable[[str], object] = lambda _: None) -> Sweep:
        """Add members with further seeds for each combination, and create their runs.

        Raises:
            UsageError: a seed is already there.
            NastuiError: as :meth:`plan`.
        """
        there = {member.seed for member in sweep.members}
        for seed in seeds:
            if seed in there:
                raise UsageError(f"Sweep {sweep.id} already has the seed {seed}.", "Name only new seeds.")
        draft = Draft.model_validate(sweep.draft)
        added = self.plan(draft, seeds, sweep.grid, at_most=MANY, say=say)
        changed = sweep.model_copy(
            update={
                "seeds": (*dict.fromkeys((*there, *added.sweep.seeds)),),
                "members": (*sweep.members, *added.sweep.members),
            }
        )
        self._write(changed)
        for config in added.configs:
            self._create_run(changed, config.model_copy(update={"sweep": sweep.id}))
        return changed

    def remove(self, sweep: Sweep) -> list[Path]:
        """Move a sweep and its runs to the trash; return the folders of the runs there.

        Raises:
            BusyError: a member is running; then nothing is moved.
        """
        records = self.records(sweep)
        for record in records:
            launcher.refuse_live(record)
        moved = [self._store.remove(record) for record in records]
        try:
            self._home.removed_sweeps.mkdir(parents=True, exist_ok=True)
            (self._home.sweeps / sweep.id).rename(self._home.removed_sweeps / sweep.id)
        except OSError as error:
            raise EnvironmentLacksError(f"The sweep cannot be moved to the trash: {error.strerror}.") from error
        return moved

    def _of(self, name: str) -> Sweep | None:
        path = self._home.sweeps / name / "sweep.json"
        try:
            found = path.stat()
            signature = found.st_size, found.st_mtime_ns
            if (known := self._read.get(name)) is None or known[0] != signature:
                sweep = Sweep.model_validate_json(read_regular(path, MOST_BYTES))
                known = self._read[name] = signature, sweep
        except (OSError, ValidationError):
            return None
        return known[1]

    def _write(self, sweep: Sweep) -> None:
        replace_text(self._home.sweeps / sweep.id / "sweep.json", sweep.model_dump_json(indent=1) + "\n")

    def _create_run(self, sweep: Sweep, config: RunConfig) -> None:
        draft = Draft.model_validate(sweep.draft)
        self._store.create(config, Labels(sweep.name, list(draft.tags)), draft.weights)


def statuses(records: Iterable[Record]) -> dict[str, int]:
    """Return the number of runs by status, in the order of their first."""
    counted: dict[str, int] = {}
    for record in records:
        counted[str(record.status)] = counted.get(str(record.status), 0) + 1
    return counted
