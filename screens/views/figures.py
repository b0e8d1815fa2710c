"""The figures of an epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping

from runs.catalogue import operation_kind
from runs.formatting import count, gigabytes
from runs.genotypes.kinds import OperationKind
from runs.log import indicators
from runs.log.events import EpochEnded
from runs.log.history import History
from runs.log.summary import reported_label
from screens.formatting import clean
from screens.models.panels import Fact
from screens.models.selection import RunSelection
from screens.views.epochs import genotype_cells, selected_epoch, unchanged_since
from screens.views.weights import mean_entropy


def epoch_figures(history: History, selection: RunSelection) -> tuple[Fact, ...]:
    """Return the figures of the selected epoch, the most important first."""
    selected = selected_epoch(history, selection)
    event = selected.event
    if event is None:
        started = history.progress.metrics if history.progress else {}
        return tuple(Fact(_words(name), _figure(value)) for name, value in started.items()) + _memory(history)
    before = history.epochs[selected.index - 1] if selected.index else None
    facts = [_metric(name, event, history, selected.index) for name in _by_importance(event.metrics)]
    facts += _by_the_table(event)
    if event.genotype is not None:
        since = history.epochs[unchanged_since(history.epochs, selected.index)].epoch
        age = event.epoch - since
        facts.append(Fact("genotype", f"same for {count(age, 'epoch')}" if age else "new at this epoch"))
        facts += _operations(event)
    if (entropy := mean_entropy(event)) is not None:
        earlier = mean_entropy(before) if before is not None else None
        trend = "" if earlier is None or abs(entropy - earlier) < 5e-4 else "▼" if entropy < earlier else "▲"
        facts.append(Fact("entropy", f"{entropy:.3f} nats", trend))
    facts += [Fact(f"lr {_words(name)}", _figure(value)) for name, value in event.learning_rates.items()]
    return (*facts, *(_memory(history) if selected.newest else ()))


def _by_the_table(event: EpochEnded) -> list[Fact]:
    """Return what the cell is worth on each data set of a benchmark table: tested, after the longest schedule."""
    facts = []
    for dataset, splits in event.benchmark.items():
        if label := reported_label(splits):
            rank = event.benchmark_rank.get(dataset, {}).get(label)
            name = dataset.partition("_")[0]  # imagenet16_120 would leave no room for the rank
            facts.append(Fact(f"{name} table", f"{splits[label]:.2f} %", f"rank {rank:,}" if rank else label))
    return facts


def _operations(event: EpochEnded) -> list[Fact]:
    """Return how many skips and pools the genotype has, and whether the search has collapsed."""
    edges = [edge for found in genotype_cells(event).values() for edge in found.edges]
    if not edges:
        return []
    kinds = [operation_kind(edge.operation) for edge in edges]
    skips, pools = kinds.count(OperationKind.SKIP), kinds.count(OperationKind.POOL)
    collapsed = indicators.collapsed(event)
    verdict = "" if collapsed is None else "collapsed" if collapsed else "ok"
    return [Fact("skips, pools", f"{skips}, {pools} of {len(edges)}", verdict)]


def _metric(name: str, event: EpochEnded, history: History, index: int) -> Fact:
    note = ""
    if "accuracy" in name:
        values = [done.metrics.get(name, math.nan) for done in history.epochs[: index + 1]]
        best = max((value for value in values if math.isfinite(value)), default=math.nan)
        note = f"best {best:.2f}" if math.isfinite(best) else ""
    value = event.metrics[name]
    return Fact(_words(name), f"{value:.2f} %" if "accuracy" in name else _figure(value), note)


def _by_importance(names: Mapping[str, float]) -> list[str]:
    """Return the names of metrics, the search's own accuracy first."""
    order = {"kappa": 1, "regions": 2}

    def rank(name: str) -> tuple[int, bool, str]:
        return 0 if name.endswith("accuracy") else order.get(name, 3), not name.startswith("search"), name

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
