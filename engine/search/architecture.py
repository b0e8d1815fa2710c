"""The architecture variables of a search, and which operations they are about."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.spaces.space import Candidates
from runs.catalogue import Space


class Architecture(nn.Module):
    """One alpha matrix [edges, operations] for each kind of cell, shared by all cells of that kind.

    Alphas start as ``scale`` times standard normal noise. Entries of operations that are not candidates exist, but
    nothing reads them and they get no gradient.
    """

    def __init__(self, space: Space, candidates: Candidates, generator: torch.Generator, *, scale: float) -> None:
        super().__init__()
        shape = (len(space.edges), len(space.operations))
        self.alphas = nn.ParameterDict(
            {kind: nn.Parameter(scale * torch.randn(shape, generator=generator)) for kind in space.cells}
        )
        for kind in space.cells:
            alive = torch.zeros(shape, dtype=torch.bool)
            for edge, kept in enumerate(candidates[kind]):
                alive[edge, list(kept)] = True
            self.register_buffer(f"alive_{kind}", alive)

    def matrices(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Yield each kind of cell with its alpha and its boolean matrix of what is alive."""
        for kind, alpha in self.alphas.items():
            yield kind, alpha, self.alive(kind)

    def alive(self, kind: str) -> Tensor:
        """Return the boolean matrix of operations that are candidates."""
        mask: Tensor = self.get_buffer(f"alive_{kind}")
        return mask
