"""What the user has selected on a screen: which epoch, cell, edge, curves and log lines."""

from __future__ import annotations

from dataclasses import dataclass

LOG_LEVELS = {
    "everything": ("info", "epoch", "warning", "failure", "detail"),
    "no epochs": ("info", "warning", "failure", "detail"),
    "warnings and failures": ("warning", "failure", "detail"),
}
"""The levels of lines that each filter of the log shows."""


@dataclass(frozen=True)
class RunSelection:
    """The selection on the Run screen.

    Attributes:
        epoch: the selected epoch; None for the newest.
        cell: the kind of cell; an unknown one means the first.
        curves: the index of the group of metrics whose curves are drawn.
        mark: the epoch that cells are compared with; None for the one before the last change.
        edge: the index of the selected edge; None for none.
        operation: the index of an operation of that edge; None for the derived one.
        log: the values of curves have a logarithmic axis.
        smooth: the number of epochs that a curve is averaged over.
    """

    epoch: int | None = None
    cell: str = ""
    curves: int = 0
    mark: int | None = None
    edge: int | None = None
    operation: int | None = None
    log: bool = False
    smooth: int = 1


@dataclass(frozen=True)
class LogSelection:
    """Which log lines are shown, and which search hit is selected.

    Attributes:
        level: a name of ``LOG_LEVELS``.
        text: the text to find, ignoring case; empty for none.
        hit: the index of the selected hit, counted from the end.
    """

    level: str = "everything"
    text: str = ""
    hit: int = 0

    def next_level(self) -> str:
        """Return the next level, which shows less; after the last, the first."""
        names = list(LOG_LEVELS)
        return names[(names.index(self.level) + 1) % len(names)]


@dataclass(frozen=True)
class CompareSelection:
    """The selection on the Compare screen.

    Attributes:
        metric: the metric whose curves are drawn; an unknown one means the first.
        epoch: the selected epoch; None for the newest of each run.
        cell: the kind of cell; an unknown one means the first.
        reference: the index of the run that the cells of the others are compared with.
    """

    metric: str = ""
    epoch: int | None = None
    cell: str = ""
    reference: int = 0
