"""The relaxation of ISTA-NAS: codes scale the operations in their nodes' live sets, and no other operations run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import RelaxationSnapshot
from engine.methods.ista.codes import Codes, slots
from engine.methods.ista.sparse_coding import Array, supports
from engine.methods.ista.sparse_coding.supports import Live
from engine.spaces.space import CellWeights, MixingWeights
from runs.catalogue import Space
from runs.log.indicators import ENTROPY, MARGIN, entropy, margin


@dataclass(frozen=True, eq=False)
class NodeVector:
    """The sparse vector that a node's code stands for between two recoveries.

    Attributes:
        matrix: A [m, n].
        x: [n].
        live: the entries whose operations run.
    """

    matrix: Array
    x: Array
    live: Live


class SparseCode:
    """Mixing weights with the multipliers alpha_k = A_k'b - (E'x~)_k of the live entries.

    See docs/methods/ista.md, "Live set and multipliers".

    Alphas are used unchanged: they may be negative or above 1. Entry k of a node's vector is candidate k % K of the
    edge from input k // K.

    Args:
        space: edges and operations.
        columns: the K candidates of every edge, as columns.
        device: the device of the supernet.

    Attributes:
        sparse: the vectors in use, one for each of :func:`engine.methods.ista.codes.slots`.
        active: the columns that run on each edge, by kind of cell.
    """

    # The set of running operations changes only between epochs.
    capturable = True

    def __init__(self, space: Space, columns: Sequence[int], device: torch.device) -> None:
        self._space = space
        self._columns = tuple(columns)
        self._device = device
        self._shape = (len(space.cells), len(space.edges), len(space.operations))
        self.sparse: tuple[NodeVector, ...] = ()
        self.active: dict[str, tuple[tuple[int, ...], ...]] = {}

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Do nothing: the weights do not depend on the epoch's number."""

    def use(self, sparse: Sequence[NodeVector]) -> None:
        """Use these vectors until the next recovery; their live entries run."""
        self.sparse = tuple(sparse)
        running: dict[str, list[list[int]]] = {kind: [[] for _ in self._space.edges] for kind in self._space.cells}
        entries = []
        for (kind, node), vector in zip(slots(self._space), sparse, strict=True):
            for edge, op in (self._entry(node, entry) for entry in vector.live):
                running[kind][edge].append(op)
                row = self._space.cells.index(kind) * self._shape[1] + edge
                entries.append(row * self._shape[2] + op)
        self.active = {kind: tuple(tuple(sorted(ops)) for ops in edges) for kind, edges in running.items()}
        # Copied to the device once, in the precision of the codes; recovery stays on the host, in 64 bits.
        precision = torch.get_default_dtype()
        live = [vector.matrix[:, list(vector.live)].T.tolist() for vector in sparse]
        biases = [supports.bias(vector.matrix, vector.x, vector.live).tolist() for vector in sparse]
        self._live = torch.tensor(live, dtype=precision, device=self._device)
        self._biases = torch.tensor(biases, dtype=precision, device=self._device)
        self._entries = torch.tensor(entries, device=self._device)

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the mixing weights of the live operations, differentiable in the codes; they involve no randomness."""
        return self._spread(architecture, self.alphas(architecture))

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return what :meth:`sample` does."""
        return self.sample(architecture)

    def mean(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return |alpha| divided by its sum over the node, as mixing weights."""
        alphas = self.alphas(architecture).detach().abs()
        shares = alphas / alphas.sum(-1, keepdim=True).clamp(min=torch.finfo(alphas.dtype).tiny)
        return self._spread(architecture, shares)

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Return x and alpha, and how an edge shares its |x| among its operations. x itself is never the weight."""
        x = torch.zeros(self._shape[1:], dtype=torch.float64)
        for (owner, node), vector in zip(slots(self._space), self.sparse, strict=True):
            if owner == kind:
                for entry, value in enumerate(vector.x.tolist()):
                    x[self._entry(node, entry)] = value
        sizes = x.abs()
        shares = (sizes / sizes.sum(-1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)).tolist()
        alphas = self._spread(architecture, self.alphas(architecture).detach())[kind].weights
        return RelaxationSnapshot(
            operations={"x": x.tolist(), "alpha": alphas.tolist()},
            edges={ENTROPY: [entropy(row) for row in shares], MARGIN: [margin(row) for row in shares]},
        )

    def alphas(self, architecture: ArchitectureParameters) -> Tensor:
        """Return the multipliers [slots, s] of the live entries, in the order of the live sets."""
        return torch.bmm(self._live, Codes.of(architecture).stacked_codes().unsqueeze(-1)).squeeze(-1) - self._biases

    def _spread(self, architecture: ArchitectureParameters, values: Tensor) -> Mapping[str, CellWeights]:
        weights = torch.zeros(self._shape, device=values.device).flatten()
        weights = weights.index_put((self._entries,), values.flatten()).view(self._shape)
        return {
            kind: CellWeights(rows, self.active[kind])
            for kind, rows in zip(architecture.kinds, weights.unbind(), strict=True)
        }

    def _entry(self, node: int, entry: int) -> tuple[int, int]:
        """Return the edge and the column of an entry of a node's vector."""
        source, candidate = divmod(entry, len(self._columns))
        target = min(target for _, target in self._space.edges) + node
        return self._space.edges.index((source, target)), self._columns[candidate]
