"""Edge normalisation of PC-DARTS, around any relaxation."""

from __future__ import annotations

from dataclasses import replace

from engine.architecture.parameters import Architecture
from engine.architecture.relaxations.relaxation import Relaxation, Watched
from engine.spaces.space import Plans


class NormalisedEdges:
    """Scales each edge by the softmax of beta over the edges into its node (PC-DARTS, ICLR 2020, equation 4).

    Args:
        operations: how the operations of an edge mix.
    """

    def __init__(self, operations: Relaxation) -> None:
        self._operations = operations

    def begin(self, epoch: int, epochs: int) -> None:
        """Pass the epoch on."""
        self._operations.begin(epoch, epochs)

    def sample(self, architecture: Architecture) -> Plans:
        """Return the plans with the scale of each edge."""
        return _scaled(architecture, self._operations.sample(architecture))

    def mean(self, architecture: Architecture) -> Plans:
        """Return the plans with the scale of each edge."""
        return _scaled(architecture, self._operations.mean(architecture))

    def evaluation(self, architecture: Architecture) -> Plans:
        """Return the plans with the scale of each edge."""
        return _scaled(architecture, self._operations.evaluation(architecture))

    def watch(self, architecture: Architecture, kind: str) -> Watched:
        """Return also the weight of each edge among those into its node."""
        known = self._operations.watch(architecture, kind)
        return replace(known, edges={**known.edges, "edge_weight": architecture.edge_weights(kind).tolist()})


def _scaled(architecture: Architecture, plans: Plans) -> Plans:
    return {kind: replace(plan, edge_scale=architecture.edge_weights(kind)) for kind, plan in plans.items()}
