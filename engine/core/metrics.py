"""Loss and accuracy, summed on the device; only :meth:`RunningMetrics.read` waits for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.core.distributed import ALONE, Group


class RunningMetrics:
    """Sums cross-entropy and hits over images.

    Args:
        device: of the sums.
        top: also count labels among this many best scores; 0 for no such count.
        group: the processes whose sums are added up in every call of :meth:`accumulate`, so that all have the same.
    """

    def __init__(self, device: torch.device, top: int = 0, group: Group = ALONE) -> None:
        self._sums = torch.zeros(3, dtype=torch.float64, device=device)
        self._top, self._group = top, group
        self._count = 0

    def add(self, loss: Tensor, scores: Tensor, labels: Tensor) -> None:
        """Add a batch: its mean loss, its class scores [B, classes], its labels [B]."""
        self.accumulate(loss, scores, labels)
        self.count(len(labels))

    def accumulate(self, loss: Tensor, scores: Tensor, labels: Tensor) -> None:
        """Add the sums of a batch on the device. A captured step replays it, whereas :meth:`count` runs on the host."""
        hits = (scores.argmax(1) == labels).sum()
        near = (scores.topk(self._top).indices == labels[:, None]).sum() if self._top else hits
        self._sums += self._group.total(
            torch.stack([loss.detach().double() * len(labels), hits.double(), near.double()])
        )

    def accumulate_nothing(self) -> None:
        """Take part in :meth:`accumulate` of the other processes of the group, without images."""
        self._sums += self._group.total(torch.zeros_like(self._sums))

    def count(self, images: int) -> None:
        """Count the images of an accumulated batch, on the host."""
        self._count += images

    def read(self, prefix: str) -> dict[str, float]:
        """Return accuracy in percent and loss in nats, named after ``prefix``; empty before the first batch."""
        if not self._count:
            return {}
        loss, hits, near = (self._sums / self._count).tolist()
        found = {f"{prefix}_accuracy": 100 * hits, f"{prefix}_loss": loss}
        return found | ({f"{prefix}_top{self._top}_accuracy": 100 * near} if self._top else {})

    def share(self, group: Group) -> None:
        """Replace the sums by those over all processes; all must call this at the same point."""
        if group.size > 1:
            count = torch.tensor([self._count], dtype=torch.float64, device=self._sums.device)
            *sums, total = group.total(torch.cat([self._sums, count])).unbind()
            self._sums.copy_(torch.stack(sums))
            self._count = int(total)

    def reset(self) -> None:
        """Start from zero."""
        self._sums.zero_()
        self._count = 0

    def state(self) -> dict[str, Any]:
        """Return sums and count."""
        return {"sums": self._sums.cpu(), "count": self._count}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the result of :meth:`state`."""
        self._sums.copy_(state["sums"])
        self._count = state["count"]
