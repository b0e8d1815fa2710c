"""The seam between what is remembered and what is shown: pure functions from a history to frozen view models.

Nothing here knows of a terminal. An epoch is named by its number; None is the newest.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs.catalogue.genotype_text import text_of_json
from runs.errors import UsageError
from runs.genotypes.genotype import Cell, Genotype
from runs.home import short_id
from runs.log.events import CellSnapshot, EpochEnded
from runs.log.history import History
from runs.store.run_store import Record
from runs.store.status import Status
from screens import palette
from screens.palette import Kind
from screens.views.focus import Focus, ends, focus, margin
from screens.views.models import CellView, Ends, Fact, HeaderView, Matrix
from screens.views.story import story
from screens.wording import clean, count, gigabytes, span

# Beyond these a picture says nothing any more, and a broken log must not hang the screen.
_MOST_NODES, _MOST_EDGES, _MOST_OPERATIONS = 40, 200, 60
_NEAR_TIE = 0.02


@dataclass(frozen=True)
class Look:
    """What a person looks at.

    Attributes:
        epoch: the chosen epoch; None for the newest.
        cell: the kind of cell; one that is not there stands for the first.
        curves: the group of curves, counted from 0.
        mark: the epoch that cells are compared with; None for the one before the last change.
        edge: the edge that is looked at, counted from 0; None for none.
        operation: the operation of that edge; None for the one that the genotype takes.
        log: values have a logarithmic axis.
        smooth: epochs that a curve is averaged over.
    """

    epoch: int | None = None
    cell: str = ""
    curves: int = 0
    mark: int | None = None
    edge: int | None = None
    operation: int | None = None
    log: bool = False
    smooth: int = 1


@dataclass(frozen=True)
class Chosen:
    """The epoch that is looked at, and where it stands in the history."""

    event: EpochEnded | None = None
    index: int = -1
    newest: bool = True
    kinds: tuple[str, ...] = ()
    kind: str = ""


def choose(history: History, look: Look) -> Chosen:
    """Return the epoch that is looked at: the nearest one before where there is none of that number."""
    epochs = history.epochs
    if not epochs:
        return Chosen()
    index = len(epochs) - 1
    if look.epoch is not None:
        index = max(0, bisect.bisect_right(epochs, look.epoch, key=lambda done: done.epoch) - 1)
    event = epochs[index]
    kinds = tuple(event.architecture) or tuple(genotype_cells(event))
    kind = look.cell if look.cell in kinds else next(iter(kinds), "")
    return Chosen(event, index, look.epoch is None, kinds, kind)


def header(record: Record, history: History, now: float, trouble: str = "", alarms: tuple[str, ...] = ()) -> HeaderView:
    """Return what stands above everything: who the run is, how far it is, and what a person can do about it.

    Args:
        record, history: the run.
        now: the time, in seconds since 1970.
        trouble: why the run cannot be read any more.
        alarms: what a person should look at.
    """
    head, summary, progress = record.head, history.summary, history.progress
    done, epochs = summary.epoch, summary.epochs
    within, rate, eta = 0.0, None, summary.eta
    if record.status.live and progress is not None:
        rate = progress.throughput
        if progress.epoch > done and progress.of > 0:
            within = progress.step / progress.of
    share = min(1.0, max(0.0, (done + within) / epochs)) if epochs > 0 else 0.0
    facts = [f"{math.floor(100 * share)}%"]
    if record.status is Status.RUNNING and eta is not None and math.isfinite(eta):
        facts.append(f"eta {span(eta)}")
    elif not record.status.live and record.status is not Status.FINISHED and summary.seconds:
        facts.append(f"took {span(summary.seconds)}")
    if record.status is Status.RUNNING and rate is not None and math.isfinite(rate):
        facts.append(f"{_quantity(rate)} img/s")
    stage = f"stage {summary.stage + 1}/{summary.stages}  " if summary.stages > 1 else ""
    running = min(done + 1, epochs) if record.status.live else done
    names = [head["method"], head["space"], head["dataset"], head["preset"]]
    said = "" if record.status is Status.RUNNING else story(record, now)
    if trouble:
        said = f"{trouble} · shown is what was read before · q goes back"
    return HeaderView(
        title=clean(" · ".join(filter(None, [record.labels.name, *map(str, names)]))),
        id=short_id(record.id),
        status=None if trouble else record.status,
        device=clean(str(head["device"])),
        epoch=f"{stage}epoch {running}/{epochs or '?'}",
        share=share,
        facts=tuple(facts),
        said=clean(said),
        alarms=alarms,
    )


def now(history: History, look: Look) -> tuple[Fact, ...]:
    """Return the figures of the chosen epoch, the most telling first."""
    chosen = choose(history, look)
    event = chosen.event
    if event is None:
        started = history.progress.metrics if history.progress else {}
        return tuple(Fact(_words(name), _figure(value)) for name, value in started.items()) + _memory(history)
    before = history.epochs[chosen.index - 1] if chosen.index else None
    facts = [_metric(name, event, history, chosen.index) for name in _by_weight(event.metrics)]
    for dataset, splits in event.benchmark.items():
        facts += [
            Fact(f"{_words(dataset)} {_words(split).replace('epochs', 'ep')}", f"{value:.2f} %", "table")
            for split, value in splits.items()
        ]
    if event.genotype is not None:
        stood = stood_since(history.epochs, chosen.index)
        facts.append(Fact("genotype", f"stood {count(event.epoch - history.epochs[stood].epoch, 'epoch')}"))
        facts += _operations(event)
    if (entropy := mean_entropy(event)) is not None:
        earlier = mean_entropy(before) if before is not None else None
        trend = "" if earlier is None or abs(entropy - earlier) < 5e-4 else "▼" if entropy < earlier else "▲"
        facts.append(Fact("entropy", f"{entropy:.3f} nats", trend))
    facts += [Fact(f"lr {_words(name)}", _figure(value)) for name, value in event.learning_rates.items()]
    return (*facts, *(_memory(history) if chosen.newest else ()))


def cell(history: History, look: Look) -> CellView:
    """Return the cell that the search would return after the chosen epoch, and what changed."""
    chosen = choose(history, look)
    if chosen.event is None:
        return CellView(None)
    found = drawable(chosen.event, chosen.kind)
    if found is None:
        return CellView(None, caption=("this epoch has no genotype that can be drawn",))
    since = stood_since(history.epochs, chosen.index)
    against = since - 1
    if look.mark is not None:
        against = choose(history, Look(epoch=look.mark)).index
    earlier = drawable(history.epochs[against], chosen.kind) if against >= 0 else None
    changes = _changes(earlier, found) if earlier is not None else {}
    stood = chosen.event.epoch - history.epochs[since].epoch
    told = f"stood {count(stood, 'epoch')}"
    if look.mark is not None:
        told += f" · against epoch {history.epochs[against].epoch}"
    elif since:
        told += f" · last change at {history.epochs[since].epoch}"
    else:
        told += " · never changed"
    listed = ", ".join(changes.values())
    unused = sum(palette.kind(edge.operation) is Kind.NONE for edge in found.edges)
    caption = [told + (f" · none on {count(unused, 'edge')}" if unused else "")]
    if look.mark is not None and not changes:
        listed = "no difference"
    if listed:
        caption.append(f"* {listed}")
    changed = frozenset((edge.source, edge.target) for edge in found.edges if (edge.source, edge.target) in changes)
    snapshot = chosen.event.architecture.get(chosen.kind)
    looked = _focus(history, look, chosen, matrix(snapshot, "")) if snapshot is not None else None
    if looked is not None:
        caption = [*looked.told[:2], *caption]
    return CellView(found, changed, _ties(snapshot), tuple(caption), looked.ends if looked else None)


def weights(history: History, look: Look) -> Matrix | None:
    """Return the architecture weights after the chosen epoch."""
    chosen = choose(history, look)
    snapshot = chosen.event.architecture.get(chosen.kind) if chosen.event else None
    if chosen.event is None or snapshot is None:
        return None
    drawn = matrix(snapshot, chosen.kind)
    led = tuple(margin(values, taken) for values, taken in zip(drawn.values, drawn.chosen, strict=False))
    drawn = dataclasses.replace(drawn, margin=led)
    looked = _focus(history, look, chosen, drawn)
    return drawn if looked is None else dataclasses.replace(drawn, focus=(looked.row, looked.column), told=looked.told)


def _focus(history: History, look: Look, chosen: Chosen, drawn: Matrix) -> Focus | None:
    if look.edge is None:
        return None
    return focus(history, chosen.kind, chosen.index, drawn, look.edge, look.operation)


def matrix(snapshot: CellSnapshot, caption: str) -> Matrix:
    """Return a snapshot as a heatmap, whatever its shape; what is missing counts as pruned."""
    operations = tuple(clean(str(name)) for name in snapshot.operations[:_MOST_OPERATIONS])
    rows = []
    for place in range(min(len(snapshot.edges), _MOST_EDGES)):
        alive, given = _at(snapshot.alive, place), _at(snapshot.weights, place)
        rows.append(
            tuple(
                _float(given[column]) if column < len(given) and (column >= len(alive) or alive[column]) else None
                for column in range(len(operations))
            )
        )
    return Matrix(
        clean(caption),
        tuple(clean(str(edge)) for edge in snapshot.edges[: len(rows)]),
        operations,
        tuple(rows),
        tuple(snapshot.chosen[: len(rows)]),
        tuple(_entropy(row)[1] for row in rows),
    )


def matrix_of(
    snapshot: CellSnapshot, rows: Sequence[Sequence[Any]], caption: str, *, bars: bool = False, everything: bool = False
) -> Matrix:
    """Return any figures of edges by operations as a matrix; with ``everything``, of what was pruned too."""
    drawn = matrix(snapshot, caption)
    values = tuple(
        tuple(
            _float(given[column]) if column < len(given) and given[column] is not None else None
            for column in range(len(drawn.columns))
        )
        for given in (_at(rows, place) for place in range(len(drawn.rows)))
    )
    if not everything:
        values = tuple(
            tuple(None if weight is None else value for value, weight in zip(row, weights, strict=True))
            for row, weights in zip(values, drawn.values, strict=True)
        )
    return dataclasses.replace(drawn, values=values, entropy=(), share=False, bars=bars)


def mean_entropy(event: EpochEnded) -> float | None:
    """Return the entropy of the architecture weights in nats, averaged over every edge of every cell."""
    rows = [row for kind, snapshot in event.architecture.items() for row in matrix(snapshot, kind).values]
    return sum(_entropy(row)[0] for row in rows) / len(rows) if rows else None


def stood_since(epochs: Sequence[EpochEnded], index: int) -> int:
    """Return the index of the epoch from which on the genotype was what it is at ``index``."""
    since = index
    while since > 0 and epochs[since - 1].genotype == epochs[index].genotype:
        since -= 1
    return since


def drawable(event: EpochEnded, kind: str) -> Cell | None:
    """Return a cell of the epoch's genotype; None where there is none, or none that a screen could show."""
    found = genotype_cells(event).get(kind)
    if found is None or len(found.edges) > _MOST_EDGES:
        return None
    nodes = [*found.outputs, *(edge.target for edge in found.edges), found.inputs]
    return found if max(nodes) <= _MOST_NODES and min(nodes) >= 0 else None


def genotype_text(event: EpochEnded) -> str:
    """Return the genotype of an epoch as text; as it came where it is none of a known space."""
    return text_of_json(event.genotype)


def genotype_cells(event: EpochEnded) -> Mapping[str, Cell]:
    """Return the cells of an epoch's genotype; none where it has none that is known."""
    try:
        return Genotype.from_json(event.genotype).cells if event.genotype is not None else {}
    except UsageError:
        return {}


def _changes(earlier: Cell, later: Cell) -> dict[Ends, str]:
    """Return what became of each edge that is not as it was, in words."""
    before = {(edge.source, edge.target): edge.operation for edge in earlier.edges}
    after = {(edge.source, edge.target): edge.operation for edge in later.edges}
    changes = {}
    for edge in sorted(before.keys() | after.keys(), key=lambda edge: (edge[1], edge[0])):
        if before.get(edge) != after.get(edge):
            was, now = (palette.short(found[edge]) if edge in found else "-" for found in (before, after))
            changes[edge] = f"{edge[1]}←{edge[0]} {was}→{now}"
    return changes


def _ties(snapshot: CellSnapshot | None) -> frozenset[Ends]:
    """Return the edges whose chosen operation leads or trails the next best by less than two percent points."""
    if snapshot is None:
        return frozenset()
    drawn, ties = matrix(snapshot, ""), set()
    for label, row, taken in zip(drawn.rows, drawn.values, drawn.chosen, strict=False):
        place, led = ends(label), margin(row, taken)
        if place is not None and led is not None and abs(led) < _NEAR_TIE:
            ties.add(place)
    return frozenset(ties)


def _operations(event: EpochEnded) -> list[Fact]:
    """Return how many skips and pools the genotype has: a search that collapses ends in them."""
    edges = [edge for found in genotype_cells(event).values() for edge in found.edges]
    if not edges:
        return []
    kinds = [palette.kind(edge.operation) for edge in edges]
    skips, pools = kinds.count(Kind.SKIP), kinds.count(Kind.POOL)
    verdict = "collapse?" if 2 * (skips + pools) > len(edges) else "ok"
    return [Fact("skips, pools", f"{skips}, {pools} of {len(edges)}", verdict)]


def _metric(name: str, event: EpochEnded, history: History, index: int) -> Fact:
    note = ""
    if "accuracy" in name:
        seen = [done.metrics.get(name, math.nan) for done in history.epochs[: index + 1]]
        best = max((value for value in seen if math.isfinite(value)), default=math.nan)
        note = f"best {best:.2f}" if math.isfinite(best) else ""
    value = event.metrics[name]
    return Fact(_words(name), f"{value:.2f} %" if "accuracy" in name else _figure(value), note)


def _by_weight(names: Mapping[str, float]) -> list[str]:
    """Return metrics with the search's own accuracy first: it stands for what the genotype is worth."""
    led = {"kappa": 1, "regions": 2}

    def rank(name: str) -> tuple[int, bool, str]:
        return 0 if name.endswith("accuracy") else led.get(name, 3), not name.startswith("search"), name

    return sorted(names, key=rank)


def _memory(history: History) -> tuple[Fact, ...]:
    used = history.progress.memory if history.progress else None
    return () if used is None else (Fact("memory", gigabytes(used)),)


def _words(name: str) -> str:
    return clean(name).replace("_", " ").replace("accuracy", "acc").replace("architecture", "arch")


def _figure(value: float) -> str:
    if not math.isfinite(value) or value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}"
    return f"{value:.2e}"


def _quantity(value: float) -> str:
    return f"{value / 1000:.1f}k" if value >= 1000 else f"{value:.0f}" if value >= 20 else f"{value:.1f}"


def _entropy(row: Sequence[float | None]) -> tuple[float, float]:
    """Return the entropy of a row of weights in nats, and as a share of the most there could be."""
    given = [value for value in row if value is not None and value > 0 and math.isfinite(value)]
    alive = sum(value is not None for value in row)
    entropy = -sum(value * math.log(value) for value in given)
    return entropy, entropy / math.log(alive) if alive > 1 else 0.0


def _at(rows: Sequence[Any], place: int) -> Sequence[Any]:
    return rows[place] if place < len(rows) and isinstance(rows[place], list) else []


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
