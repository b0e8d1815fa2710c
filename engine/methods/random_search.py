"""Random search: cells drawn evenly, the best is kept (baselines.md, 7.10)."""

from __future__ import annotations

from typing import Any

from engine.black_box.encoding import Cell, Codec
from engine.black_box.one_shot import SharedSearch, search
from engine.black_box.rng import Dice
from engine.black_box.search import QuerySearch
from engine.method import Context


def build(context: Context) -> QuerySearch | SharedSearch:
    """Return the search that the settings describe."""
    return search(context, RandomSearch)


class RandomSearch:
    """Draws with replacement, as the benchmark's own runs do: see :class:`engine.black_box.optimizer.Strategy`."""

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
