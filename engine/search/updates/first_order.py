"""The first-order update: alpha is updated at the current weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from engine.architecture.parameters import ArchitectureParameters
from engine.search.step import Level, StepContext
from engine.search.updates.steps import step_architecture, step_weights


class FirstOrder:
    """Bilevel, first order: updates alpha on a batch of its own half at the current weights, then the weights.

    Each phase computes only the gradients that it uses: the architecture phase those of alpha, while the weight phase
    mixes with a detached sample (docs/methods/drnas.md, "Each phase computes only its own gradients"). Implements
    :class:`engine.search.step.Update`.

    Args:
        clip_architecture: include alpha's gradient of the weight phase in the clipped norm, as the public NAS-Bench-201
            code does, at the cost of computing it.
        weights_first: whether the weights are updated before alpha, as in GDAS.
        project: brings the architecture parameters back into their domain after each of their steps.
    """

    def __init__(
        self,
        *,
        clip_architecture: bool = False,
        weights_first: bool = False,
        project: Callable[[ArchitectureParameters], None] | None = None,
    ) -> None:
        self._clip_architecture = clip_architecture
        self._weights_first = weights_first
        self._project = project

    @property
    def order(self) -> Sequence[Level]:
        """The order of the phases."""
        return ("weights", "architecture") if self._weights_first else ("architecture", "weights")

    def step(self, context: StepContext) -> None:
        """Do the architecture phase, unless this epoch freezes it, and the weight phase."""
        if self._weights_first:
            self.weight_phase(context)
        if context.trains_architecture:
            self.architecture_phase(context)
        if not self._weights_first:
            self.weight_phase(context)

    def architecture_phase(self, context: StepContext) -> None:
        """Step the architecture parameters on their batch, at the present weights."""
        images, labels = context.architecture_batch()
        loss = functional.cross_entropy(context.scores(images, context.sample()), labels)
        penalty = context.penalty()
        parameters = context.state.learning_parameters()
        # A sampled path may leave a parameter out of the graph, for instance if every edge draws `none`.
        gradients = torch.autograd.grad(loss if penalty is None else loss + penalty, parameters, materialize_grads=True)
        context.average(gradients, "architecture")
        step_architecture(context, parameters, gradients)
        if self._project is not None:
            self._project(context.state.architecture)

    def weight_phase(self, context: StepContext) -> None:
        """Step the weights on their batch."""
        batch = context.weight_batch()
        mixing = context.sample(detached=not self._clip_architecture)
        clipped_with = list(context.state.architecture.parameters()) if self._clip_architecture else []
        step_weights(context, batch, mixing, clipped_with=clipped_with)
