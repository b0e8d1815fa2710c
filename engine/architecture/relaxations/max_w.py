"""The max-w relaxation of sharpDARTS: the strongest operation of an edge has weight 1, whatever its share."""

from __future__ import annotations

from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import dense, probabilities
from engine.architecture.relaxations.softmax import Softmax
from engine.spaces.space import MixingWeights


def max_w(alpha: Tensor, alive: Tensor) -> Tensor:
    """Return w'_o = 1 - max(w) + w_o with w = softmax(alpha), differentiating the maximum too; 0 for dead operations.

    The strongest operation therefore has weight 1 and no gradient of its own.
    """
    weights = probabilities(alpha, alive)
    return (1 - weights.amax(-1, keepdim=True) + weights) * alive


class MaxW(Softmax):
    """Mixes by max-w (sharpDARTS, 2019, section on max-w regularisation); shows the softmax itself."""

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return max-w; nothing is sampled."""
        return dense(architecture, max_w(*architecture.stacked()))
