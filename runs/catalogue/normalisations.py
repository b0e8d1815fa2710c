"""Means and deviations by which papers normalise: code bases differ, also on the same data set (baselines.md 5)."""

from __future__ import annotations

from runs.catalogue.entries import Dataset

Statistics = tuple[tuple[float, float, float], tuple[float, float, float]]

_DARTS: Statistics = ((0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768))
_IMAGENET16: Statistics = (
    (122.68 / 255, 116.66 / 255, 104.01 / 255),
    (63.22 / 255, 61.26 / 255, 65.09 / 255),
)
_FAMILIES: dict[str, dict[str, Statistics]] = {
    # DARTS, PC-DARTS and DrNAS use CIFAR-10's constants for CIFAR-100 too.
    "darts": {"cifar10": _DARTS, "cifar100": _DARTS},
    "pdarts": {"cifar10": _DARTS, "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761))},
    "tenas": {
        "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
        "cifar100": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    },
    "nasbench201": {
        "cifar10": ((125.3 / 255, 123.0 / 255, 113.9 / 255), (63.0 / 255, 62.1 / 255, 66.7 / 255)),
        "cifar100": ((129.3 / 255, 124.1 / 255, 112.4 / 255), (68.2 / 255, 65.4 / 255, 70.4 / 255)),
        "imagenet16_120": _IMAGENET16,
    },
}


def statistics(family: str, dataset: Dataset) -> Statistics:
    """Return mean and standard deviation per channel, of values in 0..1, as a family of papers has them.

    Where the family says nothing of a data set, and for the family ``dataset``, they are the data set's own.
    """
    return _FAMILIES.get(family, {}).get(dataset.name, (dataset.mean, dataset.std))
