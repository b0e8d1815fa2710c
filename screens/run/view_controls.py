"""Looking closer at a run: an edge and its operations, curves drawn otherwise, the log thinned and searched."""

from __future__ import annotations

import dataclasses

from runs.log.history import History
from screens.models.log import LogLook
from screens.models.selection import Look
from screens.run.exports import RunOnward
from screens.run.layout import Choice, Layout
from screens.views.epochs import selected_epoch
from screens.views.weights import weights_matrix
from screens.widgets.ask_line import AskLine

# Epochs that curves may be averaged over.
_SMOOTH = (1, 5, 20)


class RunLooking(RunOnward):
    """The keys that change what is looked at within an epoch."""

    _look: Look
    _log_look: LogLook
    _layout: Layout
    _choice: Choice

    @property
    def history(self) -> History:
        """What is known of the run."""
        raise NotImplementedError

    def _show(self) -> None:
        raise NotImplementedError

    def _choose(self, choice: Choice) -> None:
        raise NotImplementedError

    def action_edge(self, by: int) -> None:
        """Look at the next edge, or at the one before: its weights, its margin, its history."""
        rows = self._edges()
        if rows:
            edge = (0 if by > 0 else -1) if self._look.edge is None else self._look.edge + by
            self._look = dataclasses.replace(self._look, edge=edge % rows, operation=None)
            self._show()

    def action_operation(self, by: int) -> None:
        """Look at the next operation of the edge."""
        drawn = weights_matrix(self.history, self._look)
        if drawn is None or not drawn.columns:
            return
        if drawn.focus is None:
            self.action_edge(1)
            return
        self._look = dataclasses.replace(self._look, operation=(drawn.focus[1] + by) % len(drawn.columns))
        self._show()

    def action_no_edge(self) -> None:
        """Look at no edge any more."""
        self._look = dataclasses.replace(self._look, edge=None, operation=None)
        self._show()

    def _edges(self) -> int:
        chosen = selected_epoch(self.history, self._look)
        snapshot = chosen.event.architecture.get(chosen.kind) if chosen.event else None
        return len(snapshot.edges) if snapshot is not None else 0

    def action_log_axis(self) -> None:
        """Give the values of curves a logarithmic axis, or a plain one again."""
        self._look = dataclasses.replace(self._look, log=not self._look.log)
        self._show()

    def action_smooth(self) -> None:
        """Average curves over more epochs, and then over none again."""
        place = _SMOOTH.index(self._look.smooth) if self._look.smooth in _SMOOTH else 0
        self._look = dataclasses.replace(self._look, smooth=_SMOOTH[(place + 1) % len(_SMOOTH)])
        self._show()

    # The log

    def action_log_level(self) -> None:
        """Show less of the log, and then everything again."""
        self._log_look = dataclasses.replace(self._log_look, level=self._log_look.next_level(), hit=0)
        self._show_log()

    def action_find(self) -> None:
        """Ask for a text, and go to the last line of the log that has it."""

        def answered(wanted: str | None) -> None:
            if wanted is not None:
                self._log_look = dataclasses.replace(self._log_look, wanted=wanted.strip(), hit=0)
                self._show_log()

        self.app.push_screen(AskLine("Find in the log:", self._log_look.wanted), answered)

    def _show_log(self) -> None:
        if 6 not in self._layout.visible:
            self._choose(self._choice.press(6))
        self._show()
