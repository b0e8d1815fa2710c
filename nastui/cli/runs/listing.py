"""The formats of ``nastui runs list``: a table for people, JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nastui.cli import output
from runs.errors import UsageError, closest
from runs.fleet.queueing import Wait, ordinal
from runs.formatting import duration
from runs.home import Home, short_id
from runs.store.labels import Labels
from runs.store.run_head import SHOWN

if TYPE_CHECKING:
    from runs.store.record import Record


DEFAULT = ("id", "status", "method", "space", "data", "epoch", "best", "time", "tags", "name")

# What CSV has. A column that is not here is a key of the JSON form; a dot leads into it: best.search_accuracy
_VALUES: dict[str, Callable[[Record], Any]] = {
    "id": lambda record: record.id,
    "status": lambda record: str(record.status),
    "method": lambda record: record.head["method"],
    "space": lambda record: record.head["space"],
    "data": lambda record: Path(record.head["dataset"]).name,
    "epoch": lambda record: record.summary.epoch,
    "best": lambda record: record.summary.best_accuracy,
    "bench": lambda record: record.benchmark_accuracy,
    "time": lambda record: record.summary.seconds,
    "tags": lambda record: " ".join(record.labels.tags),
    "name": lambda record: record.labels.name,
}


def _status(record: Record, wait: Wait | None) -> str:
    if wait is not None:
        return f"{record.shown_status} {ordinal(wait.place)}"
    is_with_slurm = record.job_text and record.shown_status in ("running", "queued")
    return record.job_text if is_with_slurm else str(record.shown_status)


# What tables for people have instead.
_TEXTS: dict[str, Callable[[Record, Wait | None], str]] = {
    "id": lambda record, _: short_id(record.id),
    "status": _status,
    "epoch": lambda record, _: f"{record.summary.epoch}/{record.summary.epochs}" if record.summary.epochs else "-",
    "best": lambda record, _: _figure(record.summary.best_accuracy),
    "bench": lambda record, _: _figure(record.benchmark_accuracy),
    "time": lambda record, _: duration(record.summary.seconds) if record.summary.seconds else "-",
    "name": lambda record, _: record.labels.name or record.subject,
}


def columns_of(text: str | None) -> list[str]:
    """Return the columns of ``--columns``.

    Raises:
        UsageError: there is no such column, or it is named twice.
    """
    if text is None:
        return list(DEFAULT)
    names = [name.strip() for name in text.split(",")]
    known = (*_VALUES, *_json_keys())
    for place, name in enumerate(names):
        if name.partition(".")[0] not in known:
            raise UsageError(f"Unknown column '{name[:80]}'.", closest(name, known))
        if name in names[:place]:
            raise UsageError(f"--columns names '{name[:80]}' twice.", "Name each column once.")
    return names


def print_runs(
    records: Sequence[Record], waiting: Mapping[str, Wait], columns: Sequence[str] | None, style: str
) -> None:
    """Print runs.

    Args:
        records: in order.
        waiting: the places of those that wait, by id.
        columns: of :func:`columns_of`; None for those of the format.
        style: ``table``, ``json``, ``csv`` or ``markdown``.
    """
    shown = columns or DEFAULT
    match style:
        case "json":
            whole = ((record, document(record, waiting.get(record.id))) for record in records)
            output.data(
                [found for _, found in whole]
                if columns is None
                else [{name: _inside(found, name, record) for name in columns} for record, found in whole]
            )
        case "csv":
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(shown)
            writer.writerows([_plain(_value(record, waiting, name)) for name in shown] for record in records)
            sys.stdout.write(output.clean(text.getvalue()))
        case "markdown":
            lines = [shown, ["---"] * len(shown)]
            lines += [[_escaped(_text(record, waiting, name)) for name in shown] for record in records]
            sys.stdout.writelines(f"| {' | '.join(line)} |\n" for line in lines)
        case _:
            output.table(shown, ([_text(record, waiting, name) for name in shown] for record in records))


def document(record: Record, wait: Wait | None) -> dict[str, Any]:
    """Return what ``nastui runs list --json`` prints of a run; keys are an interface."""
    return record.to_json() | {"queue": None if wait is None else {"place": wait.place, "reason": wait.reason}}


def _value(record: Record, waiting: Mapping[str, Wait], name: str) -> Any:
    if name in _VALUES:
        return _VALUES[name](record)
    return _inside(document(record, waiting.get(record.id)), name, record)


def _text(record: Record, waiting: Mapping[str, Wait], name: str) -> str:
    if name in _TEXTS:
        return _TEXTS[name](record, waiting.get(record.id))
    value = _value(record, waiting, name)
    return f"{value:.4g}" if isinstance(value, float) else _plain(value) or "-"


def _inside(found: Mapping[str, Any], name: str, record: Record) -> Any:
    """Return the value of a column in the JSON form of a run; None if it has none."""
    head, *path = name.split(".")
    if head not in found:
        return _VALUES[name](record) if name in _VALUES else None
    value: Any = found[head]
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _plain(value: Any) -> str:
    """Return a value as text: words of a list with spaces between them, a table as JSON."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _escaped(text: str) -> str:
    """Return foreign text as one cell of a Markdown table, without markup."""
    return re.sub(r"([\\|<*`\[])", r"\\\1", " ".join(output.clean(text).split()))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _json_keys() -> list[str]:
    from runs.log.summary import Summary
    from runs.store.record import Record

    nothing = Record(Home(Path()).run(""), dict.fromkeys(SHOWN, ""), Labels(), Summary())
    return list(document(nothing, None))
