"""``python -m tests.engine.twenty_steps FILE PIECES``: train twenty steps in float64 and save the weights.

Float64, because untrained networks with batch norm amplify float32's rounding by a factor of ten per step: two correct
computations diverge long before the twentieth.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from engine.core import distributed
from engine.core.distributed import Group
from tests.engine.retraining import DRNAS, Retraining

STEPS, BATCH = 20, 16


def train(group: Group, pieces: int, device: str = "cpu") -> dict[str, Tensor]:
    """Return the weights after training as a member of a group."""
    with _float64():
        run = Retraining(
            DRNAS,
            group=group,
            device=device,
            epochs=1,
            image_limit=STEPS * BATCH,
            batch_size=BATCH,
            pieces=pieces,
            drop_path=0.3,
        )
        run.trainer.epochs = 2  # so that drop path is active
        forward = run.trainer.network.forward

        def in_float64(images: Tensor, *rest: Any) -> Any:
            return forward(images.double(), *rest)

        run.trainer.network.forward = in_float64  # type: ignore[method-assign]
        run.trainer.epoch = 1
        run.advance(STEPS)
        return dict(run.trainer.weights())


@contextmanager
def _float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def main(file: str, pieces: int) -> None:
    """Train as a member of the group that the environment describes."""
    group = distributed.join()
    weights = train(group, pieces)
    if group.leads:
        torch.save(weights, file)
    group.leave()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
