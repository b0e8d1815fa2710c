"""Edge normalisation of PC-DARTS, around any relaxation."""

from __future__ import annotations

from dataclasses import replace

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import Relaxation, RelaxationSnapshot
from engine.spaces.space import MixingWeights


class NormalisedEdges:
    """Scales each edge by the softmax of beta over the edges into its node (PC-DARTS, ICLR 2020, equation 4).

    Args:
        operations: the relaxation that mixes the operations of an edge.
    """

    def __init__(self, operations: Relaxation) -> None:
        self._operations = operations

    @property
    def capturable(self) -> bool:
        """Whether the inner relaxation is capturable."""
        return self._operations.capturable

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Begin the epoch of the inner relaxation."""
        self._operations.begin_epoch(epoch, epochs)

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the mixing weights with the scale of each edge."""
        return _scaled(architecture, self._operations.sample(architecture))

    def mean(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the mixing weights with the scale of each edge."""
        return _scaled(architecture, self._operations.mean(architecture))

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the mixing weights with the scale of each edge."""
        return _scaled(architecture, self._operations.evaluation(architecture))

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Return the inner snapshot together with the weight of each edge among those into its node."""
        known = self._operations.snapshot(architecture, kind)
        return replace(known, edges={**known.edges, "edge_weight": architecture.edge_weights(kind).tolist()})


def _scaled(architecture: ArchitectureParameters, mixing: MixingWeights) -> MixingWeights:
    return {
        kind: replace(cell_weights, edge_scale=architecture.edge_weights(kind)) for kind, cell_weights in mixing.items()
    }
