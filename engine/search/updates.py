"""One update of architecture and weights. A method chooses how its two levels meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from engine.search.differentiable import DifferentiableSearch


class Update(Protocol):
    """What happens for one batch of the weights' half."""

    def step(self, search: DifferentiableSearch, batch: Tensor) -> None:
        """Update architecture and weights; ``batch`` are indices of training images."""


class FirstOrder:
    """Bilevel, first order: alpha on a batch of its own half at the current weights, then the weights.

    Each phase computes the gradients that it uses and no others: the architecture phase asks for alpha's alone, the
    weight phase mixes with a detached sample (drnas.md T12).

    Args:
        clip_architecture: the public NAS-Bench-201 code has alpha's gradient of the weight phase inside the clipped
            norm; true repeats that, at the price of computing it.
        weights_first: whether the weights go before alpha, as in GDAS.
    """

    def __init__(self, *, clip_architecture: bool = False, weights_first: bool = False) -> None:
        self._clip_architecture = clip_architecture
        self._weights_first = weights_first

    def step(self, search: DifferentiableSearch, batch: Tensor) -> None:
        """Do the architecture phase, unless this epoch freezes it, and the weight phase."""
        search.supernet.train()
        if self._weights_first:
            self._weight_phase(search, batch)
        if search.architecture_trains:
            self._architecture_phase(search, len(batch))
        if not self._weights_first:
            self._weight_phase(search, batch)

    def _architecture_phase(self, search: DifferentiableSearch, size: int) -> None:
        images, labels = search.architecture_batch(size)
        loss = functional.cross_entropy(search.scores(images, search.sampled_plans()), labels)
        penalty = search.regulariser.penalty(search.architecture)
        variables = [variable for variable in search.architecture.parameters() if variable.requires_grad]
        gradients = torch.autograd.grad(loss if penalty is None else loss + penalty, variables)
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.grad = gradient
        if limit := search.settings.arch_gradient_clip:
            nn.utils.clip_grad_norm_(variables, limit, foreach=True)
        search.architecture_optimiser.step()
        search.architecture_optimiser.zero_grad()

    def _weight_phase(self, search: DifferentiableSearch, batch: Tensor) -> None:
        images, labels = search.weight_batch(batch)
        scores = search.scores(images, search.sampled_plans(detached=not self._clip_architecture))
        loss = functional.cross_entropy(scores, labels)
        loss.backward()
        search.train_meter.add(loss, scores, labels)
        clipped = list(search.supernet.parameters())
        if self._clip_architecture:
            clipped += search.architecture.parameters()
        search.clip(clipped)
        search.weight_optimiser.step()
        search.weight_optimiser.zero_grad()
        search.architecture_optimiser.zero_grad()
