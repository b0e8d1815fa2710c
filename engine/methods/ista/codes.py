"""Architecture parameters in the form of short dense codes, one for each node: what ISTA-NAS trains.

See docs/methods/ista.md, "Live set and multipliers".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from engine.architecture.parameters import ArchitectureParameters
from engine.spaces.space import Candidates
from runs.catalogue import Space


def slots(space: Space) -> list[tuple[str, int]]:
    """Return (kind of cell, node counted from 0) in the order normal 0, reduction 0, normal 1, ..."""
    nodes = len({target for _, target in space.edges})
    return [(kind, node) for node in range(nodes) for kind in space.cells]


class Codes(ArchitectureParameters):
    """One code b [m] for each node of each kind of cell, shared by all cells of that kind.

    Each code is a separate parameter, so that it can be frozen individually.

    Args:
        space: kinds of cell, edges and operations.
        candidates: the operations that may be chosen.
        generator: draws the initial codes.
        scale: standard deviation of the initial codes; their mean is 0.
        length: m.

    Attributes:
        slots: the kind of cell and the node of each code, see :func:`slots`.
    """

    def __init__(
        self, space: Space, candidates: Candidates, generator: torch.Generator, *, scale: float, length: int
    ) -> None:
        nn.Module.__init__(self)
        self._register(space, candidates)
        self.alphas, self.betas = nn.ParameterDict(), nn.ParameterDict()
        nodes = len({target for _, target in space.edges})
        self.slots = [(kind, node) for node in range(nodes) for kind in space.cells]
        self._codes = nn.ParameterDict(
            {
                f"{kind}_{node}": nn.Parameter(scale * torch.randn(length, generator=generator))
                for kind, node in self.slots
            }
        )

    @staticmethod
    def of(architecture: ArchitectureParameters) -> Codes:
        """Return the architecture parameters, checked to be codes.

        Raises:
            TypeError: they are of another class.
        """
        if not isinstance(architecture, Codes):
            raise TypeError(f"sparse codes are needed, not {type(architecture).__name__}")
        return architecture

    def __iter__(self) -> Iterator[nn.Parameter]:
        """Yield the codes in the order of :attr:`slots`."""
        yield from self._codes.values()

    def stacked_codes(self) -> Tensor:
        """Return [slots, m]."""
        return torch.stack(list(self))

    def freeze(self, frozen: Sequence[bool]) -> None:
        """Stop training the frozen codes, and train the others."""
        for code, still in zip(self, frozen, strict=True):
            code.requires_grad_(not still)

    def show_alive(self, kind: str, active: Sequence[Sequence[int]]) -> None:
        """Mark the operations that run on each edge, for viewers."""
        alive = self.alive(kind)
        alive.zero_()
        for edge, ops in enumerate(active):
            alive[edge, list(ops)] = True
