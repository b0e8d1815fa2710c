"""The columns of the table of runs: their text, how they sort, and which are left out first if room is short."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.cells import cell_len

from runs.formatting import brief_duration
from runs.home import short_id
from runs.store.groups import Group, Spread, seed_count
from runs.store.record import Record
from runs.store.run_head import is_training
from runs.store.status import Status
from screens.formatting import clean, moment, status_label, status_sign

_BAR = 8
STATUS_ORDER = (
    Status.STALLED,
    Status.RUNNING,
    Status.PAUSED,
    Status.STOPPING,
    Status.LOST,
    Status.FAILED,
    Status.QUEUED,
    Status.UNSTARTED,
    Status.STOPPED,
    Status.FINISHED,
)

Row = Record | Group
"""A row of the table: a run, or the runs of a sweep, or several that differ only in their seed."""
AnyRow = TypeVar("AnyRow", Record, Group, Row)


@dataclass(frozen=True, eq=False)
class Column:
    """A column.

    Attributes:
        text: returns the text of a run's cell at a time (seconds since 1970).
        order: returns the sort key of a run; the largest comes first if ``descending``.
        folded: returns the text of a group's cell; without it, the text that all its runs share, or nothing.
        folded_order: returns the sort key of a group; without it, that of its first run.
        keep: if there is too little room, the columns with the smallest value are left out first. A column with 0 is
            left out before any other column becomes narrower.
        least, most: the bounds of its width in cells. A column with a least width shrinks to it before any is left out.
        changing: its texts depend on the time.
    """

    title: str
    text: Callable[[Record, float], str]
    order: Callable[[Record], Any]
    keep: int
    least: int = 0
    most: int = 40
    right: bool = False
    descending: bool = False
    folded: Callable[[Group, float], str] | None = None
    folded_order: Callable[[Group], Any] | None = None
    changing: bool = False

    def cell(self, row: Row, now: float) -> str:
        """Return the text of a row's cell."""
        if isinstance(row, Record):
            return self.text(row, now)
        if self.changing and self.folded is not None:
            return self.folded(row, now)
        if self.title not in row.texts:  # fifty runs of a sweep would be visited for each cell, at each look
            row.texts[self.title] = self.folded(row, now) if self.folded is not None else self._shared(row, now)
        return row.texts[self.title]

    def _shared(self, group: Group, now: float) -> str:
        first = self.text(group.members[0], now)
        for record in group.members:  # not with all(), which takes longer, for each row at every letter of a filter
            if self.text(record, now) != first:
                return ""
        return first

    def sort_key(self, row: Row) -> Any:
        """Return the sort key of a row."""
        if isinstance(row, Record):
            return self.order(row)
        return self.folded_order(row) if self.folded_order is not None else self.order(row.members[0])


def _statuses(group: Group, now: float) -> str:
    counted = sorted(group.statuses.items(), key=lambda item: STATUS_ORDER.index(item[0]))
    return (
        status_label(counted[0][0])
        if len(counted) == 1
        else " ".join(f"{status_sign(status)}{n}" for status, n in counted)
    )


def _name(record: Record) -> str:
    return clean(record.labels.name or record.subject)


def _members(group: Group, now: float) -> str:
    if not group.is_sweep:
        return seed_count(group.seeds)
    return f"{group.statuses[Status.FINISHED]}/{len(group.members)} done"


def _left(record: Record, now: float) -> str:
    eta = record.summary.eta
    return brief_duration(eta) if eta is not None and math.isfinite(eta) and record.status is Status.RUNNING else ""


def _left_of_all(group: Group, now: float) -> str:
    return brief_duration(group.seconds_left) if group.seconds_left else ""


def _left_first(seconds: float | None) -> float:
    return -1.0 if seconds is None or not math.isfinite(seconds) else seconds


def _epoch(record: Record, now: float) -> str:
    summary = record.summary
    return f"{summary.epoch}/{summary.epochs}" if summary.epochs else "-"


def _epochs(group: Group, now: float) -> str:
    done = [record.summary.epoch for record in group.members]
    epochs = max(record.summary.epochs for record in group.members)
    first = f"{min(done)}-" if min(done) != max(done) else ""
    return f"{first}{max(done)}/{epochs}" if epochs else "-"


def _best_first(record: Record) -> tuple[bool, float]:
    # The test accuracy of a retrained network is not comparable with the accuracy of a search's supernet.
    found = record.summary.best_accuracy
    return is_training(record.head), -1.0 if found is None else found


def _best(record: Record, now: float) -> str:
    best = record.summary.best_accuracy
    return "-" if best is None else f"{best:.2f}"


def _bench_first(record: Record) -> float:
    found = record.benchmark_accuracy
    return -1.0 if found is None else found


def _bench(record: Record, now: float) -> str:
    found = record.benchmark_accuracy
    return "" if found is None else f"{found:.2f}"


def _mean(spread: Spread | None) -> float:
    return -1.0 if spread is None else spread.mean


def _bar(record: Record, now: float) -> str:
    return "" if not record.summary.epochs or record.status is Status.FINISHED else _drawn(_done(record))


def _bars(group: Group, now: float) -> str:
    return "" if set(group.statuses) == {Status.FINISHED} else _drawn(_all_done(group))


def _drawn(done: float) -> str:
    full = max(0, min(_BAR, round(_BAR * done)))
    return "█" * full + "░" * (_BAR - full)


def _done(record: Record) -> float:
    return record.summary.epoch / record.summary.epochs if record.summary.epochs else -1.0


def _all_done(group: Group) -> float:
    return sum(max(0.0, _done(record)) for record in group.members) / len(group.members)


def _common_tags(group: Group, now: float) -> str:
    others = [record.labels.tags for record in group.members[1:]]
    return clean(" ".join(tag for tag in group.members[0].labels.tags if all(tag in tags for tags in others)))


COLUMNS = (
    Column(
        "status",
        lambda r, now: status_label(r.shown_status),
        lambda r: STATUS_ORDER.index(r.shown_status),
        10,
        least=11,
        folded=_statuses,
        folded_order=lambda g: min(map(STATUS_ORDER.index, g.statuses)),
    ),
    Column(
        "id",
        lambda r, now: short_id(r.id),
        lambda r: r.id,
        8,
        least=8,
        folded=_members,
    ),
    Column("name", lambda r, now: _name(r), lambda r: (not _name(r), _name(r).casefold()), 7, least=8),
    Column("method", lambda r, now: clean(r.head["method"]), lambda r: r.head["method"], 9, most=14),
    Column("space", lambda r, now: clean(r.head["space"]), lambda r: r.head["space"], 2, most=14),
    Column("data", lambda r, now: clean(r.head["dataset"].rpartition("/")[2]), lambda r: r.head["dataset"], 3, most=18),
    Column("epoch", _epoch, _done, 9, right=True, descending=True, folded=_epochs, folded_order=_all_done),
    Column("done", _bar, _done, 0, most=_BAR, descending=True, folded=_bars, folded_order=_all_done),
    Column(
        "best",
        _best,
        _best_first,
        8,
        right=True,
        descending=True,
        folded=lambda g, now: str(g.best or "-"),
        folded_order=lambda g: (is_training(g.head), _mean(g.best)),
    ),
    Column(
        "bench",
        _bench,
        _bench_first,
        6,
        right=True,
        descending=True,
        folded=lambda g, now: str(g.benchmark or ""),
        folded_order=lambda g: _mean(g.benchmark),
    ),
    Column(
        "left",
        _left,
        lambda r: _left_first(r.summary.eta if r.status is Status.RUNNING else None),
        5,
        right=True,
        descending=True,
        folded=_left_of_all,
        folded_order=lambda g: _left_first(g.seconds_left),
    ),
    Column(
        "age",
        lambda r, now: brief_duration(now - moment(r.head["created"])),
        lambda r: r.head["created"],
        4,
        least=3,
        right=True,
        descending=True,
        folded=lambda g, now: brief_duration(now - moment(g.head["created"])),
        changing=True,
    ),
    Column(
        "tags",
        lambda r, now: clean(" ".join(r.labels.tags)),
        lambda r: (not r.labels.tags, r.labels.tags),
        1,
        least=8,
        most=24,
        folded=_common_tags,
    ),
)
# Their widths are fixed, and their texts differ in nearly every run.
_STEADY = ("status", "id", "age")
# If a column has the same text in every row and its ``keep`` is below this, it is left out before others become
# narrower.
_WORTH_ROOM = 5
BY_TITLE = {column.title: column for column in COLUMNS}


@dataclass(frozen=True)
class WantedWidth:
    """The width that a column needs, in cells, and whether its text differs between runs."""

    width: int
    varied: bool


WantedWidths = dict[str, WantedWidth]
"""By title of the column; columns without any text are left out."""


def wanted_widths(rows: Sequence[Row]) -> WantedWidths:
    """Return the widths that the columns need for these rows."""
    groups = [row for row in rows if isinstance(row, Group)]
    widths = {}
    for column in COLUMNS:
        width = max(column.least, len(column.title) + 1)  # room for the arrow of the sorted one
        if column.title in _STEADY:
            widths[column.title] = WantedWidth(
                max([width, *(cell_len(column.cell(group, 0.0)) for group in groups)]), True
            )
            continue
        texts = {column.cell(row, 0.0) for row in rows}
        longest = max((len(text) if text.isascii() else cell_len(text) for text in texts), default=0)
        if longest:
            widths[column.title] = WantedWidth(max(width, min(column.most, longest)), len(texts) > 1)
    return widths


def runs_of(row: Row) -> Sequence[Record]:
    """Return the runs of a row."""
    return row.members if isinstance(row, Group) else (row,)


def laid_out(widths: WantedWidths, room: int) -> tuple[list[tuple[Column, int]], int]:
    """Choose the columns that fit into ``room`` cells; those with the same text in every row are left out first.

    Returns:
        The columns with their widths, and the gap between them.
    """
    columns = [column for column in COLUMNS if column.title in widths]
    while True:
        for gap in (2, 1):
            excess = gap * (len(columns) - 1) + sum(widths[column.title].width for column in columns) - room
            if excess <= 0:
                return [(column, widths[column.title].width) for column in columns], gap
        if spare := [column for column in columns if not column.keep]:
            columns.remove(spare[0])
            continue
        distinct = [column for column in columns if widths[column.title].varied and column.title not in _STEADY]
        same = [column for column in columns if not widths[column.title].varied and column.keep < _WORTH_ROOM]
        if distinct and same:
            columns.remove(min(same, key=lambda column: column.keep))
            continue
        if excess <= sum(_slack(column, widths) for column in columns):
            return _shrunk(columns, widths, excess), 1
        if len(columns) <= 1:
            return [(column, max(1, room)) for column in columns], 1
        columns.remove(min(columns, key=lambda column: (widths[column.title].varied, column.keep)))


def arranged(rows: Sequence[AnyRow], by: Column, *, backwards: bool) -> list[AnyRow]:
    """Return rows in the order of a column; equal rows stay newest first."""
    return sorted(rows, key=by.sort_key, reverse=by.descending != backwards)


def _slack(column: Column, widths: WantedWidths) -> int:
    return widths[column.title].width - max(column.least, len(column.title) + 1) if column.least else 0


def _shrunk(columns: list[Column], widths: WantedWidths, excess: int) -> list[tuple[Column, int]]:
    given = {column.title: widths[column.title].width for column in columns}
    for column in sorted(columns, key=lambda column: column.keep):
        taken = min(excess, _slack(column, widths))
        given[column.title] -= taken
        excess -= taken
    return [(column, given[column.title]) for column in columns]
