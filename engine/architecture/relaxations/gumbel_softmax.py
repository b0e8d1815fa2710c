"""The Gumbel-softmax relaxation of SNAS: a soft sample of a one-hot choice that hardens as the temperature falls."""

from __future__ import annotations

from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import dense, probabilities
from engine.architecture.relaxations.sampled import SampledRelaxation, gumbel
from engine.spaces.space import MixingWeights


def concrete(alpha: Tensor, alive: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """Return Z = softmax((alpha + G) / tau) over the alive operations; alpha: log probabilities (SNAS, equation 4)."""
    return probabilities((alpha + noise) / temperature, alive)


class GumbelSoftmax(SampledRelaxation):
    """Mixes by a draw of the concrete distribution, with every candidate at once."""

    capturable = True

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return one draw for each kind of cell."""
        alpha, alive = architecture.stacked()
        return dense(architecture, concrete(alpha, alive, gumbel(alpha), self.temperature))

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the draw without its noise, softmax(alpha / tau).

        It is as soft as the samples that the weights are trained with: close to uniform at first, close to one path in
        the end. The public code measures a fresh draw instead, which ``sampled_accuracy`` shows as well.
        """
        alpha, alive = architecture.stacked()
        return dense(architecture, probabilities(alpha / self.temperature, alive))
