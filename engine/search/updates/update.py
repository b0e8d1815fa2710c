"""The contract of an update, and the two steps that updates are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.space import MixingWeights
from runs.catalogue.shared_settings import DifferentiableSettings

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


class Update(Protocol):
    """What happens for one batch of the weights' half."""

    def step(self, search: DifferentiableSearch, batch: Tensor) -> None:
        """Update architecture and weights; ``batch`` are indices of training images."""


def variables(search: DifferentiableSearch) -> list[nn.Parameter]:
    """Return the architecture parameters that learn."""
    return [variable for variable in search.architecture.parameters() if variable.requires_grad]


def move_architecture(search: DifferentiableSearch, gradients: Sequence[Tensor]) -> None:
    """Step the architecture's optimiser by these gradients of :func:`variables`, clipped as the settings say."""
    assert isinstance(search.settings, DifferentiableSettings)
    moved = variables(search)
    for variable, gradient in zip(moved, gradients, strict=True):
        variable.grad = gradient
    if limit := search.settings.arch_gradient_clip:
        nn.utils.clip_grad_norm_(moved, limit, foreach=True)
    search.architecture_optimizer.step()
    search.architecture_optimizer.zero_grad()


def descend(
    search: DifferentiableSearch,
    images: Tensor,
    labels: Tensor,
    mixing: MixingWeights,
    *,
    beside: Sequence[nn.Parameter] = (),
) -> None:
    """Step the weights' optimiser on a batch.

    Args:
        search: the loop.
        images, labels: the batch.
        mixing: how to mix.
        beside: parameters whose gradients enter the clipped norm beside those of the weights.
    """
    scores = search.scores(images, mixing)
    loss = functional.cross_entropy(scores, labels)
    loss.backward()
    search.train_meter.add(loss, scores, labels)
    search.clip([*search.supernet.parameters(), *beside])
    search.weight_optimizer.step()
    search.weight_optimizer.zero_grad()
    search.architecture_optimizer.zero_grad()
