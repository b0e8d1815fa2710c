"""The models of the Compare screen, made from the compared runs."""

from __future__ import annotations

import bisect
import dataclasses
import math
import string
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len

from runs.benchmarks.published import COLUMNS
from runs.errors import UsageError
from runs.formatting import count
from runs.genotypes.differences import differences
from runs.genotypes.genotype import Genotype, edge_label
from runs.home import short_id
from runs.log.events import EpochEnded
from runs.log.summary import LOWER_IS_BETTER
from runs.store.compare import best_rows, edge_rows, headline, ranking, ranking_rows, settings_rows, table
from screens.formatting import clean, operation_label
from screens.models.cells import CellItem
from screens.models.charts import Curves, Series
from screens.models.compare import ComparedRun, Comparison, Grid, RunLine
from screens.models.selection import CompareSelection
from screens.views.epochs import drawable_cell

LETTERS = string.ascii_uppercase + string.ascii_lowercase
_MOST_POINTS = 1000
_MOST_DIFFERENCES = 12


def metrics(compared: Comparison) -> tuple[str, ...]:
    """Return every metric of the runs, the headline metric first; table values as ``table: …`` last."""
    events = [event for run in compared.runs for event in (*run.epochs[:1], *run.epochs[-1:])]
    first = headline([run.record for run in compared.runs])
    names = sorted({name for event in events for name in event.metrics}, key=lambda name: (name != first, name))
    tables = {name for event in events for name in _of_table(event)}
    return (*names, *sorted(tables))


def chosen_metric(compared: Comparison, selection: CompareSelection) -> str:
    """Return the selected metric; empty if no run has any."""
    names = metrics(compared)
    return selection.metric if selection.metric in names else next(iter(names), "")


def last_epoch(compared: Comparison) -> int:
    """Return the newest complete epoch of any run; 0 if there is none."""
    return max((run.epochs[-1].epoch for run in compared.runs if run.epochs), default=0)


def at(run: ComparedRun, selection: CompareSelection) -> EpochEnded | None:
    """Return the selected epoch of a run, or the nearest one before; None if it had not started."""
    if selection.epoch is None:
        return run.epochs[-1] if run.epochs else None
    index = bisect.bisect_right(run.epochs, selection.epoch, key=lambda done: done.epoch)
    return run.epochs[index - 1] if index else None


def curves(compared: Comparison, selection: CompareSelection) -> Curves:
    """Return the curves of the selected metric, one for each run."""
    metric = chosen_metric(compared, selection)
    series = []
    for index, run in enumerate(compared.runs):
        stride = 1 + len(run.epochs) // _MOST_POINTS
        events = [*run.epochs[:-1:stride], *run.epochs[-1:]]
        points = ((event.epoch, _value(event, metric)) for event in events)
        kept = tuple((epoch, value) for epoch, value in points if value is not None)
        series.append(Series(short_id(run.record.id), kept, letter=LETTERS[index]))
    longest = max((run.record.summary.epochs for run in compared.runs), default=0)
    return Curves(_words(metric) or "curves", _unit(metric), tuple(series), longest, selection.epoch)


def run_lines(compared: Comparison, selection: CompareSelection) -> tuple[RunLine, ...]:
    """Return a line for each run: what distinguishes it, how far it has got, and its value at the selected epoch."""
    metric = chosen_metric(compared, selection)
    identities = [_identity(run) for run in compared.runs]
    shared = set(common(compared))
    lines = []
    for index, run in enumerate(compared.runs):
        summary, event = run.record.summary, at(run, selection)
        value = _value(event, metric) if event else None
        best = _best(run, metric)
        lines.append(
            RunLine(
                LETTERS[index],
                index,
                short_id(run.record.id),
                " · ".join(part for part in identities[index] if part not in shared),
                None if run.gone else run.record.shown_status,
                f"{summary.epoch}/{summary.epochs or '?'}",
                "-" if value is None else _figure(value, metric),
                "-" if best is None else _figure(best, metric),
            )
        )
    return tuple(lines)


def common(compared: Comparison) -> list[str]:
    """Return what all runs have in common: method, space, data set and so on."""
    identities = [_identity(run) for run in compared.runs]
    if len(identities) < 2:
        return []
    return [part for part in identities[0] if all(part in other for other in identities)]


def _identity(run: ComparedRun) -> list[str]:
    head = run.record.head
    words = [head["method"], head["space"], head["dataset"], head["preset"], f"seed {head['seed']}"]
    return [clean(str(word)) for word in (run.record.labels.name, *words) if word]


def settings(compared: Comparison) -> tuple[Grid, ...]:
    """Return the settings in which the runs differ."""
    rows = _rows(settings_rows(compared.content)) if compared.content else ()
    note = "" if rows else "These runs have the same settings and the same seed."
    return (Grid(("setting", *_letters(compared)), rows, note),)


def ranks(compared: Comparison, selection: CompareSelection) -> tuple[Grid, ...]:
    """Return groups of runs that differ only in their seed, ranked by the selected metric, and all best values."""
    if not compared.content:
        return (Grid(note="There is nothing to rank."),)
    metric = chosen_metric(compared, selection)
    ranked = ranking(compared.content["groups"], metric)
    names = _names(compared)
    lower = any(word in metric for word in LOWER_IS_BETTER)
    note = f"best {_words(metric)}, {'lowest' if lower else 'highest'} first; mean ± standard deviation over seeds"
    if not ranked:
        note = "No run has a value to rank by yet." if not metric else f"Runs have no best {_words(metric)}."
    best = Grid(("", *_letters(compared)), _rows(best_rows(compared.content)))
    return (Grid(("", "runs", "", _words(metric)) if ranked else (), _rows(ranking_rows(ranked, names)), note), best)


def published(compared: Comparison) -> tuple[Grid, ...]:
    """Return published results for the spaces and data sets of the runs."""
    rows = _rows([reference.row() for reference in compared.references])
    note = "" if rows else "No results of papers are known for this space and data set."
    return (Grid(COLUMNS if rows else (), rows, note),)


def kinds(compared: Comparison, selection: CompareSelection) -> tuple[str, ...]:
    """Return the kinds of cell that any run has."""
    found = (_genotype(at(run, selection)) for run in compared.runs)
    return tuple(dict.fromkeys(kind for genotype in found if genotype for kind in genotype.cells))


def chosen_kind(compared: Comparison, selection: CompareSelection) -> str:
    """Return the kind of cell that is shown."""
    known = kinds(compared, selection)
    return selection.cell if selection.cell in known else next(iter(known), "")


def cells(compared: Comparison, selection: CompareSelection) -> tuple[CellItem, ...]:
    """Return the cells at the selected epoch, with the edges in which they differ from the reference."""
    kind = chosen_kind(compared, selection)
    events = [at(run, selection) for run in compared.runs]
    genotypes = [_genotype(event) for event in events]
    base = min(selection.reference, len(genotypes) - 1)
    items = []
    for index, (event, genotype) in enumerate(zip(events, genotypes, strict=True)):
        title = f"{LETTERS[index]} {short_id(compared.runs[index].record.id)}"
        title += f" · epoch {event.epoch}" if event else ""
        cell = drawable_cell(event, kind) if event else None
        item = CellItem(title, index, cell)
        if index == base:
            item = dataclasses.replace(item, caption="the others are compared with this one")
        elif cell is not None:
            item = beside(item, genotypes[base], genotype, kind, LETTERS[base])
        items.append(item)
    return tuple(items)


def beside(item: CellItem, base: Genotype | None, other: Genotype | None, kind: str, name: str) -> CellItem:
    """Return an item with the edges in which a cell of ``other`` differs from that of ``base``, called ``name``."""
    if other is None:
        return item
    if base is None:
        return dataclasses.replace(item, caption=f"{name} has no cell to compare with")
    if base.space != other.space:
        return dataclasses.replace(item, caption=f"of the space {clean(other.space)}; {name} is of {clean(base.space)}")
    found = [difference for difference in differences([base, other]) if difference.kind == kind]
    words = []
    for difference in found:
        was, now = (operation_label(operation) if operation else "-" for operation in difference.operations)
        words.append(f"{edge_label(difference.source, difference.target)} {was}→{now}")
    more = f" and {len(words) - _MOST_DIFFERENCES} more" if len(words) > _MOST_DIFFERENCES else ""
    caption = f"{count(len(words), 'edge')} differ{'s' if len(words) == 1 else ''} from {name}: "
    caption += ", ".join(words[:_MOST_DIFFERENCES]) + more
    changed = frozenset((difference.source, difference.target) for difference in found)
    return dataclasses.replace(item, changed=changed, caption=caption if words else f"the same as {name}")


def text(compared: Comparison) -> str:
    """Return the whole comparison as text: what ``nastui runs compare --with-published`` prints."""
    parts = [[*compared.problems, *compared.content.get("remarks", [])]]
    if compared.content:
        ids = {run["id"]: short_id(run["id"]) for run in compared.content["runs"]}
        parts.append(aligned([["", *ids.values()], *table(compared.content)]))
        if ranked := compared.content["ranking"]:
            head = ["", "runs", "", f"best {ranked[0]['metric']}"]
            parts.append(aligned([head, *ranking_rows(ranked, ids)]))
    if compared.references:
        parts.append(aligned([COLUMNS, *(reference.row() for reference in compared.references)]))
    return "\n\n".join("\n".join(part) for part in parts if part)


def series_rows(compared: Comparison) -> list[list[Any]]:
    """Return every metric of every run, one row for each epoch, under a header; None if a run has no value."""
    names = metrics(compared)
    rows: list[list[Any]] = [["run", "epoch", *names]]
    for run in compared.runs:
        rows += [[run.record.id, event.epoch, *(_value(event, name) for name in names)] for event in run.epochs]
    return rows


def ranking_table(compared: Comparison, selection: CompareSelection) -> list[list[Any]]:
    """Return the ranking with all digits, under a header."""
    ranked = ranking(compared.content.get("groups", []), chosen_metric(compared, selection))
    columns = ("place", "metric", "mean", "std", "n")
    rows = [[*(row[name] for name in columns), " ".join(row["runs"])] for row in ranked]
    return [[*columns, "runs"], *rows]


def edge_table(compared: Comparison) -> list[list[str]]:
    """Return the edges in which the newest cells differ, under a header."""
    return [["edge", *_ids(compared)], *(edge_rows(compared.content) if compared.content else [])]


def settings_table(compared: Comparison) -> list[list[str]]:
    """Return the settings in which the runs differ, under a header."""
    return [["setting", *_ids(compared)], *(settings_rows(compared.content) if compared.content else [])]


def published_table(compared: Comparison) -> list[Sequence[str]]:
    """Return published results, under a header."""
    return [COLUMNS, *(reference.row() for reference in compared.references)]


def aligned(rows: list[Any]) -> list[str]:
    """Return rows as lines with aligned columns."""
    texts = [[clean(str(cell)) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    return [
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    ]


def _ids(compared: Comparison) -> list[str]:
    return [run.record.id for run in compared.runs]


def _letters(compared: Comparison) -> tuple[str, ...]:
    return tuple(LETTERS[: len(compared.runs)])


def _names(compared: Comparison) -> dict[str, str]:
    return {run.record.id: LETTERS[index] for index, run in enumerate(compared.runs)}


def _rows(rows: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(clean(cell) for cell in row) for row in rows)


def _genotype(event: EpochEnded | None) -> Genotype | None:
    try:
        return Genotype.from_json(event.genotype) if event is not None and event.genotype is not None else None
    except UsageError:
        return None  # the log was edited


def _of_table(event: EpochEnded) -> dict[str, float]:
    return {
        f"table: {data} {split}": value for data, splits in event.benchmark.items() for split, value in splits.items()
    }


def _value(event: EpochEnded, metric: str) -> float | None:
    value = event.metrics.get(metric)
    if value is None and event.benchmark:
        value = _of_table(event).get(metric)
    return value if value is not None and math.isfinite(value) else None


def _best(run: ComparedRun, metric: str) -> float | None:
    if metric in run.record.summary.best:
        return run.record.summary.best[metric]
    values = [value for event in run.epochs if (value := _value(event, metric)) is not None]
    return max(values, default=None)


def _unit(metric: str) -> str:
    return "%" if metric.endswith("accuracy") else "nats" if metric.endswith("loss") else ""


def _words(metric: str) -> str:
    return clean(metric).replace("_", " ")


def _figure(value: float, metric: str) -> str:
    return f"{value:.2f}" if _unit(metric) == "%" or metric.startswith("table: ") else f"{value:.4g}"
