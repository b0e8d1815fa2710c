"""Loss and accuracy summed on the device: nothing is read back until somebody asks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Meter:
    """Sums cross-entropy and hits over images."""

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(2, dtype=torch.float64, device=device)
        self._count = 0

    def add(self, loss: Tensor, scores: Tensor, labels: Tensor) -> None:
        """Take in a batch: its mean loss, its class scores [B, classes], its labels [B]."""
        hits = (scores.argmax(1) == labels).sum()
        self._sums += torch.stack([loss.detach().double() * len(labels), hits.double()])
        self._count += len(labels)

    def read(self, prefix: str) -> dict[str, float]:
        """Return accuracy in percent and loss in nats, named after ``prefix``; empty before the first batch."""
        if not self._count:
            return {}
        loss, hits = (self._sums / self._count).tolist()
        return {f"{prefix}_accuracy": 100 * hits, f"{prefix}_loss": loss}

    def reset(self) -> None:
        """Begin anew."""
        self._sums.zero_()
        self._count = 0

    def state(self) -> dict[str, Any]:
        """Return sums and count."""
        return {"sums": self._sums.cpu(), "count": self._count}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from sums and count."""
        self._sums.copy_(state["sums"])
        self._count = state["count"]
