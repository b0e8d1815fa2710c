"""Means and standard deviations used for normalisation; they differ between code bases, even for the same data set.

See docs/methods/baselines.md, "Data and normalisation".
"""

from __future__ import annotations

from collections.abc import Mapping

from runs.catalogue.entries import Dataset, Space, Statistics
from runs.catalogue.registry import find_space

# Code bases whose normalisation differs from that of the first code base of their space.
_CODE_BASES: dict[str, Mapping[str, Statistics]] = {
    "pdarts": {
        "cifar10": ((0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768)),
        "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    },
    "tenas": {
        "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
        "cifar100": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    },
}


def statistics(code_base: str, dataset: Dataset, space: Space | None = None) -> Statistics:
    """Return the mean and standard deviation per channel that a code base uses, of values in 0..1.

    Args:
        code_base: the name of a search space, for its own public code; ``space`` for that of ``space``; ``pdarts`` or
            ``tenas``; or ``dataset``.
        dataset: the data set. If the code base has no values for it, the data set's own are returned.
        space: the space of the run.
    """
    known = _CODE_BASES.get(code_base)
    if known is None:
        named = space if code_base == "space" else find_space(code_base)
        known = named.normalisation if named is not None else {}
    return known.get(dataset.name, (dataset.mean, dataset.std))
