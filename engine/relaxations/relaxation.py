"""The contract of a relaxation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from engine.search.architecture import Architecture
from engine.spaces.space import Plans


@dataclass(frozen=True)
class Watched:
    """What is worth watching of one kind of cell.

    Attributes:
        operations: edges x operations matrices, by name.
        edges: one number an edge, by name.
    """

    operations: dict[str, list[list[float]]] = field(default_factory=dict)
    edges: dict[str, list[float]] = field(default_factory=dict)


class Relaxation(Protocol):
    """Turns architecture variables into the plans of a forward pass, one for each kind of cell.

    Operations that are not alive get weight 0 and give gradient 0.
    """

    def begin(self, epoch: int, epochs: int) -> None:
        """Set what depends on the epoch, counted from 0, such as a temperature.

        Called before each epoch and after a resume, so it must depend on nothing else.
        """

    def sample(self, architecture: Architecture) -> Plans:
        """Return the plans of one forward pass of the search, differentiable in the architecture's parameters."""

    def mean(self, architecture: Architecture) -> Plans:
        """Return the plans to show and to evaluate with; no randomness."""

    def watch(self, architecture: Architecture, kind: str) -> Watched:
        """Return what this relaxation knows of a kind of cell beside the weights."""
