"""The models of the Sweep screen, made from the results of the sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from runs.fleet.queueing import Wait, ordinal
from runs.fleet.sweep_results import Cell, Results, Row
from runs.formatting import brief_duration, count
from runs.genotypes.consensus import Votes, consensus, votes
from runs.genotypes.genotype import edge_label
from runs.home import short_id
from runs.store.groups import Group, Spread
from runs.store.record import Record
from runs.store.status import Status
from screens.formatting import brief, clean, operation_label, status_sign
from screens.models.cells import CellView
from screens.models.charts import Band, Curves, Series
from screens.models.sweep import Axis, Consensus, MatrixCell, MemberCurves, ParallelLine, ParallelView, RunMatrix
from screens.views.status_line import progress_of_sweep

_MOST_VALUE = 16
# An edge is drawn dashed if fewer of the genotypes than this share have its operation.
_AGREED = 2 / 3


def title(results: Results) -> str:
    """Return what the sweep is: its name, methods, space, data, preset."""
    sweep = results.sweep
    parts = ["sweep", sweep.title]
    if (record := next(iter(results.records), None)) is not None:
        varied = set(sweep.grid)
        parts += [str(record.head[name]) for name in ("space", "dataset", "preset") if name not in varied]
    return clean(" · ".join(parts))


def progress(results: Results) -> str:
    """Return how far the sweep is: members by status, mean and deviation, the best, the time left."""
    records = results.records
    if not records:
        return "no run of this sweep exists any more"
    parts = progress_of_sweep(Group(results.sweep.id, list(records)))
    missing = results.statuses.get("missing", 0)
    return " · ".join([*parts, *([f"{missing} missing"] if missing else [])])


def by_table(results: Results) -> bool:
    """Return whether runs are ranked by a benchmark table rather than by their own best accuracy."""
    return any(record.benchmark_accuracy is not None for row in results.rows for record in row.finished)


def spread(row: Row, table: bool) -> Spread | None:
    """Return the figure of a row."""
    return row.benchmark if table else row.best


def matrix(results: Results, waits: Mapping[str, Wait]) -> RunMatrix:
    """Return the runs by values and seed."""
    table = by_table(results)
    keys = tuple(map(clean, results.sweep.grid))
    if not keys:
        cells = [cell for row in results.rows for cell in row.cells]
        return RunMatrix(
            ("seed",),
            ("run",),
            tuple((str(cell.seed),) for cell in cells),
            tuple((_cell(cell, table, waits),) for cell in cells),
            tuple(_story(cell, waits) for cell in cells),
        )
    seeds = list(dict.fromkeys(cell.seed for row in results.rows for cell in row.cells))
    rows, labels, notes = [], [], []
    for row in results.rows:
        by_seed = {cell.seed: cell for cell in row.cells}
        rows.append(tuple(_cell(by_seed[s], table, waits) if s in by_seed else MatrixCell() for s in seeds))
        labels.append(tuple(_value(row.values.get(key, "")) for key in results.sweep.grid))
        found = spread(row, table)
        notes.append("-" if found is None else found.text(len(row.cells)))
    named = tuple(f"seed {seed}" if not place else str(seed) for place, seed in enumerate(seeds))
    return RunMatrix(keys, named, tuple(labels), tuple(rows), tuple(notes), "bench" if table else "best")


def consensuses(results: Results) -> tuple[Consensus, ...]:
    """Return the cells on which the finished runs agree, by space and kind."""
    made = []
    for space, genotypes in results.genotypes().items():
        agreed = consensus(genotypes)
        if agreed is None:
            continue
        for kind, ranked in votes(genotypes).items():
            cell = agreed.cells[kind]
            number = len(genotypes)
            chosen = {(edge.source, edge.target): edge.operation for edge in cell.edges}
            doubtful = frozenset(
                (vote.source, vote.target)
                for vote in ranked
                if dict(vote.chosen).get(chosen.get((vote.source, vote.target), ""), 0) < _AGREED * number
            )
            caption = (
                f"of {count(number, 'finished run')}; dashed where fewer than two thirds agree",
                *(_votes(vote) for vote in ranked),
            )
            name = f"{clean(space)} {brief(kind)}" if len(agreed.cells) > 1 else clean(space)
            made.append(Consensus(name, CellView(cell, ties=doubtful, caption=caption)))
    return tuple(made)


def aggregated(points: Mapping[str, Sequence[tuple[float, float]]], metric: str, left_out: int = 0) -> MemberCurves:
    """Return the curves of members with their mean, and the band from the lowest to the highest, epoch by epoch."""
    by_epoch: dict[float, list[float]] = {}
    for curve in points.values():
        for epoch, value in curve:
            by_epoch.setdefault(epoch, []).append(value)
    epochs = sorted(by_epoch)
    mean = tuple((epoch, math.fsum(by_epoch[epoch]) / len(by_epoch[epoch])) for epoch in epochs)
    band = tuple((epoch, min(by_epoch[epoch]), max(by_epoch[epoch])) for epoch in epochs)
    return MemberCurves(
        metric,
        tuple((run, tuple(curve)) for run, curve in points.items()),
        Series("mean", mean),
        Band("lowest to highest", band),
        left_out,
    )


def curves(found: MemberCurves, results: Results, row: int, run: str) -> Curves:
    """Return the band of all members, with the mean of the selected row and the selected run.

    Args:
        found: the curves of the members.
        results: of the sweep.
        row: the index of the selected row.
        run: the id of the selected run.
    """
    series = [found.mean] if found.mean is not None else []
    points = dict(found.points)
    if len(results.rows) > 1 and row < len(results.rows):
        of_row = {cell.run: points[cell.run] for cell in results.rows[row].cells if cell.run in points}
        mean = aggregated(of_row, found.metric).mean
        if mean is not None and mean.points:
            series.append(Series("row", mean.points))
    if points.get(run):
        series.append(Series(short_id(run), points[run]))
    longest = max((record.summary.epochs for record in results.records), default=0)
    words = clean(found.metric).replace("_", " ") or "curves"
    unit = "%" if found.metric.endswith("accuracy") else "nats" if found.metric.endswith("loss") else ""
    bands = (found.band,) if found.band is not None and found.band.points else ()
    return Curves(words, unit, tuple(series), longest, bands=bands)


def parallel(results: Results, row: int) -> ParallelView:
    """Return the values of every combination against its figure; ``row`` is the index of the selected one."""
    if not results.sweep.grid:
        return ParallelView(note="Only the seed varies. A grid has more to show: --grid learning_rate=0.01,0.025")
    table = by_table(results)
    axes = []
    for key, values in results.sweep.grid.items():
        axes.append(Axis(clean(key), tuple(_value(value) for value in values)))
    lines = []
    for found in results.rows:
        places = tuple(
            axis.values.index(value) if (value := _value(found.values.get(key, ""))) in axis.values else 0
            for key, axis in zip(results.sweep.grid, axes, strict=True)
        )
        figure = spread(found, table)
        lines.append(ParallelLine(places, None if figure is None else figure.mean))
    return ParallelView(tuple(axes), "bench" if table else "best", tuple(lines), row)


def text(results: Results) -> str:
    """Return the rows of the sweep as text: values, mean and deviation, and the figure of each run."""
    table = by_table(results)
    lines = [title(results), progress(results)]
    for row in results.rows:
        found = spread(row, table)
        values = " ".join(f"{clean(key)}={_value(value)}" for key, value in row.values.items())
        runs = "  ".join(f"{cell.seed}:{_figure(cell.record, table) or _status(cell)}" for cell in row.cells)
        lines.append("  ".join(filter(None, [values, "-" if found is None else found.text(len(row.cells)), runs])))
    return "\n".join(lines)


def _cell(cell: Cell, table: bool, waits: Mapping[str, Wait]) -> MatrixCell:
    record = cell.record
    if record is None:
        return MatrixCell(cell.run, "?", "missing", "quiet")
    status, sign = record.shown_status, status_sign(record.shown_status)
    summary = record.summary
    if status is Status.FINISHED:
        return MatrixCell(cell.run, sign, _figure(record, table) or "done", "plain")
    if status is Status.QUEUED and cell.run in waits:
        wait = waits[cell.run]
        return MatrixCell(cell.run, sign, "held" if wait.reason == "held" else ordinal(wait.place), "quiet")
    text = f"{summary.epoch}/{summary.epochs}" if summary.epochs else ""
    if status in (Status.STALLED, Status.LOST, Status.FAILED):
        return MatrixCell(cell.run, sign, text or str(status), "trouble")
    return MatrixCell(cell.run, sign, text or str(status), "live" if status.live else "quiet")


def _story(cell: Cell, waits: Mapping[str, Wait]) -> str:
    """Return what happened to a run, briefly."""
    record = cell.record
    if record is None:
        return "never created, or removed"
    summary = record.summary
    if record.status is Status.FINISHED:
        return f"took {brief_duration(summary.seconds)}"
    if record.status is Status.QUEUED and cell.run in waits:
        return clean(str(waits[cell.run]))
    if record.status is Status.UNSTARTED:
        return "not in the queue"
    if record.shown_status is Status.RUNNING and not summary.epochs:
        return "starting"
    if record.shown_status is Status.RUNNING and summary.eta is not None and math.isfinite(summary.eta):
        return f"about {brief_duration(summary.eta)} left"
    return clean(" · ".join(filter(None, [str(record.shown_status), summary.problem])))


def _figure(record: Record | None, table: bool) -> str:
    if record is None or record.status is not Status.FINISHED:
        return ""
    found = record.benchmark_accuracy if table else record.summary.best_accuracy
    return "" if found is None else f"{found:.2f}"


def _status(cell: Cell) -> str:
    return str(cell.record.status) if cell.record is not None else "missing"


def _votes(vote: Votes) -> str:
    chosen = " · ".join(f"{operation_label(name)} {number}" for name, number in vote.chosen)
    return f"{edge_label(vote.source, vote.target)}: {chosen}"


def _value(value: Any) -> str:
    shown = clean(str(value))
    return shown if len(shown) <= _MOST_VALUE else f"{shown[: _MOST_VALUE - 1]}…"
