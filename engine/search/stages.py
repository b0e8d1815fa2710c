"""The plan of a search: its stages, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


@dataclass(frozen=True)
class Stage:
    """A stretch of epochs on one supernet.

    Attributes:
        epochs: how many.
        frozen_epochs: the first of them that train the weights alone.
        title: what a viewer shows.
        network: what this stage asks of the space's supernet beside the settings (depth, width, partial channels).
        leave: changes candidates, architecture and weights at the end of the stage (prune, widen, morph); None for the
            last. It is called in the stage that follows, and builds for it: :meth:`DifferentiableSearch.build`.
        evaluated_epochs: the last of them that measure the search accuracy; 0 leaves that to the settings.
    """

    epochs: int
    frozen_epochs: int = 0
    title: str = "search"
    network: Mapping[str, Any] = field(default_factory=dict)
    leave: Callable[[DifferentiableSearch], None] | None = None
    evaluated_epochs: int = 0


def place(lengths: Sequence[int], epoch: int) -> tuple[int, int]:
    """Return the stage that an epoch of the run belongs to, and its number inside that stage; both from 0.

    Raises:
        IndexError: the stages together have no such epoch.
    """
    stage = 0
    while epoch >= lengths[stage]:
        epoch -= lengths[stage]
        stage += 1
    return stage, epoch
