"""The catalogue: every method, space, data set and preset that users can choose, described without torch."""

from __future__ import annotations

from runs.catalogue.entries import CompleteTable, Dataset, Method, Preset, Space
from runs.catalogue.registry import (
    dataset,
    datasets,
    find_space,
    method,
    methods,
    operation_kind,
    options,
    plugins,
    preset,
    recipe,
    space,
    spaces,
    trainer,
)

__all__ = [
    "CompleteTable",
    "Dataset",
    "Method",
    "Preset",
    "Space",
    "dataset",
    "datasets",
    "find_space",
    "method",
    "methods",
    "operation_kind",
    "options",
    "plugins",
    "preset",
    "recipe",
    "space",
    "spaces",
    "trainer",
]
