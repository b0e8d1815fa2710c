"""Random search: draw cells uniformly and keep the best.

See docs/methods/baselines.md, "Random search".
"""

from __future__ import annotations

from engine.black_box.encoding import Cell, Codec
from engine.black_box.one_shot import OneShotSearch, make_search
from engine.black_box.optimizer import Optimizer
from engine.black_box.rng import Rng
from engine.black_box.search import BlackBoxSearch
from engine.method import Context
from runs.catalogue.black_box import QuerySettings


def build(context: Context[QuerySettings]) -> BlackBoxSearch | OneShotSearch:
    """Return the search that the settings describe."""
    return make_search(context, RandomSearch)


class RandomSearch(Optimizer):
    """Draws with replacement, as the benchmark's own runs do.

    Args:
        codec: of the space.
        rng: draws the cells.
    """

    def __init__(self, codec: Codec, rng: Rng) -> None:
        self._codec, self._rng = codec, rng

    def ask(self) -> Cell:
        """Draw a cell."""
        return self._codec.random(self._rng)

    def tell(self, cell: Cell, accuracy: float) -> None:
        """Ignore the accuracy."""
