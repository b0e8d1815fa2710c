"""The single-level update of one-stage ISTA-NAS: one loss on one batch gives the gradients of codes and weights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch.nn import functional

from engine.search.step import Level, StepContext
from engine.search.updates.steps import average_gradients


class SingleLevel:
    """Steps both after one backward pass; operations that do not run get no gradient, and so do not change.

    In :class:`engine.search.updates.single_level_joint.SingleLevelJoint` they have gradient zero, and decay.

    Args:
        auxiliary_weight: of the auxiliary classifier's loss, if the supernet has one.
    """

    order: Sequence[Level] = ("weights",)

    def __init__(self, auxiliary_weight: float) -> None:
        self._auxiliary_weight = auxiliary_weight

    def step(self, context: StepContext) -> None:
        """Step the codes that are not frozen, then the weights with their gradient clipped.

        See docs/methods/ista.md, "Search phase", step 3.
        """
        state = context.state
        images, labels = context.weight_batch()
        scores, auxiliary = context.both_scores(images, context.sample())
        loss = functional.cross_entropy(scores, labels)
        context.record(loss, scores, labels)
        if auxiliary is not None:
            loss = loss + self._auxiliary_weight * functional.cross_entropy(auxiliary, labels)
        loss.backward()
        average_gradients(context, itertools.chain(state.weights, state.architecture.parameters()), "weights")
        state.architecture_optimizer.step()
        context.clip_weights(state.weights)
        state.weight_optimizer.step()
        state.weight_optimizer.zero_grad()
        state.architecture_optimizer.zero_grad()
