"""The architecture parameters of a search, and the operations that they weight."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.spaces.space import Candidates
from runs.catalogue import Space


class ArchitectureParameters(nn.Module):
    """One alpha matrix [edges, operations] for each kind of cell, shared by all cells of that kind.

    Alphas start as ``mean`` plus ``scale`` times standard normal noise. Entries of operations that are not candidates
    exist, but are never read and get no gradient.

    Args:
        space: kinds of cell, edges and operations.
        candidates: the operations alive on each edge.
        generator: draws the noise.
        scale, mean: of the noise.
        edge_parameters: whether there is also a beta [edges] for each kind of cell, ``scale`` times noise (PC-DARTS).
    """

    def __init__(
        self,
        space: Space,
        candidates: Candidates,
        generator: torch.Generator,
        *,
        scale: float,
        mean: float = 0.0,
        edge_parameters: bool = False,
    ) -> None:
        super().__init__()
        self._register(space, candidates)
        shape = (len(space.edges), len(space.operations))
        self.alphas = nn.ParameterDict(
            {kind: nn.Parameter(mean + scale * torch.randn(shape, generator=generator)) for kind in space.cells}
        )
        self.betas = nn.ParameterDict(
            {kind: nn.Parameter(scale * torch.randn(shape[:1], generator=generator)) for kind in space.cells}
            if edge_parameters
            else {}
        )

    def _register(self, space: Space, candidates: Candidates) -> None:
        """Register the topology and the candidates."""
        self.kinds = space.cells
        for kind in space.cells:
            alive = torch.zeros(len(space.edges), len(space.operations), dtype=torch.bool)
            for edge, kept in enumerate(candidates[kind]):
                alive[edge, list(kept)] = True
            self.register_buffer(f"alive_{kind}", alive)
        targets = torch.tensor([target for _, target in space.edges])
        # Derived from the space, so it is not saved in checkpoints.
        self.register_buffer("_siblings", targets[:, None] == targets, persistent=False)

    @property
    def siblings(self) -> Tensor:
        """The boolean matrix [edges, edges] that says which edges lead into the same node."""
        return self.get_buffer("_siblings")

    def matrices(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Yield each kind of cell with its alpha and its boolean matrix of candidates, both [edges, operations]."""
        for kind, alpha in self.alphas.items():
            yield kind, alpha, self.alive(kind)

    def stacked(self) -> tuple[Tensor, Tensor]:
        """Return alphas and candidates of all kinds of cell, both [kinds, edges, operations], for a single draw."""
        return torch.stack([self.alphas[kind] for kind in self.kinds]), torch.stack([self.alive(k) for k in self.kinds])

    def alive(self, kind: str) -> Tensor:
        """Return the boolean matrix of operations that are candidates."""
        mask: Tensor = self.get_buffer(f"alive_{kind}")
        return mask

    def edge_weights(self, kind: str) -> Tensor:
        """Return [edges]: the softmax of beta over the edges into each node (PC-DARTS, ICLR 2020, equation 4)."""
        logits = self.betas[kind].expand(len(self.siblings), -1)
        weights: Tensor = logits.masked_fill(~self.siblings, -torch.inf).softmax(-1).diagonal()
        return weights
