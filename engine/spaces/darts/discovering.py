"""The DARTS cells with operations that a search discovers as it proceeds (PR-DARTS)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.spaces.darts import Darts


class DiscoveringDarts(Darts):
    """A space that gains columns during a search. The earlier ones keep their indices."""

    def know(self, operations: Iterable[str]) -> None:
        """Make these operations the columns of everything that is built from now on."""
        self.entry = replace(self.entry, operations=tuple(operations))
