"""What a person has selected on the screen of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """What a person looks at.

    Attributes:
        epoch: the chosen epoch; None for the newest.
        cell: the kind of cell; one that is not there stands for the first.
        curves: the group of curves, counted from 0.
        mark: the epoch that cells are compared with; None for the one before the last change.
        edge: the edge that is looked at, counted from 0; None for none.
        operation: the operation of that edge; None for the one that the genotype takes.
        log: values have a logarithmic axis.
        smooth: epochs that a curve is averaged over.
    """

    epoch: int | None = None
    cell: str = ""
    curves: int = 0
    mark: int | None = None
    edge: int | None = None
    operation: int | None = None
    log: bool = False
    smooth: int = 1
