"""The Sweep screen: runs by values and seed, their curves, the cell they agree on, and values against the figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Static

from runs.errors import NotFoundError
from runs.fleet.queueing import Wait, waits
from runs.fleet.sweep_results import Results, results
from runs.fleet.sweep_store import SweepStore
from runs.formatting import count
from runs.store.record import Record
from runs.store.run_store import RunStore
from screens import palette
from screens.actions.bindings import bindings
from screens.actions.screen import background
from screens.destinations import OpenComparison, OpenQueue, OpenRun
from screens.engine_controls import EngineControls, can_stop
from screens.models.cells import CellView
from screens.models.panes import SWEEP_PANES
from screens.models.sweep import Consensus, MemberCurves
from screens.store_watch import StoreWatch
from screens.sweep.curve_reader import CurveReader
from screens.sweep_controls import SweepControls
from screens.views import sweep as sweep_view
from screens.widgets.ask_line import AskLine
from screens.widgets.chart import Chart
from screens.widgets.key_line import KeyLine
from screens.widgets.pane_screen import PaneScreen
from screens.widgets.parallel import Parallel
from screens.widgets.plot import legend
from screens.widgets.run_matrix import RunMatrixTable
from screens.widgets.wiring import Wiring

_CURVES = 2
_NO_CELL = "The cell that most finished runs agree on; none has finished yet."


@dataclass
class SweepRead(Message):
    """The sweep was read; None where nothing has changed."""

    results: Results | None
    waits: Mapping[str, Wait]
    consensuses: tuple[Consensus, ...]
    curves: MemberCurves | None


class SweepScreen(PaneScreen):
    """What the sweep is and how far it has got, above its runs; below them one other pane, or all if there is room.

    Args:
        store: where the runs are stored.
        sweep: the id of the sweep.
    """

    DEFAULT_CSS = """
    SweepScreen {
        layout: vertical; overflow: hidden;
        #top { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; color: $accent; text-style: bold; }
        #progress { height: auto; max-height: 2; padding: 0 1; }
        Pane { height: 1fr; width: 1fr; }
        Chart, Lines, Parallel, RunMatrixTable { height: 1fr; width: 1fr; }
        Rule { height: 1; }
        #lower { height: 1fr; width: 1fr; layout: vertical; }
        &.wide #lower { layout: grid; grid-size: 2 2; grid-rows: 1fr 1fr; }
        &.wide #pane-3 { row-span: 2; }
    }
    """
    SCOPE = "sweep"
    TITLES = SWEEP_PANES
    AUTO_FOCUS = "RunMatrixTable"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)

    def __init__(self, store: RunStore, sweep: str) -> None:
        super().__init__((RunMatrixTable(), Chart(), Wiring(), Parallel()))
        self._store, self.sweep_id = store, sweep
        self._sweeps, self._watch, self._reader = SweepStore(store), StoreWatch(store), CurveReader()
        self._engines = EngineControls(self, answered=self._tick)
        self._controls = SweepControls(self, store)
        self._reading = self._curves_wanted = False
        self._kept: tuple[tuple[str, ...], tuple[Consensus, ...]] = ((), ())
        self._results: Results | None = None
        self._waits: Mapping[str, Wait] = {}
        self._consensuses: tuple[Consensus, ...] = ()
        self._curves: MemberCurves | None = None
        self._kind = 0
        for number in self.choice.below:
            self.panes[number].display = False  # the first look comes before the layout, and reads no curves

    def compose(self) -> ComposeResult:
        """Yield what the sweep is, its progress, the panes and the keys."""
        yield Static("sweep · reading …", id="top")
        yield Static(id="progress")
        yield self.panes[1]
        yield self.lower_part()
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the sweep, then follow it."""
        self._tick()
        self.every_tick(self._tick)

    def on_screen_resume(self) -> None:
        """Read everything again: another screen may have noticed changes."""
        self._watch.read_all()

    @property
    def table(self) -> RunMatrixTable:
        """The runs."""
        return self.query_one(RunMatrixTable)

    # Reading

    def _tick(self) -> None:
        if not self._reading and not self.is_hidden:
            self._reading = True
            self._read(curves=self.panes[_CURVES].display)

    @background(group="read")
    def _read(self, curves: bool) -> None:
        found = self._watch.look()
        again = curves and not self._curves_wanted  # the pane has just been opened
        self._curves_wanted = curves
        if found is None and not again:
            self.post_message(SweepRead(None, {}, (), None))
            return
        sweep = self._sweeps.get(self.sweep_id)
        if sweep is None:
            raise NotFoundError(f"The sweep '{self.sweep_id}' is not there any more.", "See `nastui sweep list`.")
        queue = self._store.queue.read()
        read = results(sweep, self._store.known(), queue)
        finished = tuple(record.id for row in read.rows for record in row.finished)
        if finished != self._kept[0]:
            self._kept = finished, sweep_view.consensuses(read)
        drawn = self._reader.update(_in_order(read)) if curves else None
        self.post_message(SweepRead(read, waits(queue), self._kept[1], drawn))

    def failed_in_background(self, group: str) -> None:
        """Read again at the next tick; a sweep that is gone is not read again."""
        if group == "read" and self._sweeps.get(self.sweep_id) is not None:
            self._reading = False
            self._watch.read_all()

    def on_sweep_read(self, read: SweepRead) -> None:
        """Show what has changed."""
        self._reading, before = False, len(self._members)
        if read.results is not None:
            self._results, self._waits, self._consensuses = read.results, read.waits, read.consensuses
            self._curves = read.curves or self._curves
            if len(self._members) != before:
                self.arrange_panes()
            self.show_all()
            self.refresh_bindings()

    # Showing

    @property
    def _members(self) -> list[str]:
        return [cell.run for row in self._results.rows for cell in row.cells] if self._results else []

    def upper_rows(self, *, wide: bool) -> int:
        """Return the rows that the runs need, and no more than two fifths of the screen."""
        rows = len(self._results.rows if self._results and self._results.sweep.grid else self._members)
        return max(5, min(rows + 2, self.size.height * 2 // 5))

    def show_all(self) -> None:
        """Update everything that is visible; widgets draw only what has changed."""
        found = self._results
        if found is None:
            return
        self.query_one("#top", Static).update(Text(sweep_view.title(found)))
        self.query_one("#progress", Static).update(Text(sweep_view.progress(found)))
        for number in self.visible_panes:
            self._show_pane(number, found)

    def _show_pane(self, number: int, found: Results) -> None:
        content: Any = self.panes[number].content
        note, name = Text(style="dim"), self.TITLES[number]
        match number:
            case 1:
                content.show(sweep_view.matrix(found, self._waits))
            case 2 if self._curves is not None:
                drawn = sweep_view.curves(self._curves, found, self._row, self.table.highlighted)
                content.show(drawn)
                name, note = f"{drawn.title} {drawn.unit}".strip(), legend(drawn, palette.of(self.app))
                if self._curves.left_out:
                    name += f" of {len(self._curves.points)} runs"
            case 3:
                shown = self._consensuses[self._kind % len(self._consensuses)] if self._consensuses else None
                content.show(CellView(None, caption=(_NO_CELL,)) if shown is None else shown.view)
                if shown is not None:
                    name = f"agreed cell · {shown.title}"
            case 4:
                content.show(sweep_view.parallel(found, self._row))
        self.name_pane(number, name, note)

    @property
    def _row(self) -> int:
        """The index of the row of the results under the cursor."""
        return self.table.row if self._results and self._results.sweep.grid else 0

    @property
    def _record(self) -> Record | None:
        """The run under the cursor, if it exists."""
        run = self.table.highlighted
        found = self._results.records if self._results else []
        return next((record for record in found if record.id == run), None)

    def on_run_matrix_table_highlighted(self) -> None:
        """Draw the selected run and row in the other panes."""
        self.show_all()
        self.refresh_bindings()

    def on_run_matrix_table_opened(self, event: RunMatrixTable.Opened) -> None:
        """Open the run."""
        if self._record is not None:
            self.post_message(OpenRun(event.run))

    # Panes

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions that would have no effect."""
        if not super().check_action(action, parameters):
            return False
        if not self.is_mounted or self._results is None:
            return action in ("leave", "back") or None
        record = self._record
        match action:
            case "stop":
                return (record is not None and can_stop(record, self._waits)) or None
            case "stop_all":
                return any(can_stop(record, self._waits) for record in self._results.records) or None
            case "kind":
                return len(self._consensuses) > 1 or None
            case "compare":
                return len(self._of_row) > 1 or None
        return True

    def action_kind(self, by: int) -> None:
        """Show the next kind of cell."""
        self._kind += by
        self.show_all()

    def action_pane(self, number: int) -> None:
        """Select a pane; selected again, it is maximised."""
        super().action_pane(number)
        self._tick()

    def picture_name(self) -> str:
        """Return the file name for a picture."""
        return f"nastui-sweep-{self.sweep_id}"

    # Runs

    @work
    async def action_stop(self) -> None:
        """Stop the run under the cursor, or take it out of the queue, after asking."""
        if (record := self._record) is not None:
            await self._engines.stop([record], self._waits)

    @work
    async def action_stop_all(self) -> None:
        """Stop all runs of the sweep, and take the others out of the queue, after asking."""
        if self._results is not None:
            await self._engines.stop(self._results.records, self._results.waiting)

    def action_resume(self) -> None:
        """Queue what is missing, was lost or failed."""
        self._controls.resume(self.sweep_id)

    @work
    async def action_add_seeds(self) -> None:
        """Ask for further seeds, and queue their runs."""
        answer = await self.ask(AskLine("Add seeds to each combination, such as 10-19:", ""))
        if answer:
            self._controls.add_seeds(self.sweep_id, answer)

    @property
    def _of_row(self) -> list[Record]:
        """The runs of the selected row that have started; without a grid, of the whole sweep."""
        if self._results is None:
            return []
        row = self._results.rows[self._row] if self._row < len(self._results.rows) else None
        return [cell.record for cell in row.cells if cell.record and cell.record.summary.epoch] if row else []

    def action_compare(self) -> None:
        """Compare the runs of the selected row."""
        self.post_message(OpenComparison([record.id for record in self._of_row]))

    def action_queue(self) -> None:
        """Open the queue."""
        self.post_message(OpenQueue())

    def action_copy(self) -> None:
        """Copy the results as text."""
        if self._results is not None:
            self.copy(sweep_view.text(self._results), f"the results of {count(len(self._members), 'run')}")


def _in_order(found: Results) -> list[Record]:
    """Return the runs that exist, in the order in which they are to run: the first seed of each row first."""
    by_id = {record.id: record for record in found.records}
    return [by_id[member.run] for member in found.sweep.members if member.run in by_id]
