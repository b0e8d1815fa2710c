"""The interface of a black-box optimiser: which cell to evaluate next, given the accuracies of earlier ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from engine.black_box.encoding import Cell


class Optimizer(ABC):
    """Chooses cells, one at a time. It need not keep the best: the search does.

    The search calls :meth:`ask` and :meth:`tell` strictly in turn: each requested cell is evaluated and its accuracy
    told before the next cell is requested. :meth:`distribution` and :meth:`extras` are called at the end of an epoch,
    always after a ``tell``. :meth:`state` is called between two units of work: before an ``ask``, or between an ``ask``
    and its ``tell`` if an evaluation takes several units; the search itself keeps the cell that is being evaluated.
    :meth:`load` is called at most once, on a new optimiser with the same arguments, before anything else.

    All random numbers must come from the :class:`engine.black_box.rng.Rng` that the optimiser is made with, whose state
    the runtime keeps.
    """

    @abstractmethod
    def ask(self) -> Cell:
        """Return the cell to evaluate next."""

    @abstractmethod
    def tell(self, cell: Cell, accuracy: float) -> None:
        """Take the accuracy, in percent, of the cell that :meth:`ask` returned last."""

    def distribution(self) -> list[list[float]] | None:
        """Return the probability of each alternative, choices x alternatives, rows that sum to 1; None if undefined."""
        return None

    def extras(self) -> dict[str, Any]:
        """Return what this optimiser adds to the event of an epoch, as plain values."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return everything that :meth:`load` needs, except the state of the generator."""
        return {}

    def load(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Restore a saved state."""
