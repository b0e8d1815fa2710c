"""What the Run screen shows of its run: the selected epoch, cell, edge, curves, lines of the log, and pane."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from runs.log.history import History
from screens.models.panes import PaneSelection
from screens.models.selection import LogSelection, RunSelection
from screens.views.epochs import SelectedEpoch, selected_epoch

Playback = Literal["", "held", "playing"]
CURVES, LOG = 1, 6
"""The panes in which the key for the next kind of cell does something else."""


class ViewState:
    """The selections of a Run screen.

    Args:
        history: returns the history of the run.
        changed: called after something else is selected.
        panes_changed: called after another pane is selected, or one is maximised or restored.

    Attributes:
        selection: what the panes show.
        log: which lines of the log are shown.
        panes: which pane is selected.
        playback: whether a live view is held or a past run is playing.
        visible: the panes that the screen has room for.
    """

    def __init__(
        self, history: Callable[[], History], changed: Callable[[], object], panes_changed: Callable[[], object]
    ) -> None:
        self._history, self._changed, self._panes_changed = history, changed, panes_changed
        self.selection = RunSelection()
        self.log = LogSelection()
        self.panes = PaneSelection()
        self.playback: Playback = ""
        self.visible: frozenset[int] = frozenset()

    @property
    def history(self) -> History:
        """The history of the run."""
        return self._history()

    @property
    def selected(self) -> SelectedEpoch:
        """The selected epoch."""
        return selected_epoch(self.history, self.selection)

    def select(self, **fields: Any) -> None:
        """Change the selection.

        Args:
            fields: the fields of :class:`RunSelection` that change.
        """
        self.selection = dataclasses.replace(self.selection, **fields)
        self._changed()

    def select_log(self, **fields: Any) -> None:
        """Show other lines of the log.

        Args:
            fields: the fields of :class:`LogSelection` that change.
        """
        self.log = dataclasses.replace(self.log, **fields)
        self._changed()

    def select_panes(self, panes: PaneSelection) -> None:
        """Select another pane, or maximise or restore one."""
        self.panes = panes
        self._panes_changed()
