"""The columns of the table of runs: what each says, how it sorts, and which go first where room is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from runs.home import short_id
from runs.status import Status
from runs.store import Record
from screens.widgets.status import labelled
from screens.wording import clean, moment, span

_BAR = 8
_ORDER = (
    Status.RUNNING,
    Status.PAUSED,
    Status.STOPPING,
    Status.LOST,
    Status.FAILED,
    Status.QUEUED,
    Status.STOPPED,
    Status.FINISHED,
)


@dataclass(frozen=True, eq=False)
class Column:
    """A column.

    Attributes:
        text: what a run's cell says at a moment (seconds since 1970).
        order: what it sorts by; a larger value is "more", and comes first where ``falling``.
        keep: the columns with the smallest go first where room is short; one of 0 before any other is made narrower.
        least, most: the bounds of its width in cells; one with a least shrinks to it before any column goes.
    """

    title: str
    text: Callable[[Record, float], str]
    order: Callable[[Record], Any]
    keep: int
    least: int = 0
    most: int = 40
    right: bool = False
    falling: bool = False


def _epoch(record: Record, now: float) -> str:
    summary = record.summary
    return f"{summary.epoch}/{summary.epochs}" if summary.epochs else "-"


def _best_first(record: Record) -> tuple[bool, float]:
    # The test accuracy of a retrained network and that of a search's supernet do not compare.
    found = record.summary.best_accuracy
    return record.head["kind"] == "retrain", -1.0 if found is None else found


def _best(record: Record, now: float) -> str:
    best = record.summary.best_accuracy
    return "-" if best is None else f"{best:.2f}"


def _bench_first(record: Record) -> float:
    found = record.summary.benchmark_accuracy
    return -1.0 if found is None else found


def _bench(record: Record, now: float) -> str:
    found = record.summary.benchmark_accuracy
    return "" if found is None else f"{found:.2f}"


def _bar(record: Record, now: float) -> str:
    if not record.summary.epochs or record.status is Status.FINISHED:
        return ""
    full = min(_BAR, round(_BAR * _done(record)))
    return "█" * full + "░" * (_BAR - full)


def _done(record: Record) -> float:
    return record.summary.epoch / record.summary.epochs if record.summary.epochs else -1.0


COLUMNS = (
    Column("status", lambda r, now: labelled(r.status), lambda r: _ORDER.index(r.status), 10, least=10),
    Column("id", lambda r, now: short_id(r.id), lambda r: r.id, 8, least=8),
    Column(
        "name", lambda r, now: clean(r.labels.name), lambda r: (not r.labels.name, r.labels.name.casefold()), 7, least=8
    ),
    Column("method", lambda r, now: clean(r.head["method"]), lambda r: r.head["method"], 9, most=14),
    Column("space", lambda r, now: clean(r.head["space"]), lambda r: r.head["space"], 2, most=14),
    Column("data", lambda r, now: clean(r.head["dataset"].rpartition("/")[2]), lambda r: r.head["dataset"], 3, most=18),
    Column("epoch", _epoch, _done, 9, right=True, falling=True),
    Column("done", _bar, _done, 0, most=_BAR, falling=True),
    Column("best", _best, _best_first, 8, right=True, falling=True),
    Column("bench", _bench, _bench_first, 6, right=True, falling=True),
    Column(
        "age",
        lambda r, now: span(now - moment(r.head["created"])),
        lambda r: r.head["created"],
        4,
        least=3,
        right=True,
        falling=True,
    ),
    Column(
        "tags",
        lambda r, now: clean(" ".join(r.labels.tags)),
        lambda r: (not r.labels.tags, r.labels.tags),
        1,
        least=8,
        most=24,
    ),
)
# Of one width, whatever they say, and different for nearly every run.
_STEADY = ("status", "id", "age")
# Below this a column that tells no runs apart goes before any other is made narrower.
_WORTH_ROOM = 5
BY_TITLE = {column.title: column for column in COLUMNS}


@dataclass(frozen=True)
class Wish:
    """The width that a column would like, in cells, and whether it tells runs apart."""

    width: int
    varied: bool


Wishes = dict[str, Wish]
"""By title of the column; a column in which no run says anything is left out."""


def wishes(records: Sequence[Record]) -> Wishes:
    """Return what the columns would like to show these runs."""
    wanted = {}
    for column in COLUMNS:
        width = max(column.least, len(column.title) + 1)  # room for the arrow of the sorted one
        if column.title in _STEADY:
            wanted[column.title] = Wish(width, True)
            continue
        said = {column.text(record, 0.0) for record in records}
        longest = max((len(text) if text.isascii() else cell_len(text) for text in said), default=0)
        if longest:
            wanted[column.title] = Wish(max(width, min(column.most, longest)), len(said) > 1)
    return wanted


def laid_out(wanted: Wishes, room: int) -> tuple[list[tuple[Column, int]], int]:
    """Choose the columns that fit into ``room`` cells: those go first that tell no runs apart.

    Returns:
        the columns with their widths, and the gap between them.
    """
    columns = [column for column in COLUMNS if column.title in wanted]
    while True:
        for gap in (2, 1):
            excess = gap * (len(columns) - 1) + sum(wanted[column.title].width for column in columns) - room
            if excess <= 0:
                return [(column, wanted[column.title].width) for column in columns], gap
        if spare := [column for column in columns if not column.keep]:
            columns.remove(spare[0])
            continue
        told = [column for column in columns if wanted[column.title].varied and column.title not in _STEADY]
        same = [column for column in columns if not wanted[column.title].varied and column.keep < _WORTH_ROOM]
        if told and same:
            columns.remove(min(same, key=lambda column: column.keep))
            continue
        if excess <= sum(_slack(column, wanted) for column in columns):
            return _shrunk(columns, wanted, excess), 1
        if len(columns) <= 1:
            return [(column, max(1, room)) for column in columns], 1
        columns.remove(min(columns, key=lambda column: (wanted[column.title].varied, column.keep)))


def arranged(records: Sequence[Record], by: Column, *, backwards: bool) -> list[Record]:
    """Return runs in the order of a column; equal ones stay newest first."""
    return sorted(records, key=by.order, reverse=by.falling != backwards)


def _slack(column: Column, wanted: Wishes) -> int:
    return wanted[column.title].width - max(column.least, len(column.title) + 1) if column.least else 0


def _shrunk(columns: list[Column], wanted: Wishes, excess: int) -> list[tuple[Column, int]]:
    given = {column.title: wanted[column.title].width for column in columns}
    for column in sorted(columns, key=lambda column: column.keep):
        taken = min(excess, _slack(column, wanted))
        given[column.title] -= taken
        excess -= taken
    return [(column, given[column.title]) for column in columns]
