"""A retraining of some steps in float64, alone or as a member of a group of processes.

Float64, because untrained networks with batch norm amplify float32's rounding by a factor of ten per step: two correct
computations soon diverge.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from engine.core.distributed import Group
from tests.engine.retraining import DRNAS, Retraining

BATCH = 16


def train(group: Group, pieces: int, steps: int, device: str = "cpu") -> dict[str, Tensor]:
    """Return the weights after training as a member of a group."""
    with in_float64():
        run = Retraining(
            DRNAS,
            group=group,
            device=device,
            epochs=1,
            image_size=8,
            image_limit=steps * BATCH,
            batch_size=BATCH,
            pieces=pieces,
            drop_path=0.3,
        )
        run.trainer.epochs = 2  # so that drop path is active
        forward = run.trainer.network.forward

        def of_doubles(images: Tensor, *rest: Any) -> Any:
            return forward(images.double(), *rest)

        run.trainer.network.forward = of_doubles  # type: ignore[method-assign]
        run.trainer.epoch = 1
        run.advance(steps)
        return dict(run.trainer.weights())


@contextmanager
def in_float64() -> Iterator[None]:
    """Create tensors in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
