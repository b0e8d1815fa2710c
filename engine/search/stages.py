"""The stages of a search, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.search.step import Transition


@dataclass(frozen=True)
class Stage:
    """A stretch of epochs on one supernet.

    Attributes:
        epochs: the number of epochs.
        frozen_epochs: how many epochs at the start train only the weights.
        title: for viewers.
        network: overrides of the settings for the space's supernet (depth, width, partial channels).
        transition: how the stage ends (prune, widen, morph); None continues with the same state.
        evaluated_epochs: how many epochs at the end measure the search accuracy; 0 leaves that to the settings.
    """

    epochs: int
    frozen_epochs: int = 0
    title: str = "search"
    network: Mapping[str, Any] = field(default_factory=dict)
    transition: Transition | None = None
    evaluated_epochs: int = 0


def locate(lengths: Sequence[int], epoch: int) -> tuple[int, int]:
    """Return the stage of an epoch of the run, and the number of the epoch within that stage; both from 0.

    Raises:
        IndexError: the stages together have no such epoch.
    """
    stage = 0
    while epoch >= lengths[stage]:
        epoch -= lengths[stage]
        stage += 1
    return stage, epoch
