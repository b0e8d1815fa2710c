"""Several runs beside each other: what differs in their configuration, and how they did."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from runs.configuration import RunConfig
from runs.genotypes.genotype import Genotype
from runs.genotypes.text import format_text
from runs.store import Record

# Decide nothing that a comparison is about, or differ always.
_IGNORED = ("id", "created", "command", "environment", "version", "plugins", "options")


def compare(records: Sequence[Record]) -> dict[str, Any]:
    """Return runs, the settings in which they differ, and groups of runs that differ in their seed alone.

    Groups have mean and standard deviation (of the sample; 0 for a single run) of each best metric over their runs.
    """
    configurations = {record.id: _flat(RunConfig.read(record.paths.config)) for record in records}
    keys = list(dict.fromkeys(key for settings in configurations.values() for key in settings))
    differs = {
        key: {run: settings.get(key) for run, settings in configurations.items()}
        for key in keys
        if len({repr(settings.get(key)) for settings in configurations.values()}) > 1
    }
    groups: dict[str, list[Record]] = {}
    for record in records:
        identity = repr(sorted((k, repr(v)) for k, v in configurations[record.id].items() if k != "seed"))
        groups.setdefault(identity, []).append(record)
    return {
        "runs": [record.to_json() for record in records],
        "differs": differs,
        "groups": [_group(members) for members in groups.values()],
    }


def _flat(config: RunConfig) -> dict[str, Any]:
    kept: dict[str, Any] = {key: value for key, value in config.model_dump().items() if key not in _IGNORED}
    if config.genotype is not None:
        kept["genotype"] = format_text(Genotype.from_json(config.genotype))
    return kept | config.options


def _group(members: list[Record]) -> dict[str, Any]:
    names = dict.fromkeys(name for record in members for name in record.summary.best)
    best = {}
    for name in names:
        values = [record.summary.best[name] for record in members if name in record.summary.best]
        best[name] = {
            "mean": statistics.fmean(values),
            "std": statistics.stdev(values) if len(values) > 1 else 0.0,
            "n": len(values),
        }
    return {"runs": [r.id for r in members], "seeds": [r.head["seed"] for r in members], "best": best}
