"""The commands of the Runs screen that change the store: tagging, trashing, and starting the demonstration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from runs.configuration import Draft
from runs.errors import NastuiError
from runs.formatting import count
from runs.store.groups import sweep_of
from runs.store.labels import Labels
from runs.store.record import Record
from runs.store.run_store import RunStore
from screens.actions.screen import ActionScreen
from screens.destinations import OpenRun
from screens.error_text import error_text
from screens.formatting import run_names
from screens.widgets.ask_line import AskLine
from screens.widgets.confirm import Confirm

DEMONSTRATION = Draft(method="drnas", preset="quick", name="demonstration")
"""A search that needs only what is installed."""
DEMONSTRATION_GROUP = "demonstrate"
Item = TypeVar("Item")


class StoreCommands:
    """Changes the runs of a store for a screen. Each command works in a thread and shows its outcome.

    Args:
        screen: asks the questions and shows the notifications.
        store: where the runs are stored.
        changed: called from a thread after runs have changed.
    """

    def __init__(self, screen: ActionScreen[None], store: RunStore, changed: Callable[[], object]) -> None:
        self._screen, self._store, self._changed = screen, store, changed
        self._removed: list[list[_Removal]] = []
        self._starting = False

    @property
    def can_undo(self) -> bool:
        """Whether runs were moved to the trash and not restored."""
        return bool(self._removed)

    def demonstrate(self) -> None:
        """Start the demonstration and open it."""
        if self._starting:
            return
        self._starting = True
        self._screen.say("Starting the demonstration …")

        def start() -> None:
            from runs.supervision import launcher

            try:
                config, _ = launcher.start(self._store, DEMONSTRATION)
                self._screen.post_message(OpenRun(config.id))
            except NastuiError as error:
                self._screen.say(str(error), "error")
            finally:
                self._starting = False

        self._screen.in_background(start, group=DEMONSTRATION_GROUP)

    async def tag(self, records: Sequence[Record]) -> None:
        """Edit the tags of one run, or add tags to several and remove them; call it from a worker."""
        if len(records) == 1:
            question, text = "Tags, separated by spaces:", " ".join(records[0].labels.tags)
        else:
            question, text = f"Tags for {count(len(records), 'run')}: a word adds a tag, -word removes it.", ""
        answer = await self._screen.ask(AskLine(question, text))
        if answer is not None:
            change = retagged(answer, whole=len(records) == 1)
            self._each(records, lambda record: self._store.label(record, change), "", run_names)

    async def trash(self, records: Sequence[Record]) -> bool:
        """Move runs to the trash, after asking; return whether it was done. Call it from a worker.

        A sweep of which no run would be left goes with them.
        """
        removals = self._removals(records)
        left = any(sweep_of(removal.records[0]) and not removal.sweep for removal in removals)
        note = f"u restores {'it' if len(removals) == 1 else 'them'}." + (
            " The sweep stays, and calls them missing." if left else ""
        )
        if not await self._screen.ask(Confirm(f"Move {_names(removals)} to the trash?", note)):
            return False
        removed: list[_Removal] = []
        self._removed.append(removed)

        def remove(removal: _Removal) -> None:
            from runs.fleet.sweep import SweepStore

            sweeps = SweepStore(self._store)
            if removal.sweep:
                sweeps.remove(sweeps.find(removal.sweep))
            else:
                self._store.remove(removal.records[0])
            removed.append(removal)

        self._each(removals, remove, "Moved to the trash, u restores:", _names)
        return True

    def undo(self) -> None:
        """Restore what was last moved to the trash."""

        def restore(removal: _Removal) -> None:
            from runs.fleet.sweep import SweepStore

            sweeps = SweepStore(self._store)
            if removal.sweep:
                sweeps.restore(removal.sweep)
            else:
                sweeps.restore_run(removal.records[0].id)

        if self._removed:
            self._each(self._removed.pop(), restore, "Restored:", _names)

    def _removals(self, records: Sequence[Record]) -> list[_Removal]:
        """Return sweeps all of whose runs are given, and the other runs."""
        from runs.fleet.sweep import SweepStore

        whole = SweepStore(self._store).emptied(records, self._store.known())
        found = [_Removal(sweep, members) for sweep, members in whole.items()]
        inside = {record.id for removal in found for record in removal.records}
        return found + [_Removal("", [record]) for record in records if record.id not in inside]

    def _each(
        self,
        items: Sequence[Item],
        change: Callable[[Item], object],
        done: str,
        names: Callable[[Sequence[Item]], str],
    ) -> None:
        """Change one thing after another; report what was done and what failed."""

        def change_all() -> None:
            changed = []
            for item in items:
                try:
                    change(item)
                    changed.append(item)
                except NastuiError as error:
                    self._screen.say(str(error), "error")
                except OSError as error:
                    self._screen.say(f"{names([item])}: {error_text(error, '', None)}", "error")
            if changed and done:
                self._screen.say(f"{done} {names(changed)}.")
            self._changed()

        self._screen.in_background(change_all, group="store")


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


def retagged(answer: str, *, whole: bool) -> Callable[[Labels], None]:
    """Return the change that an answer asks for: the whole list of tags, or words to add and ``-words`` to remove."""
    words = answer.replace(",", " ").split()

    def change(labels: Labels) -> None:
        if whole:
            labels.tags = words
            return
        removed = {word[1:] for word in words if word.startswith("-")}
        labels.tags = [tag for tag in labels.tags if tag not in removed]
        labels.tags += [word for word in words if not word.startswith("-")]

    return change
