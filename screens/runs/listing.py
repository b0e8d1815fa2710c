"""What the Runs screen shows of the store, and the small steps between a person's words and the store's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from textual.message import Message

from runs.home import short_id
from runs.log.summary import Labels
from runs.store.groups import grouped
from runs.store.run_store import Record
from runs.store.status import Status
from screens.formatting import count
from screens.models.run_columns import BY_TITLE, Column, Row, Wishes, arranged
from screens.runs.filter import EVERYTHING, RunFilter, Texts
from screens.widgets.run_table import runs_of


@dataclass(frozen=True)
class View:
    """Which runs are shown, and in which order.

    Attributes:
        folded: runs that differ in seed alone share a line.
        unfolded: the ids of groups whose runs are shown under them all the same.
    """

    filter: RunFilter = EVERYTHING
    by: Column = BY_TITLE["age"]
    backwards: bool = False
    folded: bool = False
    unfolded: frozenset[str] = frozenset()

    def of(self, records: Sequence[Record], texts: Texts) -> list[Row]:
        """Return the rows of the runs that pass, in order."""
        passed = [record for record in records if self.filter.matches(record, texts)] if self.filter else records
        if not self.folded:
            return [*arranged(passed, self.by, backwards=self.backwards)]
        rows = [group if len(group.members) > 1 else group.members[0] for group in grouped(passed)]
        shown: list[Row] = []
        for row in arranged(rows, self.by, backwards=self.backwards):
            shown.append(row)
            if row.id in self.unfolded:
                shown += arranged(runs_of(row), self.by, backwards=self.backwards)
        return shown


@dataclass
class Look(Message):
    """What a look at the store has found.

    Attributes:
        statuses: how many runs are how.
        unreadable: why, by the name of the directory.
        complaint: why there was nothing to look at.
        rest: how many seconds the next look may wait.
    """

    records: list[Record]
    wanted: Wishes
    view: View
    shown: list[Row]
    statuses: Counter[Status]
    unreadable: dict[str, str] = field(default_factory=dict)
    complaint: str = ""
    rest: float = 0.0


def retagged(answer: str, *, whole: bool) -> Callable[[Labels], None]:
    """Return the change that an answer asks for: the whole list of tags, or words to add and ``-words`` to take."""
    words = answer.replace(",", " ").split()

    def change(labels: Labels) -> None:
        if whole:
            labels.tags = words
            return
        taken = {word[1:] for word in words if word.startswith("-")}
        labels.tags = [tag for tag in labels.tags if tag not in taken]
        labels.tags += [word for word in words if not word.startswith("-")]

    return change


def named(records: Sequence[Record]) -> str:
    """Return what runs are called in a sentence: one by its name, several by their number."""
    if len(records) == 1:
        name = records[0].labels.name or str(records[0].head["method"])
        return f"{name} ({short_id(records[0].id)})"
    return count(len(records), "run")
