"""The joint update: one level, one batch, one loss for weights and architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from engine.search.updates.update import move_architecture, variables

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


class SingleLevelJoint:
    """Weights and variables step together by the gradients of the same pass (SNAS; DSNAS).

    The regulariser's penalty moves the variables alone; each group is clipped by itself.
    """

    def step(self, search: DifferentiableSearch, batch: Tensor) -> None:
        """Do both steps; in an epoch that freezes the architecture, that of the weights."""
        search.supernet.train()
        images, labels = search.weight_batch(batch)
        trains = search.architecture_trains
        scores = search.scores(images, search.sampled_weights(detached=not trains))
        loss = functional.cross_entropy(scores, labels)
        search.train_meter.add(loss, scores, labels)
        penalty = search.regulariser.penalty(search.architecture)
        weights, moved = list(search.supernet.parameters()), variables(search) if trains else []
        gradients = torch.autograd.grad(
            loss if penalty is None else loss + penalty, [*weights, *moved], materialize_grads=True
        )
        for weight, gradient in zip(weights, gradients, strict=False):
            weight.grad = gradient
        search.clip(weights)
        search.weight_optimizer.step()
        search.weight_optimizer.zero_grad()
        if trains:
            move_architecture(search, gradients[len(weights) :])
