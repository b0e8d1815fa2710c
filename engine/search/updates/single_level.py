"""The one-level update of one-stage ISTA-NAS: codes and weights by the gradients of one loss on one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from engine.spaces.darts.supernet import DartsSupernet

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


class SingleLevel:
    """Both step after one backward pass; operations that do not run get no gradient, and so stay as they are.

    Unlike :class:`engine.search.updates.single_level_joint.SingleLevelJoint`, where they have gradient zero and decay.

    Args:
        auxiliary_weight: of the auxiliary classifier's loss, where the supernet has one.
    """

    def __init__(self, auxiliary_weight: float) -> None:
        self._auxiliary_weight = auxiliary_weight

    def step(self, search: DifferentiableSearch, batch: Tensor) -> None:
        """Step the codes that are not frozen, then the weights with their gradient clipped (ista.md 4, step 3)."""
        supernet = search.supernet
        assert isinstance(supernet, DartsSupernet)
        supernet.train()
        images, labels = search.weight_batch(batch)
        with search.context.runtime.autocast():
            scores, auxiliary = supernet.both_scores(images, search.sampled_weights())
        loss = functional.cross_entropy(scores.float(), labels)
        search.train_meter.add(loss, scores.float(), labels)
        if auxiliary is not None:
            loss = loss + self._auxiliary_weight * functional.cross_entropy(auxiliary.float(), labels)
        loss.backward()
        search.architecture_optimizer.step()
        search.clip(list(supernet.parameters()))
        search.weight_optimizer.step()
        search.weight_optimizer.zero_grad()
        search.architecture_optimizer.zero_grad()
