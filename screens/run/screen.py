"""The Run screen: one run, live or past, with every pane at the same epoch."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal

from runs.home import short_id
from runs.log.events import Progress
from runs.log.history import History
from runs.machine.meters import Machine
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.status import Status
from screens import palette
from screens.actions.bindings import bindings
from screens.actions.screen import ActionScreen
from screens.engine_controls import EngineControls
from screens.formatting import clean
from screens.models.panes import RUN_PANES
from screens.models.run import HeaderView
from screens.run.cell_actions import CellActions
from screens.run.curve_actions import CurveActions
from screens.run.engine_actions import EngineActions
from screens.run.epoch_actions import EpochActions
from screens.run.follow_up_actions import FollowUpActions
from screens.run.layout import LOWER, UPPER, arrange
from screens.run.log_actions import LogActions
from screens.run.pane_actions import PaneActions
from screens.run.panes import PaneInputs, pane_content
from screens.run.run_watch import MachineMeasured, RunOpened, RunRead, RunWatch
from screens.run.view_state import LOG, ViewState
from screens.views.alarms import alarms
from screens.views.cells import cell_view
from screens.views.header import header_view
from screens.widgets import wiring
from screens.widgets.chart import Chart
from screens.widgets.header import Header
from screens.widgets.heatmap import Heatmap
from screens.widgets.key_line import KeyLine
from screens.widgets.log import Log
from screens.widgets.now import Now
from screens.widgets.pane import Pane, RuleView, Tab
from screens.widgets.panel import MethodPanel
from screens.widgets.scrubber import Scrubber, Track
from screens.widgets.wiring import Wiring

_FIGURES, _MACHINE = 2, 7


class RunScreen(ActionScreen[None]):
    """Shows a run and controls its engine. Leaving the screen does not affect the run.

    Args:
        store: where the run is stored.
        run_id: its id, or a unique prefix.
    """

    SCOPE = "run"
    CSS_PATH = "run.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")

    def __init__(self, store: RunStore, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id
        self._watch = RunWatch(self, store.home, run_id)
        self._state = ViewState(lambda: self.history, changed=self._show, panes_changed=self._arrange)
        self._machine: Machine | None = None
        self._extra_header_rows = 0
        self._layout = arrange(80, 24, self._state.panes, 8)
        self._panes = {
            1: Pane(1, RUN_PANES[1], Chart()),
            2: Pane(2, RUN_PANES[2], Now()),
            3: Pane(3, RUN_PANES[3], Wiring()),
            4: Pane(4, RUN_PANES[4], Heatmap()),
            5: Pane(5, RUN_PANES[5], MethodPanel()),
            6: Pane(6, RUN_PANES[6], Log()),
            7: Pane(7, RUN_PANES[7], Now("measuring …")),
        }
        self._header, self._scrubber = Header(), Scrubber()
        self._engine = EngineControls(self)
        self._epochs = EpochActions(self, self._state, lambda: self._watch.is_live)
        self._cells = CellActions(self._state)
        self._pane_actions = PaneActions(self._state, self._panes)
        self.add_actions(
            self._epochs,
            self._cells,
            self._pane_actions,
            CurveActions(self._state),
            LogActions(self, self._state),
            EngineActions(self._engine, lambda: self.record),
            FollowUpActions(self, store, self._state, lambda: self.record),
        )

    def compose(self) -> ComposeResult:
        """Yield the header, the panes, the slider and the keys."""
        yield self._header
        with Horizontal(id="upper"):
            yield from (self._panes[number] for number in UPPER)
        with Container(id="lower"):
            yield from (self._panes[number] for number in LOWER)
        yield self._scrubber
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the run, then follow it."""
        self._header.show(
            HeaderView("reading the log", short_id(clean(self._run_id)), Status.QUEUED, "", "", 0.0, (), "")
        )
        self._watch.open()
        self.every_tick(self._tick)

    def on_resize(self) -> None:
        """Lay the panes out for the new size."""
        self._arrange()

    def recolour(self) -> None:
        """Give the legends the colours of the new theme."""
        self._show()

    @property
    def record(self) -> Record | None:
        """The run, once it has been read."""
        return self._watch.record

    @property
    def history(self) -> History:
        """The events of the run so far, folded."""
        return self._watch.history

    @property
    def log_notes(self) -> tuple[str, ...]:
        """Irregularities of the run's log, in sentences."""
        return self._watch.notes

    @property
    def selected_epoch(self) -> int | None:
        """The selected epoch; None before the first."""
        event = self._state.selected.event
        return event.epoch if event is not None else None

    def pane(self) -> Pane:
        """Return the selected pane."""
        return self._panes[self._state.panes.pane]

    def picture_name(self) -> str:
        """Return the file name for a picture, made from the run and the epoch."""
        return f"nastui-{short_id(self._run_id)}-epoch-{self.selected_epoch or 0}"

    # Reading

    def _tick(self) -> None:
        if not self.is_hidden:
            self._watch.look(measure=_MACHINE in self._layout.visible)

    def on_run_opened(self, opened: RunOpened) -> None:
        """Show the run, or say why it cannot be read."""
        if opened.problem:
            message = f"{clean(opened.problem)} q goes back"
            self._header.show(HeaderView(clean(self._run_id), "", None, "", "", 0.0, (), message))
        else:
            self._arrange()
            self.refresh_bindings()

    def on_run_read(self, read: RunRead) -> None:
        """Redraw what new events change."""
        if self.record is not None:
            self._engine.note(self.record, read.entries)
        if read.changed:
            self.refresh_bindings()
        if self._state.playback == "playing":
            self._epochs.play()
        elif read.changed or any(not isinstance(entry.event, Progress) for entry in read.entries):
            self._show()
        else:
            self._show_header()
            if read.entries:
                self._show_pane(_FIGURES)

    def on_machine_measured(self, measured: MachineMeasured) -> None:
        """Show the machine."""
        self._machine = measured.machine
        self._show_pane(_MACHINE)

    def on_scrubber_moved(self, event: Scrubber.Moved) -> None:
        """Go to the epoch that was clicked on the slider."""
        self._epochs.select(event.epoch)

    # Showing

    def _arrange(self) -> None:
        """Lay the panes out for the size and the selected pane."""
        view = cell_view(self.history, self._state.selection)
        rows = (wiring.rows(view.cell) if view.cell else 7) + 2
        width, height = self.size
        layout = self._layout = arrange(width, height - self._extra_header_rows, self._state.panes, rows)
        self._state.visible = layout.visible
        for number, pane in self._panes.items():
            pane.display = number in layout.visible
            pane.set_class(len(layout.visible) == 1, "alone")
        upper, lower = self.query_one("#upper"), self.query_one("#lower")
        upper.display, lower.display = bool(layout.visible & {*UPPER}), bool(layout.visible & {*LOWER})
        upper.styles.height = "1fr" if layout.top is None else layout.top
        lower.styles.grid_rows = f"{layout.middle} 1fr"
        self.set_class(layout.wide, "wide")
        self.call_after_refresh(self._show)  # the new sizes are known only after the layout

    def _show(self) -> None:
        """Update everything that is visible; widgets draw only what has changed."""
        self._show_header()
        for number in sorted(self._layout.visible):
            self._show_pane(number)
        epochs, state = self.history.epochs, self._state
        track = Track(epochs[-1].epoch if epochs else 0, state.selection.epoch, self._watch.is_live, state.playback)
        self._scrubber.show(track)

    def _show_header(self) -> None:
        reader = self._watch.reader
        if reader is None:
            return
        found = (*reader.notes, *alarms(reader.history, self._state.selection))
        self._header.show(header_view(reader.record, reader.history, time.time(), reader.problem, found, reader.wait))
        if self._header.more != self._extra_header_rows:
            self._extra_header_rows = self._header.more
            self._arrange()

    def _show_pane(self, number: int) -> None:
        if number not in self._layout.visible:
            return
        pane, state = self._panes[number], self._state
        widget: Any = pane.content
        log = self._watch.log if number == LOG else ()
        inputs = PaneInputs(self.record, self.history, log, state.selection, state.log, self._machine)
        content = pane_content(number, inputs, palette.of(self.app), widget.size.height)
        widget.show(content.view)
        tabs = (
            Tab(
                other,
                content.title if other == number else RUN_PANES[other],
                other == number,
                other == number == state.panes.pane,
            )
            for other in self._layout.tabs[number]
        )
        pane.rule.show(RuleView(tuple(tabs), content.note))

    # Leaving

    def action_back(self) -> None:
        """Show all panes; if they are visible, deselect the edge; if none is selected, leave."""
        if self._state.panes.zoomed:
            self._pane_actions.action_unzoom()
        elif not self._cells.leave_edge():
            self.action_leave()

    def action_leave(self) -> None:
        """Go back; the run continues."""
        if self._watch.is_live and self.record is not None:
            self.say(f"Run {short_id(self.record.id)} keeps running.")
        self.dismiss()
