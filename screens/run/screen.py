"""The Run screen: one run, live or past, with every pane at the same epoch."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal

from runs.errors import NastuiError
from runs.home import short_id
from runs.log.events import Entry, Progress
from runs.log.history import History
from runs.machine.meters import Machine, Meter
from runs.store.lock import owner_pid
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.status import Status
from screens import palette
from screens.actions.bindings import bindings
from screens.actions.screen import ActionScreen, background
from screens.engine_controls import EngineControls
from screens.formatting import clean
from screens.label_editing import edit_labels
from screens.models.panes import RUN_PANES
from screens.models.run import HeaderView
from screens.run.follow_ups import FollowUps
from screens.run.layout import LOWER, UPPER, arrange
from screens.run.panes import PaneInputs, pane_content
from screens.run.reader import RunReader
from screens.run.view_state import LOG, ViewState
from screens.views.alarms import alarms
from screens.views.cells import cell_view
from screens.views.epochs import genotype_text
from screens.views.header import header_view
from screens.widgets import wiring
from screens.widgets.ask_line import AskLine
from screens.widgets.chart import Chart
from screens.widgets.header import Header
from screens.widgets.heatmap import Heatmap
from screens.widgets.key_line import KeyLine
from screens.widgets.lines import Lines
from screens.widgets.log import Log
from screens.widgets.now import Now
from screens.widgets.pane import Pane, RuleView, Tab
from screens.widgets.panel import MethodPanel
from screens.widgets.scrubber import Scrubber, Track
from screens.widgets.wiring import Wiring

# A larger backlog is read in a thread, so that the screen still responds to keys.
_BACKLOG_BYTES = 200_000
_MACHINE_SECONDS = 2.0
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
        self._store, self._run_id = store, run_id
        self._reader: RunReader | None = None
        self._reading = False
        self._state = ViewState(lambda: self.history)
        self._engine = EngineControls(self)
        self._follow_ups = FollowUps(self, store)
        self._machine: Machine | None = None
        self._meter, self._measured_at = Meter(), 0.0
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
        self._open()
        self.every_tick(self._tick)

    def on_resize(self) -> None:
        """Lay the panes out for the new size."""
        self._arrange()

    def recolour(self) -> None:
        """Give the legends the colours of the new theme."""
        self._show()

    # Reading

    @property
    def record(self) -> Record | None:
        """The run, once it has been read."""
        return self._reader.record if self._reader else None

    @property
    def history(self) -> History:
        """The events of the run so far, folded."""
        return self._reader.history if self._reader else History()

    @property
    def log_notes(self) -> tuple[str, ...]:
        """Irregularities of the run's log, in sentences."""
        return self._reader.notes if self._reader else ()

    @background(group="reading")
    def _open(self) -> None:
        try:
            reader = RunReader(self._store.home, self._run_id)
        except (NastuiError, OSError) as error:
            self.deliver(self._fail_to_open, str(error))
            return
        self.deliver(self._begin, reader)

    def _begin(self, reader: RunReader) -> None:
        self._reader = reader
        self._arrange()
        self.refresh_bindings()

    def _fail_to_open(self, problem: str) -> None:
        message = f"{clean(problem)} q goes back"
        self._header.show(HeaderView(clean(self._run_id), "", None, "", "", 0.0, (), message))

    def _tick(self) -> None:
        """Apply new events, and redraw what they change."""
        if self._reader is None or self._reading or self.is_hidden:
            return
        if _MACHINE in self._layout.visible and time.monotonic() - self._measured_at > _MACHINE_SECONDS:
            self._measured_at = time.monotonic()
            self._measure_machine(self._reader)
        if self._reader.backlog() > _BACKLOG_BYTES:
            self._reading = True
            self._catch_up(self._reader)
        else:
            before = self._reader.record.shown_status, self._reader.problem
            self._take(self._reader, before, self._reader.update())

    @background(group="reading")
    def _catch_up(self, reader: RunReader) -> None:
        before = reader.record.shown_status, reader.problem
        entries = reader.update()
        self.deliver(self._take, reader, before, entries)

    @background(group="machine", exclusive=True)
    def _measure_machine(self, reader: RunReader) -> None:
        pid = owner_pid(reader.record.paths.lock) if reader.record.status.live else None
        self.deliver(self._take_machine, self._meter.look(pid))

    def _take_machine(self, machine: Machine) -> None:
        self._machine = machine
        self._show_pane(_MACHINE)

    def _take(self, reader: RunReader, before: tuple[Status, str], entries: list[Entry]) -> None:
        self._reading = False
        self._engine.note(reader.record, entries)
        changed = before != (reader.record.shown_status, reader.problem)
        if changed:
            self.refresh_bindings()
        if self._state.playback == "playing":
            self._state.play()
            self._show()
        elif changed or any(not isinstance(entry.event, Progress) for entry in entries):
            self._show()
        else:
            self._show_header()
            if entries:
                self._show_pane(_FIGURES)

    # Showing

    def _arrange(self) -> None:
        """Lay the panes out for the size and the selected pane."""
        view = cell_view(self.history, self._state.selection)
        rows = (wiring.rows(view.cell) if view.cell else 7) + 2
        width, height = self.size
        layout = self._layout = arrange(width, height - self._extra_header_rows, self._state.panes, rows)
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
        track = Track(epochs[-1].epoch if epochs else 0, state.selection.epoch, self._live, state.playback)
        self._scrubber.show(track)

    def _show_header(self) -> None:
        reader = self._reader
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
        log = self._reader.log if self._reader is not None and number == LOG else ()
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

    @property
    def _live(self) -> bool:
        return self.record is not None and self.record.status.live

    # The engine

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions that would have no effect on the run in its current state."""
        if not super().check_action(action, parameters):
            return False
        record = self.record
        match action:
            case "pause" | "checkpoint":
                return self._live or None
            case "stop":
                return (record is not None and (record.status.live or record.is_in_slurm)) or None
            case "resume":
                return (record is not None and (record.resumable or record.status is Status.PAUSED)) or None
            case "labels":
                return self.record is not None or None
        return True

    def action_pause(self) -> None:
        """Pause the engine, or resume it."""
        if self.record is not None:
            self._engine.pause([self.record])

    def action_resume(self) -> None:
        """Resume the run with the paused engine, or with a new one from the checkpoint."""
        if self.record is not None:
            self._engine.resume([self.record])

    @work
    async def action_stop(self) -> None:
        """Stop the engine with a checkpoint, after asking."""
        if self.record is not None:
            await self._engine.stop([self.record])

    def action_checkpoint(self) -> None:
        """Write a checkpoint now."""
        if self.record is not None:
            self._engine.checkpoint(self.record)

    # Epochs, cells, edges, curves

    def action_epoch(self, by: int) -> None:
        """Move the selected epoch of every pane."""
        self._state.move(by)
        self._show()

    def action_first(self) -> None:
        """Go to the first epoch."""
        self._state.first()
        self._show()

    def action_newest(self) -> None:
        """Go to the newest epoch and follow the run."""
        self._state.select_epoch(None)
        self._show()

    def on_scrubber_moved(self, event: Scrubber.Moved) -> None:
        """Go to the epoch that was clicked on the slider."""
        self._state.select_epoch(event.epoch)
        self._show()

    def action_hold(self) -> None:
        """Hold a live view, or follow the run again; play a past run."""
        self._state.hold(live=self._live)
        self._show()

    def action_mark(self) -> None:
        """Compare cells with the selected epoch, or with the last change again."""
        if self._state.mark():
            mark = self._state.selection.mark
            self.say(f"Cells are compared with {'their last change' if mark is None else f'epoch {mark}'}.")
            self._show()

    def action_kind(self, by: int) -> None:
        """Show the next kind of cell; in pane 1 the next curves, in the log the next hit."""
        self._state.next_kind(by)
        self._show()

    def action_curves(self, by: int) -> None:
        """Show the curves of the next metric."""
        self._state.next_curves(by)
        self._show()

    def action_edge(self, by: int) -> None:
        """Select the next edge: its weights, margin and history are shown."""
        self._state.next_edge(by)
        self._show()

    def action_operation(self, by: int) -> None:
        """Select the next operation of the edge."""
        self._state.next_operation(by)
        self._show()

    def action_log_axis(self) -> None:
        """Give curves a logarithmic axis, or a linear one again."""
        self._state.toggle_log_axis()
        self._show()

    def action_smooth(self) -> None:
        """Average curves over more epochs, then over none again."""
        self._state.next_smoothing()
        self._show()

    @property
    def selected_epoch(self) -> int | None:
        """The selected epoch, if it has a genotype."""
        event = self._state.selected.event
        return event.epoch if event is not None and event.genotype is not None else None

    # The log

    def action_log_level(self) -> None:
        """Show less of the log, then everything again."""
        self._state.next_log_level()
        self._show_log()

    @work
    async def action_find(self) -> None:
        """Ask for a text, and go to the last line of the log that contains it."""
        text = await self.ask(AskLine("Find in the log:", self._state.log.text))
        if text is not None:
            self._state.find(text)
            self._show_log()

    def _show_log(self) -> None:
        if LOG not in self._layout.visible:
            self._state.press(LOG)
            self._arrange()
        self._show()

    # Panes

    def action_pane(self, number: int) -> None:
        """Select a pane; selected again, it is maximised."""
        self._state.press(number)
        self._arrange()

    def action_zoom(self) -> None:
        """Maximise the selected pane, or restore it."""
        self.action_pane(self._state.panes.pane)

    def action_unzoom(self) -> None:
        """Show all panes."""
        self._state.all_panes()
        self._arrange()

    def action_next_pane(self, by: int) -> None:
        """Select the next pane."""
        self._state.next_pane(by)
        self._arrange()

    def action_scroll(self, by: int) -> None:
        """Scroll the selected pane."""
        content = self.pane().content
        if isinstance(content, Lines):
            content.scroll_relative(y=by, animate=False)

    def pane(self) -> Pane:
        """Return the selected pane."""
        return self._panes[self._state.panes.pane]

    # Copies, follow-ups, and leaving

    def action_copy(self) -> None:
        """Copy the genotype of the selected epoch, and name the file that contains it."""
        selected, record = self._state.selected, self.record
        if record is None or selected.event is None or selected.event.genotype is None:
            self.say("There is no genotype to copy yet.", "warning")
            return
        last = selected.index == len(self.history.epochs) - 1
        path = record.paths.genotype if last and record.paths.genotype.exists() else record.paths.events
        self.copy(genotype_text(selected.event), f"the genotype of epoch {selected.event.epoch}", path)

    def action_retrain(self) -> None:
        """Open the form that retrains the cell of the selected epoch."""
        if self.record is None or self.selected_epoch is None:
            self.say("There is no genotype to retrain yet.", "warning")
        else:
            self._follow_ups.retrain(self.record.id, self.selected_epoch)

    @work
    async def action_export(self) -> None:
        """Ask for a folder, then export the run into it."""
        if self.record is not None:
            await self._follow_ups.export(self.record.id)

    @work
    async def action_labels(self) -> None:
        """Edit the name and the note of the run; the header shows them at the next tick."""
        if self.record is not None:
            await edit_labels(self, self._store, self.record)

    def action_compare(self) -> None:
        """Ask for another run, then compare both."""
        if self.record is not None:
            self._follow_ups.compare(self.record)

    def picture_name(self) -> str:
        """Return the file name for a picture, made from the run and the epoch."""
        event = self._state.selected.event
        return f"nastui-{short_id(self._run_id)}-epoch-{event.epoch if event else 0}"

    def failed_in_background(self, group: str) -> None:
        """Continue reading at the next tick."""
        self._reading = False

    def action_back(self) -> None:
        """Show all panes; if they are visible, deselect the edge; if none is selected, leave."""
        if self._state.panes.zoomed:
            self.action_unzoom()
        elif self._state.selection.edge is not None:
            self._state.no_edge()
            self._show()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Go back; the run continues."""
        if self._live and self.record is not None:
            self.say(f"Run {short_id(self.record.id)} keeps running.")
        self.dismiss()
