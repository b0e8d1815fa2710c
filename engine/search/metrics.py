"""The measurements of a search epoch. Everything is summed on the device and read once, for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from engine.core.distributed import Group
from engine.core.metrics import RunningMetrics


class SearchMetrics:
    """Sums of the current epoch, over all processes.

    Args:
        device: of the sums.
        group: the processes that share the run.

    Attributes:
        train: of the weights' batches.
        search: of the evaluation with the relaxation's mixing weights.
        sampled: of the evaluation with sampled mixing weights.
        derived: of the evaluation of only the genotype's operations.
    """

    def __init__(self, device: torch.device, group: Group) -> None:
        self.train, self.search, self.sampled, self.derived = (RunningMetrics(device, group=group) for _ in range(4))
        # The sum of the gradient norms, and how many were clipped.
        self._gradients = torch.zeros(2, dtype=torch.float64, device=device)

    def record_gradient(self, norm: Tensor, limit: float) -> None:
        """Add the norm of the weights' gradient in a step, and whether it was above the limit."""
        norm = norm.detach().double()
        self._gradients += torch.stack([norm, (norm > limit).double()])

    def gradients(self, steps: int) -> tuple[float, float]:
        """Return the mean norm of the gradient over this number of steps, and the share of steps that were clipped."""
        norm, clipped = (self._gradients / steps).tolist()
        return norm, clipped

    def read(self) -> dict[str, float]:
        """Return accuracies in percent and losses in nats, by name."""
        return {
            **self.train.read("train"),
            **self.search.read("search"),
            **self.sampled.read("sampled"),
            **self.derived.read("derived"),
        }

    def reset(self) -> None:
        """Begin an epoch with empty sums."""
        for metrics in self._all():
            metrics.reset()
        self._gradients.zero_()

    def state(self) -> dict[str, Any]:
        """Return all sums."""
        return {"meters": [metrics.state() for metrics in self._all()], "gradients": self._gradients.cpu()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore the result of :meth:`state`."""
        for metrics, saved in zip(self._all(), state["meters"], strict=True):
            metrics.load(saved)
        self._gradients.copy_(state["gradients"])

    def _all(self) -> tuple[RunningMetrics, ...]:
        return self.train, self.search, self.sampled, self.derived
