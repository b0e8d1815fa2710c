"""The joint single-level update: one batch and one loss for weights and architecture parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from engine.search.step import Level, StepContext
from engine.search.updates.steps import step_architecture


class SingleLevelJoint:
    """Weights and architecture parameters step together with the gradients of one pass (SNAS; DSNAS).

    The regulariser's penalty affects only the architecture parameters; each group is clipped separately.
    """

    order: Sequence[Level] = ("weights",)

    def step(self, context: StepContext) -> None:
        """Take both steps, or only that of the weights in an epoch that freezes the architecture."""
        state, trains = context.state, context.trains_architecture
        images, labels = context.weight_batch()
        scores = context.scores(images, context.sample(detached=not trains))
        loss = functional.cross_entropy(scores, labels)
        context.record(loss, scores, labels)
        penalty = context.penalty()
        parameters = state.learning_parameters() if trains else []
        gradients = torch.autograd.grad(
            loss if penalty is None else loss + penalty, [*state.weights, *parameters], materialize_grads=True
        )
        context.average(gradients, "weights")
        for weight, gradient in zip(state.weights, gradients, strict=False):
            weight.grad = gradient
        context.clip_weights(state.weights)
        state.weight_optimizer.step()
        state.weight_optimizer.zero_grad()
        if trains:
            step_architecture(context, parameters, gradients[len(state.weights) :])
