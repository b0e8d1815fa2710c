"""Local search: move to a better neighbour until there is none, then start again.

See docs/methods/baselines.md, "Local search".
"""

from __future__ import annotations

from functools import partial
from typing import Any

from engine.black_box.encoding import Cell, Codec
from engine.black_box.one_shot import OneShotSearch, make_search
from engine.black_box.optimizer import Optimizer
from engine.black_box.rng import Rng
from engine.black_box.search import BlackBoxSearch
from engine.method import Context
from runs.catalogue.methods.local_search import LocalSearchSettings


def build(context: Context[LocalSearchSettings]) -> BlackBoxSearch | OneShotSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    return make_search(context, partial(LocalSearch, patient=settings.move == "best"))


class LocalSearch(Optimizer):
    """Climbs from cell to cell. It asks for no cell twice until all cells are known.

    Args:
        codec: of the space.
        rng: draws the starts and the order of the neighbours.
        patient: evaluate all neighbours and move to the best; otherwise move to the first that is better.

    Attributes:
        current: the cell that the climb has reached, and its accuracy; None until a start has been evaluated.
        optima: the cells in which climbs ended, with their accuracies: none of the neighbours evaluated from there is
            better.
    """

    def __init__(self, codec: Codec, rng: Rng, *, patient: bool = False) -> None:
        self._codec, self._rng, self._patient = codec, rng, patient
        self.current: tuple[Cell, float] | None = None
        self.optima: list[tuple[Cell, float]] = []
        self._better: tuple[Cell, float] | None = None
        self._pending: list[Cell] = []
        self._known: set[Cell] = set()

    def ask(self) -> Cell:
        """Return an unknown neighbour, or a new start if the climb has ended."""
        while self.current is not None:
            if self._pending:
                return self._pending[0]
            if self._better is not None:
                self._climb(self._better)
            else:
                self.optima.append(self.current)
                self.current = None
        while (start := self._codec.random(self._rng)) in self._known and len(self._known) < self._codec.size:
            pass
        return start

    def tell(self, cell: Cell, accuracy: float) -> None:
        """Move to the cell if it is better, or keep it as the best neighbour so far."""
        self._known.add(cell)
        if self.current is None:
            self._climb((cell, accuracy))
            return
        self._pending.pop(0)
        _, highest = self._better or self.current
        if accuracy > highest:
            self._better = (cell, accuracy)
            if not self._patient:
                self._pending = []

    def extras(self) -> dict[str, Any]:
        """Return the current cell and the optima before it."""
        return {
            "current": None if self.current is None else _plain(self.current),
            "optima": [_plain(found) for found in self.optima],
        }

    def state(self) -> dict[str, Any]:
        """Return the climb in progress and the known cells."""
        return {
            **self.extras(),
            "better": None if self._better is None else _plain(self._better),
            "pending": [list(cell) for cell in self._pending],
            "known": [list(cell) for cell in self._known],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue a saved climb."""
        self.current, self._better = (
            None if found is None else (tuple(found[0]), found[1]) for found in (state["current"], state["better"])
        )
        self.optima = [(tuple(cell), accuracy) for cell, accuracy in state["optima"]]
        self._pending = [tuple(cell) for cell in state["pending"]]
        self._known = {tuple(cell) for cell in state["known"]}

    def _climb(self, found: tuple[Cell, float]) -> None:
        neighbours = self._codec.neighbours(found[0])
        ordered = [neighbours[index] for index in self._rng.permutation(len(neighbours))]
        self.current, self._better = found, None
        self._pending = [cell for cell in ordered if cell not in self._known]


def _plain(found: tuple[Cell, float]) -> tuple[list[int], float]:
    return list(found[0]), found[1]
