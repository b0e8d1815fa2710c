"""The costs of a genotype's discrete network: parameters and multiply-accumulates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runs.genotypes.genotype import Genotype

COUNTER = "convolutions and linear layers"
# The multiply-adds that P-DARTS, PC-DARTS and sharpDARTS report
# (docs/methods/baselines.md, "Measured costs of published cells").
COUNTER_WITH_NORMS = f"{COUNTER} + 2 per batch-norm output + 1 per ReLU output"


@dataclass(frozen=True)
class Shape:
    """The size of a discrete network.

    Attributes:
        channels: channels of the first cells.
        layers: the number of cells; for a network in stages, of cells per stage.
        classes: the number of classes of the data set.
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
        norm_outputs, relu_outputs: values that batch norms and ReLUs produce; None if not counted.
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


@dataclass(frozen=True)
class CostFormula:
    """The costs of a space's networks, in closed form.

    Attributes:
        shapes: by stem, the size at which the papers count; ``cifar`` is the usual one.
        count: returns the costs of a genotype's network. It raises UsageError for a genotype of another space and for
            a shape that its networks cannot have.
    """

    shapes: Mapping[str, Shape]
    count: Callable[[Genotype, Shape], Costs]
