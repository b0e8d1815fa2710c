"""Loss and accuracy, summed on the device; only :meth:`RunningMetrics.read` waits for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.core.distributed import ALONE, Group

# Of a batch: its mean loss, its class scores [B, classes], and its labels [B].
Result = tuple[Tensor, Tensor, Tensor]


class RunningMetrics:
    """Sums cross-entropy and hits over images.

    Args:
        device: of the sums.
        top: also count labels among this many best scores; 0 for no such count.
        group: the processes whose sums are added up in every call of :meth:`accumulate`, so that all have the same:
            what rank 0 saves is true of every process.
    """

    def __init__(self, device: torch.device, top: int = 0, group: Group = ALONE) -> None:
        # Losses, hits, hits among the best scores, images.
        self._sums = torch.zeros(4, dtype=torch.float64, device=device)
        self._top, self._group = top, group

    def accumulate(self, *results: Result) -> None:
        """Add the results of this process's pieces of a batch; a step that is captured may do so.

        All processes of the group must call this at the same point, perhaps with different numbers of pieces.
        """
        if self._group.size == 1:
            for result in results:
                self._sums += self._summed(*result)
            return
        own = torch.zeros_like(self._sums)
        for result in results:
            own += self._summed(*result)
        self._sums += self._group.total(own)

    def read(self, prefix: str) -> dict[str, float]:
        """Return accuracy in percent and loss in nats, named after ``prefix``; empty before the first batch."""
        *sums, images = self._sums.tolist()
        if not images:
            return {}
        loss, hits, near = (value / images for value in sums)
        found = {f"{prefix}_accuracy": 100 * hits, f"{prefix}_loss": loss}
        return found | ({f"{prefix}_top{self._top}_accuracy": 100 * near} if self._top else {})

    def reset(self) -> None:
        """Start from zero."""
        self._sums.zero_()

    def state(self) -> dict[str, Any]:
        """Return sums and count."""
        sums = self._sums.cpu()
        return {"sums": sums[:3].clone(), "count": int(sums[3])}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the result of :meth:`state`."""
        self._sums[:3].copy_(state["sums"])
        self._sums[3] = state["count"]

    def _summed(self, loss: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
        """Return what a batch adds to the sums."""
        count = len(labels)
        hits = (scores.argmax(1) == labels).sum()
        near = (scores.topk(self._top).indices == labels[:, None]).sum() if self._top else hits
        images = torch.full_like(hits, count, dtype=torch.float64)
        return torch.stack([loss.detach().double() * count, hits.double(), near.double(), images])
