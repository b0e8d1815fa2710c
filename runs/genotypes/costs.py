"""What the discrete network of a genotype costs, in closed form; one counter a space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.errors import UsageError
from runs.genotypes import cell_networks, darts, nasbench201
from runs.genotypes.genotype import Genotype

COUNTER = "convolutions and linear layers"
# What P-DARTS, PC-DARTS and sharpDARTS print as multiply-adds (baselines.md 2.3).
COUNTER_WITH_NORMS = f"{COUNTER} + 2 per batch-norm output + 1 per ReLU output"


@dataclass(frozen=True)
class Shape:
    """The size of a discrete network.

    Attributes:
        channels: of the first cells.
        layers: cells; in NAS-Bench-201 those of each of the three stages.
        classes: of the data set.
        size: side of the images in pixels.
        stem: ``cifar`` keeps the resolution, ``imagenet`` divides it.
        norms: batch norm after operations without weights, see :data:`runs.genotypes.cell_networks.NORMS`.
        auxiliary_norm: whether the auxiliary head of the ImageNet stem normalises twice; that of CIFAR always does.
    """

    channels: int
    layers: int
    classes: int = 10
    size: int = 32
    stem: str = "cifar"
    norms: str = "plain"
    auxiliary_norm: bool = False

    def __str__(self) -> str:
        """Return the size in words."""
        return (
            f"{self.channels} channels, {self.layers} cells, {self.classes} classes, "
            f"{self.size} x {self.size} pixels{', ImageNet stem' if self.stem == 'imagenet' else ''}"
        )


@dataclass(frozen=True)
class Costs:
    """What a network costs for one image.

    Attributes:
        parameters: trainable, without the auxiliary head.
        auxiliary_parameters: of the auxiliary head.
        macs: multiply-accumulates, see :data:`COUNTER`.
        norm_outputs: numbers that batch norms put out, and ``relu_outputs`` those of ReLUs; None where nobody counts.
    """

    parameters: int
    auxiliary_parameters: int
    macs: int
    norm_outputs: int | None = None
    relu_outputs: int | None = None

    @property
    def macs_with_norms(self) -> int | None:
        """The multiply-adds of :data:`COUNTER_WITH_NORMS`."""
        if self.norm_outputs is None or self.relu_outputs is None:
            return None
        return self.macs + 2 * self.norm_outputs + self.relu_outputs


def standard_shape(space: str, stem: str = "cifar") -> Shape:
    """Return the size at which a space's papers count.

    Raises:
        UsageError: genotypes of this space cannot be counted, or not with this stem.
    """
    shapes = _known(space).shapes
    if stem not in shapes:
        raise UsageError(f"A network of the space '{space}' has no stem '{stem[:80]}'.", f"Known: {', '.join(shapes)}.")
    return shapes[stem]


def count(genotype: Genotype, shape: Shape) -> Costs:
    """Return the costs of a genotype's network.

    Raises:
        UsageError: genotypes of this space cannot be counted, or this one is none of its space.
    """
    return _known(genotype.space).count(genotype, shape)


@dataclass(frozen=True)
class _Counter:
    shapes: Mapping[str, Shape]
    count: Callable[[Genotype, Shape], Costs]


def _nasbench201(genotype: Genotype, shape: Shape) -> Costs:
    width = {"channels": shape.channels, "cells": shape.layers, "classes": shape.classes}
    return Costs(nasbench201.parameters(genotype, **width), 0, nasbench201.macs(genotype, size=shape.size, **width))


def _darts(genotype: Genotype, shape: Shape) -> Costs:
    darts.check(genotype)
    if shape.norms not in cell_networks.NORMS:
        known = ", ".join(cell_networks.NORMS)
        raise UsageError(f"Unknown norms '{shape.norms[:80]}'.", f"Allowed: {known}.")
    channels, layers, classes, stem = shape.channels, shape.layers, shape.classes, shape.stem
    total = cell_networks.discrete(
        genotype, channels=channels, layers=layers, classes=classes, stem=stem, size=shape.size, norms=shape.norms
    )
    auxiliary = cell_networks.auxiliary(
        genotype, channels=channels, layers=layers, classes=classes, stem=stem, second_norm=shape.auxiliary_norm
    )
    return Costs(total.parameters, auxiliary, total.macs, total.norms, total.relus)


_COUNTERS = {
    NASBENCH201.name: _Counter({"cifar": Shape(channels=16, layers=5)}, _nasbench201),
    DARTS.name: _Counter(
        {
            "cifar": Shape(channels=36, layers=20),
            "imagenet": Shape(channels=48, layers=14, classes=1000, size=224, stem="imagenet"),
        },
        _darts,
    ),
}


def _known(space: str) -> _Counter:
    if space not in _COUNTERS:
        raise UsageError(f"A genotype of the space '{space}' cannot be counted.", f"Known: {', '.join(_COUNTERS)}.")
    return _COUNTERS[space]
