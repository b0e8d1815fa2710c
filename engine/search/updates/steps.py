"""The two optimiser steps that updates are made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from torch import Tensor, nn
from torch.nn import functional

from engine.search.step import Batch, Level, StepContext
from engine.spaces.space import MixingWeights


def average_gradients(context: StepContext, parameters: Iterable[nn.Parameter], level: Level) -> None:
    """Average the gradients of parameters over all processes; those that have none have none in any process."""
    context.average((parameter.grad for parameter in parameters if parameter.grad is not None), level)


def step_architecture(context: StepContext, parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor]) -> None:
    """Clip these gradients of the architecture parameters, averaged already, and step their optimiser."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    context.clip_architecture(parameters)
    context.state.architecture_optimizer.step()
    context.state.architecture_optimizer.zero_grad()


def step_weights(
    context: StepContext, batch: Batch, mixing: MixingWeights, *, clipped_with: Sequence[nn.Parameter] = ()
) -> None:
    """Step the optimiser of the weights on a batch.

    Args:
        context: of the step.
        batch: of the weights.
        mixing: the mixing weights.
        clipped_with: parameters whose gradients enter the clipped norm together with those of the weights.
    """
    state = context.state
    scores = context.scores(batch.images, mixing)
    loss = functional.cross_entropy(scores, batch.labels)
    loss.backward()
    context.record(loss, scores, batch.labels)
    average_gradients(context, itertools.chain(state.weights, clipped_with), "weights")
    context.clip_weights([*state.weights, *clipped_with])
    state.weight_optimizer.step()
    state.weight_optimizer.zero_grad()
    state.architecture_optimizer.zero_grad()
