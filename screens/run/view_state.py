"""What the Run screen shows of its run: the selected epoch, cell, edge, curves, lines of the log, and pane."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from runs.log.history import History
from screens.models.panes import RUN_PANES, PaneSelection
from screens.models.selection import LogSelection, RunSelection
from screens.views.epochs import SelectedEpoch, selected_epoch
from screens.views.weights import weights_matrix

Playback = Literal["", "held", "playing"]
CURVES, LOG = 1, 6
"""The panes in which the key for the next kind of cell does something else."""
# The numbers of epochs that curves can be averaged over.
_SMOOTH = (1, 5, 20)


class ViewState:
    """The selections of a Run screen. Methods change what is selected; the screen then redraws.

    Args:
        history: returns the history of the run.

    Attributes:
        selection: what the panes show.
        log: which lines of the log are shown.
        panes: which pane is selected.
        playback: whether a live view is held or a past run is playing.
    """

    def __init__(self, history: Callable[[], History]) -> None:
        self._history = history
        self.selection = RunSelection()
        self.log = LogSelection()
        self.panes = PaneSelection()
        self.playback: Playback = ""

    @property
    def selected(self) -> SelectedEpoch:
        """The selected epoch."""
        return selected_epoch(self._history(), self.selection)

    # Epochs

    def select_epoch(self, epoch: int | None, playback: Playback = "") -> None:
        """Select an epoch; None follows the newest."""
        self._change(epoch=epoch)
        self.playback = playback

    def move(self, by: int) -> None:
        """Move the selected epoch; after the last one follows the newest."""
        epochs = self._history().epochs
        index = self.selected.index + by
        if epochs:
            self.select_epoch(None if index >= len(epochs) else epochs[max(0, index)].epoch)

    def first(self) -> None:
        """Select the first epoch."""
        epochs = self._history().epochs
        self.select_epoch(epochs[0].epoch if epochs else None)

    def hold(self, *, live: bool) -> None:
        """Hold a live view, or let it follow the run again; play a past run, or stop playing."""
        epochs, epoch = self._history().epochs, self.selection.epoch
        if not epochs:
            return
        if self.playback == "held":
            self.select_epoch(None)
        elif self.playback == "playing":
            self.select_epoch(epoch)
        elif epoch is None and live:
            self.select_epoch(epochs[-1].epoch, "held")
        else:
            self.select_epoch(epoch or epochs[0].epoch, "playing")

    def play(self) -> None:
        """Advance by one epoch; playing ends at the last."""
        epochs, index = self._history().epochs, self.selected.index + 1
        if index >= len(epochs):
            self.select_epoch(None)
        else:
            self.select_epoch(epochs[index].epoch, "playing")

    def mark(self) -> bool:
        """Compare cells with the selected epoch, or with the last change again; return False if there is no epoch."""
        event = self.selected.event
        if event is None:
            return False
        marked = self.selection.mark is not None and self.selection.mark == event.epoch
        self._change(mark=None if marked else event.epoch)
        return True

    # Cells and edges

    def next_kind(self, by: int) -> None:
        """Select the next kind of cell; in the curves the next group of metrics, in the log the next hit."""
        if self.panes.pane == LOG and self.log.text:
            self.log = dataclasses.replace(self.log, hit=self.log.hit + by)
        elif self.panes.pane == CURVES:
            self.next_curves(by)
        elif kinds := self.selected.kinds:
            self._change(cell=kinds[(kinds.index(self.selected.kind) + by) % len(kinds)])

    def next_edge(self, by: int) -> None:
        """Select the next or the previous edge."""
        selected, edge = self.selected, self.selection.edge
        snapshot = selected.event.architecture.get(selected.kind) if selected.event else None
        if snapshot is not None and snapshot.edges:
            index = (0 if by > 0 else -1) if edge is None else edge + by
            self._change(edge=index % len(snapshot.edges), operation=None)

    def next_operation(self, by: int) -> None:
        """Select the next operation of the selected edge; if no edge is selected, select the first."""
        matrix = weights_matrix(self._history(), self.selection)
        if matrix is None or not matrix.columns:
            return
        if matrix.focus is None:
            self.next_edge(1)
        else:
            self._change(operation=(matrix.focus[1] + by) % len(matrix.columns))

    def no_edge(self) -> None:
        """Deselect the edge."""
        self._change(edge=None, operation=None)

    # Curves and log

    def next_curves(self, by: int) -> None:
        """Select the next group of metrics, or the previous one."""
        self._change(curves=self.selection.curves + by)

    def toggle_log_axis(self) -> None:
        """Give curves a logarithmic axis, or a linear one again."""
        self._change(log=not self.selection.log)

    def next_smoothing(self) -> None:
        """Average curves over more epochs; after the most, over none."""
        smooth = self.selection.smooth
        index = _SMOOTH.index(smooth) if smooth in _SMOOTH else 0
        self._change(smooth=_SMOOTH[(index + 1) % len(_SMOOTH)])

    def next_log_level(self) -> None:
        """Show less of the log; after the least, everything."""
        self.log = dataclasses.replace(self.log, level=self.log.next_level(), hit=0)

    def find(self, text: str) -> None:
        """Go to the last line of the log that contains a text."""
        self.log = dataclasses.replace(self.log, text=text.strip(), hit=0)

    # Panes

    def press(self, pane: int) -> None:
        """Select a pane by its number; pressed again, maximise it."""
        self.panes = self.panes.press(pane)

    def next_pane(self, by: int) -> None:
        """Select the next pane."""
        self.press(self.panes.after(by, len(RUN_PANES)))

    def all_panes(self) -> None:
        """Show all panes."""
        self.panes = dataclasses.replace(self.panes, zoomed=False)

    def _change(self, **changes: Any) -> None:
        self.selection = dataclasses.replace(self.selection, **changes)
