"""The first-order update: alpha moves at the weights as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from engine.architecture.parameters import ArchitectureParameters
from engine.search.updates.update import descend, move_architecture, variables

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


class FirstOrder:
    """Bilevel, first order: alpha on a batch of its own half at the current weights, then the weights.

    Each phase computes the gradients that it uses and no others: the architecture phase asks for alpha's alone, the
    weight phase mixes with a detached sample (drnas.md T12).

    Args:
        clip_architecture: the public NAS-Bench-201 code has alpha's gradient of the weight phase inside the clipped
            norm; true repeats that, at the price of computing it.
        weights_first: whether the weights go before alpha, as in GDAS.
        project: brings the variables back to where they belong after each of their steps; None for nowhere.
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
        loss = functional.cross_entropy(search.scores(images, search.sampled_weights()), labels)
        penalty = search.regulariser.penalty(search.architecture)
        # A drawn path may leave a variable out of the graph, for instance where every edge draws `none`.
        gradients = torch.autograd.grad(
            loss if penalty is None else loss + penalty, variables(search), materialize_grads=True
        )
        move_architecture(search, gradients)
        if self._project is not None:
            self._project(search.architecture)

    def _weight_phase(self, search: DifferentiableSearch, batch: Tensor) -> None:
        images, labels = search.weight_batch(batch)
        mixing = search.sampled_weights(detached=not self._clip_architecture)
        beside = list(search.architecture.parameters()) if self._clip_architecture else []
        descend(search, images, labels, mixing, beside=beside)
