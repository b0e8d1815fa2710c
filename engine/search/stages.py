"""The stages of a search, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.search.step import Transition


@dataclass(frozen=True)
class Stage:
    """A stretch of epochs on one supernet.

    Attributes:
        epochs: how many.
        frozen_epochs: the first of them that train the weights alone.
        title: for viewers.
        network: options of the space's supernet beside the settings (depth, width, partial channels).
        transition: how the stage ends (prune, widen, morph); None goes on with the same state.
        evaluated_epochs: the last of them that measure the search accuracy; 0 leaves that to the settings.
    """

    epochs: int
    frozen_epochs: int = 0
    title: str = "search"
    network: Mapping[str, Any] = field(default_factory=dict)
    transition: Transition | None = None
    evaluated_epochs: int = 0


def locate(lengths: Sequence[int], epoch: int) -> tuple[int, int]:
    """Return the stage that an epoch of the run belongs to, and its number inside that stage; both from 0.

    Raises:
        IndexError: the stages together have no such epoch.
    """
    stage = 0
    while epoch >= lengths[stage]:
        epoch -= lengths[stage]
        stage += 1
    return stage, epoch
