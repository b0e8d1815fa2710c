"""The Gumbel-softmax relaxation of SNAS: a soft sample of a one-hot choice, that hardens with the temperature."""

from __future__ import annotations

from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import dense, probabilities
from engine.architecture.relaxations.sampled import SampledRelaxation, gumbel
from engine.spaces.space import MixingWeights


def concrete(alpha: Tensor, alive: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """Return Z = softmax((alpha + G) / tau) over what is alive, alpha being log probabilities (SNAS, equation 4)."""
    return probabilities((alpha + noise) / temperature, alive)


class GumbelSoftmax(SampledRelaxation):
    """Mixes by a draw of the concrete distribution, every candidate at once."""

    capturable = True

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return one draw for each kind of cell."""
        alpha, alive = architecture.stacked()
        return dense(architecture, concrete(alpha, alive, gumbel(alpha), self.temperature))

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the draw without its noise, softmax(alpha / tau).

        It is as soft as what the weights train with: near the middle at first, near one path in the end. The public
        code measures a fresh draw, which ``sampled_accuracy`` shows beside.
        """
        alpha, alive = architecture.stacked()
        return dense(architecture, probabilities(alpha / self.temperature, alive))
