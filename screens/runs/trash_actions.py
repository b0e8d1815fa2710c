"""Moving the chosen runs and sweeps to the trash, and restoring them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs.formatting import count
from runs.store.groups import sweep_of
from runs.store.record import Record
from runs.store.run_store import RunStore
from screens.actions.screen import ActionScreen
from screens.actions.screen_actions import ScreenActions
from screens.formatting import run_names
from screens.runs.run_list import RunList
from screens.runs.store_changes import StoreChanges
from screens.widgets.confirm import Confirm


class TrashActions(ScreenActions):
    """Moves runs to the trash, and remembers which, to restore them.

    Args:
        screen: asks before runs are removed.
        store: where the runs are stored.
        runs: the list.
        changes: removes and restores.
    """

    def __init__(self, screen: ActionScreen[None], store: RunStore, runs: RunList, changes: StoreChanges) -> None:
        self._screen, self._store, self._runs, self._changes = screen, store, runs, changes
        self._removed: list[list[_Removal]] = []

    def has_effect(self, action: str) -> bool:
        """Return whether there is a run to remove, or one that was removed and not restored."""
        return bool(self._removed) if action == "undo" else bool(self._runs.chosen)

    async def action_trash(self) -> None:
        """Move the chosen runs to the trash, after asking. A sweep of which no run would be left goes with them."""
        chosen = self._runs.chosen
        removals = self._removals(chosen)
        left = any(sweep_of(removal.records[0]) and not removal.sweep for removal in removals)
        note = f"u restores {'it' if len(removals) == 1 else 'them'}." + (
            " The sweep stays, and calls them missing." if left else ""
        )
        if not await self._screen.ask(Confirm(f"Move {_names(removals)} to the trash?", note)):
            return
        removed: list[_Removal] = []
        self._removed.append(removed)

        def remove(removal: _Removal) -> None:
            from runs.fleet import sweep_trash
            from runs.fleet.sweep_store import SweepStore

            sweeps = SweepStore(self._store)
            if removal.sweep:
                sweep_trash.remove(sweeps, sweeps.find(removal.sweep))
            else:
                self._store.remove(removal.records[0])
            removed.append(removal)

        self._changes.each(removals, remove, "Moved to the trash, u restores:", _names)
        self._runs.unmark(chosen)

    def action_undo(self) -> None:
        """Restore what was last moved to the trash."""

        def restore(removal: _Removal) -> None:
            from runs.fleet import sweep_trash
            from runs.fleet.sweep_store import SweepStore

            sweeps = SweepStore(self._store)
            if removal.sweep:
                sweep_trash.restore(sweeps, removal.sweep)
            else:
                sweep_trash.restore_run(sweeps, removal.records[0].id)

        if self._removed:
            self._changes.each(self._removed.pop(), restore, "Restored:", _names)

    def _removals(self, records: Sequence[Record]) -> list[_Removal]:
        """Return sweeps all of whose runs are given, and the other runs."""
        # Imported here, because it would slow down the start of the app.
        from runs.fleet import sweep_trash
        from runs.fleet.sweep_store import SweepStore

        whole = sweep_trash.emptied(SweepStore(self._store), records, self._store.known())
        found = [_Removal(sweep, members) for sweep, members in whole.items()]
        inside = {record.id for removal in found for record in removal.records}
        return found + [_Removal("", [record]) for record in records if record.id not in inside]


@dataclass(frozen=True)
class _Removal:
    """What goes to the trash as one: a run, or a sweep with all its runs.

    Attributes:
        sweep: its id; empty for a run.
        records: the runs.
    """

    sweep: str
    records: Sequence[Record]


def _names(removals: Sequence[_Removal]) -> str:
    """Return the name of one run or sweep, or the numbers of several, for a sentence."""
    sweeps = [removal for removal in removals if removal.sweep]
    runs = [record for removal in removals if not removal.sweep for record in removal.records]
    parts = [run_names(runs)] if runs else []
    if sweeps:
        first = sweeps[0].records[0].labels.name
        name = (
            f"sweep {f'{first} ' if first else ''}({sweeps[0].sweep})" if len(sweeps) == 1 else f"{len(sweeps)} sweeps"
        )
        parts.insert(0, f"{name} with {count(sum(len(removal.records) for removal in sweeps), 'run')}")
    return " and ".join(parts)
