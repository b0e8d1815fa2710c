"""One line for all runs that differ only in their seed, as the Runs screen folds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nastui.cli import output
from runs.home import short_id
from runs.store.groups import Group, grouped, seed_count
from runs.store.record import Record


def groups(records: Sequence[Record], *, limit: int | None = None, as_json: bool, by_best: bool) -> None:
    """Print groups of runs in the order of their first runs, or with ``by_best`` in the order of their mean."""
    found = grouped(records)
    if by_best:
        found.sort(key=lambda group: group.best.mean if group.best else -1.0, reverse=True)
    found = found[:limit]
    if as_json:
        output.data([group.to_json() for group in found])
        return
    output.table(
        ["runs", "status", "method", "space", "data", "best", "bench", "ids"],
        (_row(group) for group in found),
    )


def _row(group: Group) -> list[str]:
    return [
        seed_count(group.seeds) if len(group.members) > 1 else "1",
        ", ".join(f"{number} {status}" for status, number in group.statuses.most_common()),
        *(str(group.head[name]) for name in ("method", "space")),
        Path(group.head["dataset"]).name,
        *("-" if spread is None else spread.text(len(group.members)) for spread in (group.best, group.benchmark)),
        " ".join(short_id(record.id) for record in group.members),
    ]
