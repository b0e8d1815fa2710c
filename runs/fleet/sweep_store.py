"""The store of sweeps: their documents on disk, and the runs of their members."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Sequence

from runs.configuration import RunConfig
from runs.errors import EnvironmentLacksError, NotFoundError, UsageError
from runs.files import fingerprint
from runs.fleet.grid import Combination
from runs.fleet.sweep import Sweep, read_sweep, sweep_file, write_sweep
from runs.fleet.sweep_planning import Plan, member_configs
from runs.home import Home
from runs.store.groups import sweep_of
from runs.store.labels import Labels
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.store_lock import changing
from runs.supervision import new_run


class SweepStore:
    """Creates, finds and extends the sweeps of a home.

    Attributes:
        runs: the store of their runs.
        home: of both.
        unreadable: by name of the folder, why a sweep cannot be read.
    """

    def __init__(self, runs: RunStore) -> None:
        self.runs = runs
        self.home: Home = runs.home
        self._read: dict[str, tuple[list[int], Sweep]] = {}
        self.unreadable: dict[str, str] = {}

    # Reading

    def all(self) -> list[Sweep]:
        """Return every sweep, newest first. Those that cannot be read are listed in :attr:`unreadable`.

        Raises:
            EnvironmentLacksError: their folder cannot be read.
        """
        try:
            names = os.listdir(self.home.sweeps)  # noqa: PTH208 - as text
        except (FileNotFoundError, NotADirectoryError):
            names = []
        except OSError as error:
            raise EnvironmentLacksError(f"'{self.home.sweeps}' cannot be read: {error.strerror}.") from error
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

    def get(self, sweep: str) -> Sweep | None:
        """Return the sweep with that id; None if there is none."""
        return self._of(sweep) if sweep and "/" not in sweep else None

    def records(self, sweep: Sweep) -> list[Record]:
        """Return the runs of a sweep that exist, in its order."""
        by_id = {record.id: record for record in self.runs.records()}
        return [by_id[member.run] for member in sweep.members if member.run in by_id]

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
            if (sweep := self.get(name)) is not None:
                found |= {member.run: sweep.varied(member) for member in sweep.members if member.run in there}
        return found

    def _of(self, name: str) -> Sweep | None:
        """Return the sweep of a folder; None if it cannot be read, and then :attr:`unreadable` says why."""
        signature = fingerprint(sweep_file(self.home, name))
        if signature and (known := self._read.get(name)) is not None and known[0] == signature:
            return known[1]
        try:
            sweep = read_sweep(self.home, name)
        except UsageError as error:
            self.unreadable[name] = error.message
            return None
        self._read[name] = signature, sweep
        return sweep

    # Writing

    def create(self, plan: Plan) -> Sweep:
        """Create a sweep and the runs of its members. Starting them is up to :mod:`runs.fleet.sweep_starting`.

        If this process is killed in between, resuming the sweep creates the rest.

        Raises:
            EnvironmentLacksError: the home cannot be written, or the disk is full.
        """
        self.home.prepare()
        folder = self.home.sweeps / plan.sweep.id
        with self.locked():
            try:
                folder.mkdir(parents=True)
                write_sweep(self.home, plan.sweep)
            except OSError as error:
                shutil.rmtree(folder, ignore_errors=True)
                raise EnvironmentLacksError(
                    f"The sweep cannot be created in '{self.home.sweeps}': {error.strerror}.", "Free some space."
                ) from error
            self._create_runs(plan.sweep, plan.configs)
        return plan.sweep

    def complete(self, sweep: Sweep) -> int:
        """Create the runs of members that were never created; return how many. Those in the trash stay there.

        Raises:
            NastuiError: a draft is no longer valid, or the home cannot be written.
        """
        with self.locked():
            missing = [member for member in sweep.members if not self._is_there(member.run)]
            for member in missing:
                for half_built in self.home.runs.glob(f".{member.run}*"):  # by a process that was killed
                    shutil.rmtree(half_built, ignore_errors=True)
            self._create_runs(sweep, member_configs(sweep, missing))
        return len(missing)

    def extend(self, sweep: Sweep, plan: Plan) -> Sweep:
        """Add the members of a plan for further seeds, and create their runs; return the sweep with them.

        Raises:
            UsageError: a seed is already there.
            EnvironmentLacksError: the home cannot be written, or the disk is full.
        """
        with self.locked():
            sweep = read_sweep(self.home, sweep.id)  # another process may have added some
            there = list(dict.fromkeys(member.seed for member in sweep.members))
            for seed in plan.sweep.seeds:
                if seed in there:
                    raise UsageError(f"Sweep {sweep.id} already has the seed {seed}.", "Name only new seeds.")
            changed = sweep.model_copy(
                update={"seeds": (*there, *plan.sweep.seeds), "members": (*sweep.members, *plan.sweep.members)}
            )
            try:
                write_sweep(self.home, changed)
            except OSError as error:
                raise EnvironmentLacksError(f"Sweep {sweep.id} cannot be written: {error.strerror}.") from error
            self._create_runs(changed, plan.configs)
        return changed

    def discard(self, sweep: Sweep) -> None:
        """Delete a sweep and its runs, of which none has started."""
        for member in sweep.members:
            shutil.rmtree(self.home.run(member.run).root, ignore_errors=True)
        shutil.rmtree(self.home.sweeps / sweep.id, ignore_errors=True)

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Let no other process create runs of sweeps: two that resume the same one would both create what is missing.

        Raises:
            BusyError: another process has created runs for half a minute.
            EnvironmentLacksError: the home cannot be written.
        """
        busy = "Another process is creating the runs of a sweep."
        unwritable = f"'{self.home.sweeps}' cannot be written"
        return changing(self.home.sweeps / ".lock", busy, unwritable, "Free some space.")

    def _is_there(self, run: str) -> bool:
        return self.home.run(run).root.exists() or (self.home.trash / run).exists()

    def _create_runs(self, sweep: Sweep, configs: Sequence[RunConfig]) -> None:
        """Create runs as members of a sweep, while the sweeps are locked.

        Raises:
            EnvironmentLacksError: one of them cannot be created; those before it are there.
        """
        draft = sweep.checked_draft()
        labels = Labels(sweep.name, list(draft.tags))
        for number, config in enumerate(configs):
            member = config.model_copy(update={"sweep": sweep.id})
            try:
                new_run.create_directory(self.runs, member, labels, draft.weights)
            except EnvironmentLacksError as error:
                raise EnvironmentLacksError(
                    f"{number} of {len(configs)} runs of sweep {sweep.id} were created. {error.message}",
                    f"Free some space, then create and start the others: nastui sweep resume {sweep.id}",
                ) from error
