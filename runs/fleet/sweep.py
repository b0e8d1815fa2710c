"""Sweeps: frozen documents that say which runs belong together. Their members are ordinary runs."""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from runs.configuration import Draft, RunConfig, draft_from
from runs.errors import BusyError, EnvironmentLacksError, NotFoundError, UsageError
from runs.files import MEBIBYTE, fingerprint, read_regular, replace_text
from runs.fleet import grid as grids
from runs.fleet import queueing
from runs.fleet.grid import Combination, Grid
from runs.fleet.queueing import entry
from runs.home import Home, RunPaths
from runs.slurm import submission
from runs.slurm.profile import Request, Target
from runs.store.groups import sweep_of
from runs.store.labels import Labels
from runs.store.lock import is_held
from runs.store.queue import Entry
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.store_lock import changing
from runs.supervision import launcher

VERSION = 1
MOST_BYTES = 64 * MEBIBYTE
# Above this, a person is asked first: a grid grows by multiplication.
MANY = 1000
MOST_MEMBERS = 100_000


class Member(BaseModel):
    """A run of a sweep.

    Attributes:
        run: its id. The run may not exist yet, or no longer.
        seed: its seed.
        values: its combination of the values of the grid, as typed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str = Field(pattern=r"^\w[\w.-]*$")
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
        slurm: what is asked of Slurm for each, as :class:`runs.slurm.profile.Request`; None if the queue starts them.
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
    slurm: dict[str, Any] | None = None

    @property
    def device(self) -> str:
        """The device of its members, if it is another machine's; otherwise empty."""
        return str(self.slurm["device"]) if self.slurm else ""

    @field_validator("draft")
    @classmethod
    def _names_a_method(cls, draft: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(draft.get("method"), str):
            raise ValueError("names no method")
        return draft

    @property
    def title(self) -> str:
        """Its name, or its method with the keys of its grid."""
        method = " ".join(map(str, self.grid.get("method", (self.draft["method"],))))
        varied = ", ".join(key for key in self.grid if key != "method")
        return self.name or (f"{method} over {varied}" if varied else method)

    @property
    def any_gpu(self) -> bool:
        """Whether its members may use any GPU; otherwise they wait for the one of their configuration."""
        return queueing.takes_any_gpu(str(self.draft.get("device")))


@dataclass(frozen=True)
class Plan:
    """A sweep that has been checked and does not exist yet, with the configuration of each member."""

    sweep: Sweep
    configs: tuple[RunConfig, ...]


def read_sweep(home: Home, name: str) -> Sweep:
    """Return the sweep of a folder.

    Raises:
        UsageError: its document cannot be read, or is not one.
    """
    path = home.sweeps / name / "sweep.json"
    try:
        sweep = Sweep.model_validate_json(read_regular(path, MOST_BYTES))
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise UsageError(f"'{path}' is not a sweep: {where}: {fault['msg']}.", "Its runs are not affected.") from error
    if sweep.id != name:
        raise UsageError(f"'{path}' is the document of another sweep.", "Its runs are not affected.")
    return sweep


class SweepStore:
    """Creates, finds, extends and removes the sweeps of a home.

    Attributes:
        unreadable: by name of the folder, why a sweep cannot be read.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._home: Home = store.home
        self._read: dict[str, tuple[list[int], Sweep]] = {}
        self.unreadable: dict[str, str] = {}

    def plan(
        self,
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
            config = launcher.configured(grids.member_draft(draft, seed, combination), device)
            configs.append(config.model_copy(update={"sweep": identity}))
            members.append(Member(run=config.id, seed=config.seed, values=combination))
        request = slurm.request(configs).model_dump(mode="json") if slurm is not None else None
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
            slurm=request,
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
        with self._locked():
            try:
                folder.mkdir(parents=True)
                self._write(plan.sweep)
            except OSError as error:
                shutil.rmtree(folder, ignore_errors=True)
                raise EnvironmentLacksError(
                    f"The sweep cannot be created in '{self._home.sweeps}': {error.strerror}.", "Free some space."
                ) from error
            self._create_runs(plan.sweep, plan.configs)
        return plan.sweep

    def all(self) -> list[Sweep]:
        """Return every sweep, newest first. Those that cannot be read are listed in :attr:`unreadable`.

        Raises:
            EnvironmentLacksError: their folder cannot be read.
        """
        try:
            names = os.listdir(self._home.sweeps)  # noqa: PTH208 - as text
        except (FileNotFoundError, NotADirectoryError):
            names = []
        except OSError as error:
            raise EnvironmentLacksError(f"'{self._home.sweeps}' cannot be read: {error.strerror}.") from error
        self.unreadable = {}
        found = [sweep for name in names if not name.startswith(".") and (sweep := self._of(name)) is not None]
        return sorted(found, key=lambda sweep: sweep.created, reverse=True)

    def find(self, name: str) -> Sweep:
        """Return the sweep with that id, a unique prefix of it, that name, or the ``latest``.

        Raises:
            NotFoundError: there is none, or there are several.
            UsageError: it cannot be read.
        """
        sweeps = self.all()
        if name == "latest":
            if not sweeps:
                raise NotFoundError("There are no sweeps yet.", "Start one: nastui search drnas --seeds 0-4")
            return sweeps[0]
        found = [sweep for sweep in sweeps if name and (sweep.id.startswith(name) or sweep.name == name)]
        damaged = [why for folder, why in self.unreadable.items() if name and folder.startswith(name)]
        if not found and damaged:
            raise UsageError(damaged[0], "`nastui runs list sweep:ID` has its runs.")
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
        with self._locked():
            missing = [member for member in sweep.members if not self._is_there(member.run)]
            for member in missing:
                for half_built in self._home.runs.glob(f".{member.run}*"):  # by a process that was killed
                    shutil.rmtree(half_built, ignore_errors=True)
            draft = _draft(sweep)
            configs = []
            for member in missing:
                config = launcher.configured(grids.member_draft(draft, member.seed, member.values), sweep.device)
                configs.append(config.model_copy(update={"id": member.run, "sweep": sweep.id}))
            self._create_runs(sweep, configs)
        return len(configs)

    def enqueue(self, records: Iterable[Record]) -> None:
        """Put runs of a sweep at the end of the queue, and make sure that they will start; or submit them to Slurm.

        Raises:
            NastuiError: the queue cannot be written, the dispatcher cannot be started, or Slurm refuses them.
        """
        records = list(records)
        sweep = self._of(str(records[0].head["sweep"])) if records else None
        if sweep is not None and sweep.slurm is not None:
            submission.submit(self._home, [record.id for record in records], Request.model_validate(sweep.slurm))
        else:
            queueing.enqueue(self._home, [self.entry(record) for record in records])

    def start(self, plan: Plan) -> Sweep:
        """Create a sweep and put its runs into the queue, or submit them to Slurm. What Slurm refuses leaves nothing.

        Raises:
            NastuiError: as :meth:`create` and :meth:`enqueue`.
        """
        sweep = self.create(plan)
        try:
            self.enqueue(self.records(sweep))
        except BaseException:
            if sweep.slurm is not None:  # nothing has started
                self._discard(sweep)
            raise
        return sweep

    def resume(self, sweep: Sweep) -> tuple[int, int]:
        """Queue the runs of a sweep that are missing, never started, were lost or failed.

        Returns:
            How many were queued, and how many of them were created.

        Raises:
            NastuiError: as :meth:`complete` and :meth:`enqueue`.
        """
        created = self.complete(sweep)
        submission.refresh(self._home)
        queued = queueing.to_start(self.records(sweep), self._store.queue.read())
        self.enqueue(queued)
        return len(queued), created

    def get(self, sweep: str) -> Sweep | None:
        """Return the sweep with that id; None if there is none."""
        return self._of(sweep) if sweep and "/" not in sweep else None

    def varied(self, records: Iterable[Record]) -> dict[str, Combination]:
        """Return by run what tells a member from the others of its sweep: its seed, and its values of the grid.

        Runs of no sweep, and members of a sweep that cannot be read, are left out.
        """
        found: dict[str, Combination] = {}
        runs: dict[str, set[str]] = {}
        for record in records:
            if sweep_of(record):
                runs.setdefault(sweep_of(record), set()).add(record.id)
        for name, there in runs.items():
            if (sweep := self.get(name)) is None:
                continue
            seeds = len(sweep.seeds) > 1 or not sweep.grid
            for member in sweep.members:
                if member.run in there:
                    found[member.run] = ({"seed": member.seed} if seeds else {}) | member.values
        return found

    def add_seeds(self, sweep: Sweep, seeds: Sequence[int], say: Callable[[str], object] = lambda _: None) -> Sweep:
        """Add members with further seeds for each combination, and create their runs.

        Raises:
            UsageError: a seed is already there.
            NastuiError: as :meth:`plan`.
        """
        added = self.plan(_draft(sweep), seeds, sweep.grid, device=sweep.device, at_most=MANY, say=say)
        with self._locked():
            sweep = read_sweep(self._home, sweep.id)  # another process may have added some
            there = list(dict.fromkeys(member.seed for member in sweep.members))
            for seed in seeds:
                if seed in there:
                    raise UsageError(f"Sweep {sweep.id} already has the seed {seed}.", "Name only new seeds.")
            changed = sweep.model_copy(
                update={
                    "seeds": (*there, *added.sweep.seeds),
                    "members": (*sweep.members, *added.sweep.members),
                }
            )
            try:
                self._write(changed)
            except OSError as error:
                raise EnvironmentLacksError(f"Sweep {sweep.id} cannot be written: {error.strerror}.") from error
            self._create_runs(changed, added.configs)
        return changed

    def emptied(self, without: Iterable[Record], known: Iterable[Record]) -> dict[str, list[Record]]:
        """Return by id the sweeps that have no run left without some runs, each with its runs: they go with these.

        Sweeps that cannot be read are left out.

        Args:
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
            if all(record.id in removed for record in records) and self.get(sweep) is not None
        }

    def remove(self, sweep: Sweep) -> list[Record]:
        """Move a sweep and its runs to the trash, and return the runs. Those that wait leave the queue, or Slurm.

        Raises:
            BusyError: a member runs, or is about to; then nothing is moved.
            EnvironmentLacksError: the home cannot be written.
        """
        records = self.records(sweep)
        for record in records:
            launcher.refuse_live(record)
        runs = {record.id for record in records}
        self._store.queue.remove(runs)
        if (begun := runs & self._store.queue.pending()) and is_held(self._home.dispatcher):
            raise BusyError(f"Run '{min(begun)}' is about to start.", f"First: nastui sweep stop {sweep.id}")
        submission.cancel(self._home, runs)
        with self._locked():
            for record in records:
                self._store.remove(record)
            self._home.removed_sweeps.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                (self._home.sweeps / sweep.id).rename(self._home.removed_sweeps / sweep.id)
        return records

    def restore(self, name: str) -> tuple[Sweep, int]:
        """Bring a sweep back from the trash, with those of its runs that are still there; return how many these are.

        Raises:
            NotFoundError: no sweep in the trash has an id that begins so, or several have.
            UsageError: its document is damaged.
        """
        folder = self._home.removed_sweeps
        found = sorted(path.name for path in folder.glob("*") if name and path.name.startswith(name))
        if not found:
            raise NotFoundError(f"No sweep in the trash has an id that begins with '{name[:80]}'.")
        if len(found) > 1:
            raise NotFoundError(
                f"'{name[:80]}' names {len(found)} sweeps in the trash: {', '.join(found)}.", "Give more of the id."
            )
        self._restore_document(found[0])
        sweep = read_sweep(self._home, found[0])
        removed = [member.run for member in sweep.members if (self._home.trash / member.run).exists()]
        for run in removed:
            self._store.restore(run)
        return sweep, len(removed)

    def restore_run(self, name: str) -> RunPaths:
        """Bring a run back from the trash, and the document of its sweep if that is there, too.

        Raises:
            NotFoundError: no run in the trash has an id that begins so, or several have.
        """
        paths = self._store.restore(name)
        with contextlib.suppress(UsageError):  # its configuration is damaged
            self._restore_document(RunConfig.read(paths.config).sweep)
        return paths

    def _restore_document(self, name: str) -> None:
        removed, folder = self._home.removed_sweeps / name, self._home.sweeps / name
        if name and "/" not in name and removed.exists() and not folder.exists():
            with self._locked():
                removed.rename(folder)

    def _of(self, name: str) -> Sweep | None:
        """Return the sweep of a folder; None if it cannot be read, and then :attr:`unreadable` says why."""
        signature = fingerprint(self._home.sweeps / name / "sweep.json")
        if signature and (known := self._read.get(name)) is not None and known[0] == signature:
            return known[1]
        try:
            sweep = read_sweep(self._home, name)
        except UsageError as error:
            self.unreadable[name] = error.message
            return None
        self._read[name] = signature, sweep
        return sweep

    def _is_there(self, run: str) -> bool:
        return self._home.run(run).root.exists() or (self._home.trash / run).exists()

    def _write(self, sweep: Sweep) -> None:
        replace_text(self._home.sweeps / sweep.id / "sweep.json", sweep.model_dump_json(indent=1) + "\n")

    def _discard(self, sweep: Sweep) -> None:
        for member in sweep.members:
            shutil.rmtree(self._home.run(member.run).root, ignore_errors=True)
        shutil.rmtree(self._home.sweeps / sweep.id, ignore_errors=True)

    def _create_runs(self, sweep: Sweep, configs: Sequence[RunConfig]) -> None:
        """Create runs, while the sweeps are locked.

        Raises:
            EnvironmentLacksError: one of them cannot be created; those before it are there.
        """
        draft = _draft(sweep)
        labels = Labels(sweep.name, list(draft.tags))
        for number, config in enumerate(configs):
            try:
                self._store.create(config.model_copy(update={"sweep": sweep.id}), labels, draft.weights)
            except EnvironmentLacksError as error:
                raise EnvironmentLacksError(
                    f"{number} of {len(configs)} runs of sweep {sweep.id} were created. {error.message}",
                    f"Free some space, then create and start the others: nastui sweep resume {sweep.id}",
                ) from error

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        """Let no other process create runs of sweeps: two that resume the same one would both create what is missing.

        Raises:
            BusyError: another process has created runs for half a minute.
            EnvironmentLacksError: the home cannot be written.
        """
        busy = "Another process is creating the runs of a sweep."
        unwritable = f"'{self._home.sweeps}' cannot be written"
        return changing(self._home.sweeps / ".lock", busy, unwritable, "Free some space.")


def _draft(sweep: Sweep) -> Draft:
    """Return what was typed for a sweep.

    Raises:
        UsageError: its document was edited, or is of a newer version.
    """
    return draft_from(sweep.draft)
