"""The DARTS cells with operations that a search discovers while it goes on (PR-DARTS)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.spaces.darts import Darts


class DiscoveringDarts(Darts):
    """A space whose columns become more; each keeps its place. See :class:`engine.spaces.space.SearchSpace`."""

    def know(self, operations: Iterable[str]) -> None:
        """Have these operations as the columns of what is built from now on."""
        self.entry = replace(self.entry, operations=tuple(operations))
