"""The Compare screen: the curves of several runs, what differs between them, and their ranking."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Static

from runs.errors import NastuiError
from runs.formatting import count
from runs.home import short_id
from runs.store.run_store import RunStore
from screens import palette
from screens.actions.bindings import bindings
from screens.compare.reader import ComparisonReader
from screens.destinations import OpenRun
from screens.exports import csv_text, save
from screens.formatting import brief, clean
from screens.models.compare import Comparison
from screens.models.panes import COMPARE_PANES
from screens.models.selection import CompareSelection
from screens.pictures import save_picture
from screens.views import comparison as compare_view
from screens.widgets.cells import Cells
from screens.widgets.chart import Chart
from screens.widgets.compared_runs import ComparedRuns
from screens.widgets.grid import Grids
from screens.widgets.key_line import KeyLine
from screens.widgets.pane_screen import PaneScreen
from screens.widgets.pick_one import PickOne
from screens.widgets.plot import legend
from screens.widgets.scrubber import Scrubber, Track


@dataclasses.dataclass
class RunsRead(Message):
    """The runs were read; None if nothing has changed."""

    compared: Comparison | None


class CompareScreen(PaneScreen):
    """Runs by letter, their curves, and below them the differences, cells, ranking and results of papers.

    Args:
        store: where the runs are stored.
        ids: their ids, or unique prefixes.
    """

    DEFAULT_CSS = """
    CompareScreen {
        layout: vertical; overflow: hidden;
        #top { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; color: $accent; text-style: bold; }
        #message { height: auto; max-height: 2; padding: 0 1; text-style: dim; display: none; }
        Pane { height: 1fr; width: 1fr; }
        Chart, Lines { height: 1fr; width: 1fr; }
        Scrubber, Rule { height: 1; }
        #lower { height: 1fr; width: 1fr; layout: vertical; }
        &.wide #lower { layout: grid; grid-size: 2 2; grid-rows: 3fr 2fr; }
    }
    """
    SCOPE = "compare"
    TITLES = COMPARE_PANES
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)

    def __init__(self, store: RunStore, ids: Sequence[str]) -> None:
        super().__init__((Chart(), Grids(), Cells(), Grids(), Grids()))
        self._store, self.run_ids = store, list(ids)
        self._reader: ComparisonReader | None = None
        self._reading = False
        self._selection = CompareSelection()
        self._compared = Comparison()
        self._runs, self._scrubber = ComparedRuns(), Scrubber()

    def compose(self) -> ComposeResult:
        """Yield the runs, the panes, the slider and the keys."""
        yield Static("compare · reading …", id="top")
        yield self._runs
        yield Static(id="message")
        yield self.panes[1]
        yield self.lower_part()
        yield self._scrubber
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the runs, then follow them."""
        self._tick()
        self.every_tick(self._tick)

    # Reading

    def _tick(self) -> None:
        if not self._reading and not self.is_hidden:
            self._reading = True
            self._read()

    @work(thread=True, exit_on_error=False, group="reading")
    def _read(self) -> None:
        if self._reader is None:
            self._reader = ComparisonReader(self._store.home, self.run_ids)
        self.post_message(RunsRead(self._reader.update()))

    def failed_in_background(self, group: str) -> None:
        """Read again at the next tick."""
        self._reading = False

    def on_runs_read(self, read: RunsRead) -> None:
        """Show what has changed."""
        self._reading = False
        if read.compared is not None:
            before, self._compared = len(self._compared.runs), read.compared
            if before != len(self._compared.runs):
                self.arrange_panes()
            self.show_all()
            self.refresh_bindings()

    # Showing

    def arrange_panes(self) -> None:
        """Lay the runs and the panes out for the size and the selected pane."""
        self._runs.styles.height = self._run_rows
        super().arrange_panes()

    @property
    def _run_rows(self) -> int:
        return min(max(1, len(self._compared.runs)), max(1, self.size.height // 6))

    def upper_rows(self, *, wide: bool) -> int:
        """Return two fifths of the rows below the runs for the curves, or a little more if only one pane follows."""
        return max(6, (self.size.height - self._run_rows - 3) * (2 if wide else 9) // (5 if wide else 20))

    def show_all(self) -> None:
        """Update everything that is visible; widgets draw only what has changed."""
        compared, selection = self._compared, self._selection
        what = [
            "compare",
            count(len(compared.runs), "run") if compared.runs else "no run",
            *compare_view.common(compared),
        ]
        self.query_one("#top", Static).update(Text(" · ".join(what)))
        message = " · ".join(clean(problem) for problem in (*compared.problems, *compared.content.get("remarks", [])))
        line = self.query_one("#message", Static)
        line.display = bool(message)
        line.update(Text(message))
        self._runs.show(compare_view.run_lines(compared, selection))
        for number in self.visible_panes:
            self._show_pane(number)
        self._scrubber.show(Track(compare_view.last_epoch(compared), selection.epoch, self._live))

    def _show_pane(self, number: int) -> None:
        compared, selection = self._compared, self._selection
        content: Any = self.panes[number].content
        note, title = Text(style="dim"), self.TITLES[number]
        match number:
            case 1:
                drawn = compare_view.curves(compared, selection)
                content.show(drawn)
                title, note = f"{drawn.title} {drawn.unit}".strip(), legend(drawn, palette.of(self.app))
            case 2:
                content.show(compare_view.settings(compared))
            case 3:
                content.show(compare_view.cells(compared, selection))
                if len(compare_view.kinds(compared, selection)) > 1:
                    title += f" · {brief(compare_view.chosen_kind(compared, selection))}"
            case 4:
                content.show(compare_view.ranks(compared, selection))
            case 5:
                content.show(compare_view.published(compared))
        self.name_pane(number, title, note)

    @property
    def _live(self) -> bool:
        return any(run.record.status.live for run in self._compared.runs)

    # Metrics, epochs, cells

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions that would have no effect."""
        if not super().check_action(action, parameters):
            return False
        match action:
            case "epoch" | "first" | "newest":
                return bool(compare_view.last_epoch(self._compared)) or None
            case "metric":
                return len(compare_view.metrics(self._compared)) > 1 or None
            case "reference":
                return len(self._compared.runs) > 1 or None
            case "copy" | "save" | "run":
                return bool(self._compared.runs) or None
        return True

    def action_metric(self, by: int) -> None:
        """Draw another metric."""
        names = compare_view.metrics(self._compared)
        index = names.index(compare_view.chosen_metric(self._compared, self._selection)) + by
        self._change(metric=names[index % len(names)])

    def action_epoch(self, by: int) -> None:
        """Move the selected epoch of every run."""
        last = compare_view.last_epoch(self._compared)
        epoch = (last if self._selection.epoch is None else self._selection.epoch) + by
        self._change(epoch=None if epoch > last else max(1, epoch))

    def action_first(self) -> None:
        """Go to the first epoch."""
        self._change(epoch=1)

    def action_newest(self) -> None:
        """Go to the newest epoch of each run, and follow them."""
        self._change(epoch=None)

    def on_scrubber_moved(self, event: Scrubber.Moved) -> None:
        """Go to the epoch that was clicked on the slider."""
        self._change(epoch=event.epoch)

    def action_kind(self, by: int) -> None:
        """Show the next kind of cell."""
        known = compare_view.kinds(self._compared, self._selection)
        if known:
            index = known.index(compare_view.chosen_kind(self._compared, self._selection)) + by
            self._change(cell=known[index % len(known)])

    def action_reference(self) -> None:
        """Compare the cells with those of the next run."""
        self._change(reference=(self._selection.reference + 1) % len(self._compared.runs))

    def _change(self, **change: Any) -> None:
        self._selection = dataclasses.replace(self._selection, **change)
        self.show_all()

    @work
    async def action_run(self) -> None:
        """Open one of the runs."""
        lines = compare_view.run_lines(self._compared, self._selection)
        entries = [(line.letter, f"{line.id} {line.title}") for line in lines]
        chosen = await self.ask(PickOne("Open which run?", entries))
        if chosen is not None:
            self.post_message(OpenRun(self._compared.runs[compare_view.LETTERS.index(chosen)].record.id))

    # Copies, files and leaving

    @property
    def _stem(self) -> str:
        return "-".join(["nastui-compare", *(short_id(run.record.id) for run in self._compared.runs[:4])])

    def action_copy(self) -> None:
        """Copy the comparison as text, and save it too, as not every terminal supports copying."""
        text = compare_view.text(self._compared)
        try:
            self.copy(text, "the comparison", save(text, self._stem, ".txt"))
        except NastuiError as error:
            self.copy(text, "the comparison")
            self.say(str(error), "error")

    def picture_name(self) -> str:
        """Return the file name for a picture, made from the runs."""
        return self._stem

    @work
    async def action_save(self) -> None:
        """Save the comparison as text, the selected pane as CSV, or the screen as a picture."""
        forms = [
            ("text", "the whole comparison, as `nastui runs compare` prints it"),
            (
                "csv",
                f"{self.TITLES[self.choice.pane]} as a table"
                + (": every metric of every epoch" if self.choice.pane == 1 else ""),
            ),
            ("svg", "a picture of the screen"),
        ]
        form = await self.ask(PickOne("Save what?", forms))
        match form:
            case "text":
                self._say_saved(lambda: f"Saved {save(compare_view.text(self._compared), self._stem, '.txt')}")
            case "csv":
                name = f"{self._stem}-{self.TITLES[self.choice.pane]}"
                self._say_saved(lambda: f"Saved {save(csv_text(self._rows()), name, '.csv')}")
            case "svg":
                self.say(*save_picture(self.app, None, self._stem))

    def _rows(self) -> Sequence[Sequence[object]]:
        """Return the content of the selected pane as a table with a header."""
        match self.choice.pane:
            case 1:
                return compare_view.series_rows(self._compared)
            case 2:
                return compare_view.settings_table(self._compared)
            case 3:
                return compare_view.edge_table(self._compared)
            case 4:
                return compare_view.ranking_table(self._compared, self._selection)
        return compare_view.published_table(self._compared)

    def _say_saved(self, save_file: Callable[[], str]) -> None:
        try:
            self.say(save_file())
        except NastuiError as error:
            self.say(str(error), "error")
