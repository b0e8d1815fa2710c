"""The plan of a search: its stages, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.search.differentiable import DifferentiableSearch


@dataclass(frozen=True)
class Stage:
    """A stretch of epochs on one supernet.

    Attributes:
        epochs: how many.
        frozen_epochs: the first of them that train the weights alone.
        title: what a viewer shows.
        network: what this stage asks of the space's supernet beside the settings (depth, width, partial channels).
        leave: changes candidates, architecture and weights at the end of the stage (prune, widen, morph); None for the
            last. It ends with :meth:`DifferentiableSearch.build` for the stage that follows.
    """

    epochs: int
    frozen_epochs: int = 0
    title: str = "search"
    network: Mapping[str, Any] = field(default_factory=dict)
    leave: Callable[[DifferentiableSearch], None] | None = None
