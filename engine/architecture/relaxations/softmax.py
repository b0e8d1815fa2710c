"""The softmax relaxation of DARTS: an edge is the sum of its operations, weighted by softmax(alpha)."""

from __future__ import annotations

from engine.architecture.parameters import Architecture
from engine.architecture.relaxations.relaxation import Watched, dense, probabilities
from engine.spaces.space import Plans


class Softmax:
    """Mixes by softmax(alpha) (DARTS, ICLR 2019, equation 2). Implements :class:`.relaxation.Relaxation`."""

    def begin(self, epoch: int, epochs: int) -> None:
        """Nothing depends on the epoch."""

    def sample(self, architecture: Architecture) -> Plans:
        """Return the softmax: nothing is drawn."""
        return dense(architecture, probabilities(*architecture.stacked()))

    def mean(self, architecture: Architecture) -> Plans:
        """Return the softmax."""
        return dense(architecture, probabilities(*architecture.stacked()))

    def evaluation(self, architecture: Architecture) -> Plans:
        """Return what the search mixes with."""
        return self.sample(architecture)

    def watch(self, architecture: Architecture, kind: str) -> Watched:
        """Return nothing: the weights are all there is."""
        return Watched()
