"""What the discrete network of a genotype costs, in closed form; one counter a space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.errors import UsageError
from runs.genotypes import nasbench201
from runs.genotypes.genotype import Genotype

COUNTER = "convolutions and linear layers"


@dataclass(frozen=True)
class Shape:
    """The size of a discrete network.

    Attributes:
        channels: of the first stage.
        layers: cells; in NAS-Bench-201 those of each of the three stages.
        classes: of the data set.
        size: side of the images in pixels.
        stem: ``cifar`` keeps the resolution, ``imagenet`` divides it.
    """

    channels: int
    layers: int
    classes: int = 10
    size: int = 32
    stem: str = "cifar"

    def __str__(self) -> str:
        """Return the size in words."""
        return (
            f"{self.channels} channels, {self.layers} cells a stage, {self.classes} classes, "
            f"{self.size} x {self.size} pixels"
        )


@dataclass(frozen=True)
class Costs:
    """Trainable parameters, those of an auxiliary head apart, and the MACs (:data:`COUNTER`) of one image."""

    parameters: int
    auxiliary_parameters: int
    macs: int


def standard_shape(space: str) -> Shape:
    """Return the size at which a space's papers count.

    Raises:
        UsageError: genotypes of this space cannot be counted.
    """
    return _known(space).shape


def count(genotype: Genotype, shape: Shape) -> Costs:
    """Return the costs of a genotype's network.

    Raises:
        UsageError: genotypes of this space cannot be counted, or this one is none of its space.
    """
    return _known(genotype.space).count(genotype, shape)


@dataclass(frozen=True)
class _Counter:
    shape: Shape
    count: Callable[[Genotype, Shape], Costs]


def _nasbench201(genotype: Genotype, shape: Shape) -> Costs:
    width = {"channels": shape.channels, "cells": shape.layers, "classes": shape.classes}
    return Costs(nasbench201.parameters(genotype, **width), 0, nasbench201.macs(genotype, size=shape.size, **width))


_COUNTERS = {NASBENCH201.name: _Counter(Shape(channels=16, layers=5), _nasbench201)}


def _known(space: str) -> _Counter:
    if space not in _COUNTERS:
        raise UsageError(f"A genotype of the space '{space}' cannot be counted.", f"Known: {', '.join(_COUNTERS)}.")
    return _COUNTERS[space]
