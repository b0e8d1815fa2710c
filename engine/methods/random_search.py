"""Random search: cells drawn evenly, the best is kept (baselines.md, 7.10)."""

from __future__ import annotations

from typing import Any

from engine.method import Context
from engine.query.codec import Cell, Codec
from engine.query.dice import Dice
from engine.query.search import QuerySearch
from engine.query.shared import SharedSearch, search


def build(context: Context) -> QuerySearch | SharedSearch:
    """Return the search that the settings describe."""
    return search(context, RandomSearch)


class RandomSearch:
    """Draws with replacement, as the benchmark's own runs do: see :class:`engine.query.strategy.Strategy`."""

    def __init__(self, codec: Codec, dice: Dice) -> None:
        self._codec, self._dice = codec, dice

    def propose(self) -> Cell:
        """Draw a cell."""
        return self._codec.random(self._dice)

    def learn(self, cell: Cell, accuracy: float) -> None:
        """Learn nothing."""

    def shares(self) -> None:
        """Lean to nothing."""

    def extras(self) -> dict[str, Any]:
        """Tell nothing more."""
        return {}

    def state(self) -> dict[str, Any]:
        """Remember nothing."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Take nothing back."""
