"""Comparison of runs: differences in configuration and cells, and results."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

from runs.catalogue.genotype_text import text_of_json
from runs.configuration import RunConfig
from runs.errors import NastuiError, UsageError
from runs.genotypes.differences import Difference, differences
from runs.genotypes.genotype import Genotype, edge_label
from runs.log.summary import HEADLINES, LOWER_IS_BETTER
from runs.store.groups import Spread, grouped
from runs.store.record import Record
from runs.store.run_head import is_training

# Not compared: they always differ, or have no effect on the result.
_IGNORED = ("id", "created", "command", "environment", "version", "plugins", "options")


def compare(records: Sequence[Record]) -> dict[str, Any]:
    """Return the runs, the settings and edges in which they differ, and groups of runs that differ only in their seed.

    A group has mean and standard deviation (of the sample; 0 for a single run) and ``n`` of each best metric over its
    finished runs, or over all if none has finished. The ranking orders groups by the headline metric of the runs.
    Remarks say what is not comparable.

    Raises:
        UsageError: the configuration of a run cannot be read.
    """
    configurations = {record.id: _flat(RunConfig.read(record.paths.config)) for record in records}
    keys = list(dict.fromkeys(key for settings in configurations.values() for key in settings))
    differs = {
        key: {run: settings.get(key) for run, settings in configurations.items()}
        for key in keys
        if len({repr(settings.get(key)) for settings in configurations.values()}) > 1
    }
    groups = [
        {
            "runs": [record.id for record in group.members],
            "seeds": group.seeds,
            "best": {name: dataclasses.asdict(spread) for name, spread in group.metrics().items()},
        }
        for group in grouped(records)
    ]
    return {
        "runs": [record.to_json() for record in records],
        "differs": differs,
        "edges": [
            {"cell": found.kind, "edge": [found.source, found.target]}
            | {"operations": {record.id: name for record, name in zip(records, found.operations, strict=True)}}
            for found in _edges(records)
        ],
        "groups": groups,
        "ranking": ranking(groups, headline(records)),
        "remarks": remarks(records),
    }


def headline(records: Sequence[Record]) -> str:
    """Return the headline metric that most of the runs have, or an empty string."""
    have = [sum(name in record.summary.best for record in records) for name in HEADLINES]
    return HEADLINES[have.index(max(have))] if any(have) else ""


def ranking(groups: Sequence[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    """Return the groups of :func:`compare` from the best mean of a metric to the worst, without those that lack it.

    Each has ``place`` from 1 (equal means share one), ``runs``, ``seeds``, ``metric``, ``mean``, ``std`` and ``n``.
    """
    have = [group for group in groups if metric in group["best"]]
    down = not any(word in metric for word in LOWER_IS_BETTER)
    have.sort(key=lambda group: group["best"][metric]["mean"], reverse=down)
    means = [group["best"][metric]["mean"] for group in have]
    return [
        {"place": 1 + means.index(mean), "runs": group["runs"], "seeds": group["seeds"], "metric": metric}
        | group["best"][metric]
        for group, mean in zip(have, means, strict=True)
    ]


def remarks(records: Sequence[Record]) -> list[str]:
    """Return a sentence for each reason why the runs are not comparable."""
    sentences = []
    for key, what, then in (
        ("method", "kinds", "A search is judged by its supernet, a retraining by its network."),
        ("dataset", "data sets", "Their accuracies cannot be compared."),
        ("space", "search spaces", "Their cells cannot be compared."),
    ):
        names = list(dict.fromkeys(_kind(record) if what == "kinds" else str(record.head[key]) for record in records))
        if len(names) > 1:
            sentences.append(f"These runs are of different {what} ({', '.join(names)}). {then}")
    without = sum(not record.summary.epoch for record in records)
    if without:
        sentences.append(f"{without} of {len(records)} runs {'has' if without == 1 else 'have'} no complete epoch yet.")
    return sentences


def _kind(record: Record) -> str:
    return "retrain" if is_training(record.head) else "search"


def table(content: dict[str, Any]) -> list[list[str]]:
    """Return the differences between the runs of :func:`compare`, one per row: its name, then its value in each run."""
    return [*settings_rows(content), *edge_rows(content), *best_rows(content)]


def settings_rows(content: dict[str, Any]) -> list[list[str]]:
    """Return the settings that differ, in the form of :func:`table`; ``-`` if a run has no such setting."""
    return [
        [key, *("-" if (value := values[run["id"]]) is None else str(value) for run in content["runs"])]
        for key, values in content["differs"].items()
    ]


def edge_rows(content: dict[str, Any]) -> list[list[str]]:
    """Return the edges that differ, in the form of :func:`table`."""
    rows = []
    for edge in content["edges"]:
        source, target = edge["edge"]
        names = (edge["operations"][run["id"]] for run in content["runs"])
        rows.append([f"{edge['cell']} {edge_label(source, target)}", *(name or "-" for name in names)])
    return rows


def best_rows(content: dict[str, Any]) -> list[list[str]]:
    """Return the best value of every metric, in the form of :func:`table`."""
    runs = content["runs"]
    names = dict.fromkeys(name for run in runs for name in run["best"])
    return [[f"best {name}", *(_figure(name, run["best"].get(name)) for run in runs)] for name in names]


def ranking_rows(ranked: Sequence[dict[str, Any]], names: dict[str, str]) -> list[list[str]]:
    """Return a ranking, one row per group: place, its runs by ``names``, seeds, and mean and standard deviation."""
    return [
        [
            str(row["place"]),
            " ".join(names[run] for run in row["runs"]),
            f"seed{'s' if len(row['seeds']) > 1 else ''} {', '.join(map(str, row['seeds']))}",
            Spread(row["mean"], row["std"], row["n"]).text(len(row["runs"]), _digits(row["metric"])),
        ]
        for row in ranked
    ]


def _edges(records: Sequence[Record]) -> list[Difference]:
    """Return the edges in which the runs' genotypes differ; empty if they are not of the same space."""
    try:
        genotypes = [record.summary.genotype and Genotype.from_json(record.summary.genotype) for record in records]
    except UsageError:
        return []  # a log was edited
    spaces = {genotype.space for genotype in genotypes if genotype}
    return differences([genotype or None for genotype in genotypes]) if len(spaces) == 1 else []


def _figure(metric: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:{_digits(metric)}}"


def _digits(metric: str) -> str:
    return ".2f" if metric.endswith("accuracy") else ".4g"


def _flat(config: RunConfig) -> dict[str, Any]:
    kept: dict[str, Any] = {key: value for key, value in config.model_dump().items() if key not in _IGNORED}
    if config.genotype is not None:
        kept["genotype"] = text_of_json(config.genotype)
    with contextlib.suppress(NastuiError):  # of a plug-in that has been removed
        kept |= config.defaults()
    return kept | config.options
