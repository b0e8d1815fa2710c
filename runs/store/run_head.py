"""The unchanging part of a run's record, which lists and the index keep."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from runs.catalogue.shared_settings import MachineSettings
from runs.catalogue.training import TRAINER
from runs.configuration import IMPORTED, RunConfig

# Equal for all repetitions of a run, or without effect on its results, such as who started it, when and where.
_IDENTITY = {"id", "created", "command", "environment", "version", "plugins", "sweep"}
_NOT_DECISIVE = _IDENTITY | {"origin", "weights", "seed", "device"}

# Settings that version 0.2 did not have, with the values that it worked with. Runs of both versions form one group.
_ADDED = {
    "deterministic": True,
    "tf32": True,
    "cudnn_benchmark": True,
    "cuda_graphs": "auto",
    "rate_period": 0,
    "after_period": "restart",
    "carry_weights": True,
    "singular_kernels": "last",
}
_ADDED_TO_SEARCHES = {"gpus": 1}
_ADDED_TO_TRAININGS = {"rate_power": 2.0}

SHOWN = (
    *("id", "kind", "method", "space", "dataset", "preset"),
    *("seed", "device", "created", "command", "origin", "sweep"),
)


def head(config: RunConfig) -> dict[str, Any]:
    """Return the unchanging part of a run's record."""
    return {name: getattr(config, name) for name in SHOWN} | {"group": group_id(config)}


def is_training(head: dict[str, Any]) -> bool:
    """Return whether a run trains a network, here or where it was imported from, by the head of its record."""
    return bool(head["method"] == TRAINER.name)


def group_id(config: RunConfig) -> str:
    """Return a digest of everything that decides the result of a run, except its seed and its device.

    Runs with the same digest are repetitions of each other. A run that starts from given weights is in a group of its
    own, because two files of weights are not compared. So is an imported run, unless the arguments of its script are
    known.
    """
    # Defaults are left out, so that a setting that a later version adds does not split the existing groups.
    decisive = config.model_dump(exclude=_NOT_DECISIVE, exclude_defaults=True)
    added = _ADDED | (_ADDED_TO_SEARCHES if config.kind == "search" else _ADDED_TO_TRAININGS)
    decisive["options"] = {
        name: value
        for name, value in decisive["options"].items()
        if name not in MachineSettings.model_fields and (name not in added or value != added[name])
    }
    alone = config.weights or (config.kind == IMPORTED and not config.options)
    decisive["weights"] = config.id if alone else ""
    text = json.dumps(decisive, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
