"""The smallest run of every method, and what two of them have in common. It does not import torch."""

from __future__ import annotations

from typing import Any

# Applied as far as a method has these settings; three epochs give each of up to three stages one.
SMALL = {
    "epochs": 3,
    "fixed_epochs": 1,
    "image_limit": 24,
    "image_size": 8,
    "batch_size": 16,
    "arch_frozen_epochs": 0,
    "threads": 1,
    "queries": 4,
    "epoch_queries": 2,
    "training_epochs": 2,
    "controller_steps": 2,
    "controller_samples": 2,
    "samples": 3,
    "repeats": 1,
    "region_batches": 1,
    "region_samples": 50,
    "stage_keep": "5,3,1",
    "stage_morphs": "2,0,0",
    "stage_frozen_epochs": "0",
}


def without_clocks(told: Any) -> Any:
    """Return a report without durations, which differ between any two runs."""
    match told:
        case dict():
            return {key: without_clocks(value) for key, value in told.items() if not key.endswith("seconds")}
        case list():
            return [without_clocks(value) for value in told]
    return told
