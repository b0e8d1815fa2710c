"""What a parser finds in a file of a public repository. It is the one form from which runs are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runs.genotypes.costs import Shape
from runs.genotypes.genotype import Genotype

Matrix = list[list[float]]
# Nobody searches or trains for longer, and a damaged file must not fill the disk.
MOST_EPOCHS = 20_000


@dataclass
class FoundWeights:
    """The architecture weights of one kind of cell, as a file has them.

    Attributes:
        operations: the operation of each column.
        weights: edges x operations; the edges are those of the space, in its order.
        alive: the same shape; false if an operation has been pruned. None if all are alive.
        extras: further matrices of the same shape, such as ``concentration``.
    """

    operations: Sequence[str]
    weights: Matrix
    alive: list[list[bool]] | None = None
    extras: dict[str, Matrix] = field(default_factory=dict)


@dataclass
class FoundEpoch:
    """An epoch, with the architecture after it.

    Attributes:
        stage: its index, counted from 0.
        seconds: how long it took; 0 if unknown.
        weights: by kind of cell; empty if the file does not have them.
        benchmark: table accuracies of the genotype, ``{data set: {split: percent}}``.
        extras: further data of the method.
    """

    stage: int = 0
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    learning_rates: dict[str, float] = field(default_factory=dict)
    weights: dict[str, FoundWeights] = field(default_factory=dict)
    genotype: Genotype | None = None
    benchmark: dict[str, dict[str, float]] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)


@dataclass
class Findings:
    """Everything that was found in a file.

    Attributes:
        method: the name of the search method in the catalogue, or of the format if the file does not say.
        space: the search space.
        dataset: the data set; empty if unknown.
        seed: None if unknown.
        epochs: in order.
        planned: how many epochs the run would have had; 0 if unknown.
        stages: the title of each stage.
        genotype: the final genotype.
        variants: further genotypes by name, such as ``skips_3``.
        arguments: the settings under their public names.
        shape: the size of the network that was trained; None for the size at which papers count.
        is_training: whether a discrete network was trained, not an architecture searched.
        remarks: what is missing or was corrected, in sentences.
    """

    method: str
    space: str
    dataset: str = ""
    seed: int | None = None
    epochs: list[FoundEpoch] = field(default_factory=list)
    planned: int = 0
    stages: list[str] = field(default_factory=list)
    genotype: Genotype | None = None
    variants: dict[str, Genotype] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    shape: Shape | None = None
    is_training: bool = False
    remarks: list[str] = field(default_factory=list)
