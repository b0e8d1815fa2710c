"""The softmax relaxation of DARTS: an edge is the sum of its operations, weighted by softmax(alpha)."""

from __future__ import annotations

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import RelaxationSnapshot, dense, probabilities
from engine.spaces.space import MixingWeights


class Softmax:
    """Mixes by softmax(alpha) (DARTS, ICLR 2019, equation 2). Implements :class:`.relaxation.Relaxation`."""

    capturable = True

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Do nothing: the weights do not depend on the epoch."""

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the softmax; nothing is sampled."""
        return dense(architecture, probabilities(*architecture.stacked()))

    def mean(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the softmax."""
        return dense(architecture, probabilities(*architecture.stacked()))

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the weights that the search mixes with."""
        return self.sample(architecture)

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Return an empty snapshot: there is nothing beyond the mixing weights."""
        return RelaxationSnapshot()
