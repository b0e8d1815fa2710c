"""The Compare screen: several runs on one plane, what differs between them, and who is ahead."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from runs.errors import NastuiError
from runs.home import short_id
from runs.store.run_store import RunStore
from screens import palette
from screens.actions.bindings import bindings
from screens.actions.screen import ActionScreen
from screens.compare.reader import ComparisonReader
from screens.destinations import OpenRun
from screens.exports import csv_text, save
from screens.formatting import brief, clean, count
from screens.models.compare import Comparison
from screens.models.panes import COMPARE_PANES as PANES
from screens.models.selection import CompareSelection
from screens.pictures import save_picture
from screens.views import comparison as compare_view
from screens.widgets.cells import Cells
from screens.widgets.chart import Chart
from screens.widgets.compared_runs import ComparedRuns
from screens.widgets.grid import Grids
from screens.widgets.key_line import KeyLine
from screens.widgets.lines import Lines
from screens.widgets.pane import Pane, RuleView, Tab
from screens.widgets.pick_one import PickOne
from screens.widgets.plot import legend
from screens.widgets.scrubber import Scrubber, Track

_LOWER = (2, 3, 4, 5)


@dataclasses.dataclass
class Looked(Message):
    """What a look at the runs has found; None where nothing has changed."""

    compared: Comparison | None


class CompareScreen(ActionScreen[None]):
    """Runs by letter, their curves, and below them what differs, cells, ranking and the papers' figures.

    Args:
        store: where the runs lie.
        ids: their ids, or unique beginnings.
    """

    DEFAULT_CSS = """
    CompareScreen {
        layout: vertical; overflow: hidden;
        #top { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; color: $accent; text-style: bold; }
        #said { height: auto; max-height: 2; padding: 0 1; text-style: dim; display: none; }
        Pane { height: 1fr; width: 1fr; }
        Chart, Lines { height: 1fr; width: 1fr; }
        Scrubber, Rule { height: 1; }
        #lower { height: 1fr; width: 1fr; layout: vertical; }
        &.wide #lower { layout: grid; grid-size: 2 2; grid-rows: 3fr 2fr; }
    }
    """
    SCOPE = "compare"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)

    def __init__(self, store: RunStore, ids: Sequence[str]) -> None:
        super().__init__()
        self._store, self.run_ids = store, list(ids)
        self._sources: ComparisonReader | None = None
        self._reading = False
        self._look = CompareSelection()
        self._compared = Comparison()
        self._pane, self._open, self._zoomed = 1, 3, False
        self._runs, self._scrubber = ComparedRuns(), Scrubber()
        self._panes = {
            1: Pane(1, PANES[1], Chart()),
            2: Pane(2, PANES[2], Grids()),
            3: Pane(3, PANES[3], Cells()),
            4: Pane(4, PANES[4], Grids()),
            5: Pane(5, PANES[5], Grids()),
        }

    def compose(self) -> ComposeResult:
        """Yield the runs, the panes, the slider and the keys."""
        yield Static("compare · reading …", id="top")
        yield self._runs
        yield Static(id="said")
        yield self._panes[1]
        with Container(id="lower"):
            yield from (self._panes[number] for number in _LOWER)
        yield self._scrubber
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the runs, then look at them twice a second."""
        self._tick()
        self.every_tick(self._tick)

    def on_resize(self) -> None:
        """Lay the panes out for the new size."""
        self._arrange()

    def recolour(self) -> None:
        """Give the legends the colours of the new theme."""
        self._show()

    # Reading

    def _tick(self) -> None:
        hidden = self.app.screen is not self and not self.app.screen.is_modal
        if not self._reading and not hidden:
            self._reading = True
            self._read()

    @work(thread=True, exit_on_error=False, group="reading")
    def _read(self) -> None:
        if self._sources is None:
            self._sources = ComparisonReader(self._store.home, self.run_ids)
        self.post_message(Looked(self._sources.update()))

    def failed_in_background(self, work: str) -> None:
        """RunSelection again at the next tick."""
        self._reading = False

    def on_looked(self, looked: Looked) -> None:
        """Show what has changed."""
        self._reading = False
        if looked.compared is not None:
            before, self._compared = len(self._compared.runs), looked.compared
            if before != len(self._compared.runs):
                self._arrange()
            self._show()
            self.refresh_bindings()

    # Showing

    def _arrange(self) -> None:
        """Put the panes where the size and the choice want them."""
        width, height = self.size
        alone = self._zoomed or width < 60 or height < 18
        wide = not alone and width >= 110 and height >= 34
        visible = {self._pane} if alone else set(PANES) if wide else {1, self._open}
        for number, pane in self._panes.items():
            pane.display = number in visible
        self.query_one("#lower").display = bool(visible & {*_LOWER})
        self.set_class(wide, "wide")
        runs = max(1, len(self._compared.runs))
        self._runs.styles.height = min(runs, max(1, height // 6))
        room = height - min(runs, max(1, height // 6)) - 3
        self._panes[1].styles.height = "1fr" if alone else max(6, room * (2 if wide else 9) // (5 if wide else 20))
        self.call_after_refresh(self._show)  # what fits is known once it is laid out

    @property
    def _visible(self) -> list[int]:
        return [number for number, pane in self._panes.items() if pane.display]

    def _show(self) -> None:
        """Bring everything that is visible up to date; what did not change is not drawn."""
        compared, look = self._compared, self._look
        what = [
            "compare",
            count(len(compared.runs), "run") if compared.runs else "no run",
            *compare_view.common(compared),
        ]
        self.query_one("#top", Static).update(Text(" · ".join(what)))
        said = " · ".join(clean(problem) for problem in (*compared.problems, *compared.content.get("remarks", [])))
        line = self.query_one("#said", Static)
        line.display = bool(said)
        line.update(Text(said))
        self._runs.show(compare_view.run_lines(compared, look))
        for number in self._visible:
            self._show_pane(number)
        self._scrubber.show(Track(compare_view.last_epoch(compared), look.epoch, self._live))

    def _show_pane(self, number: int) -> None:
        compared, look = self._compared, self._look
        content: Any = self._panes[number].content
        note, title = Text(style="dim"), PANES[number]
        match number:
            case 1:
                drawn = compare_view.curves(compared, look)
                content.show(drawn)
                title, note = f"{drawn.title} {drawn.unit}".strip(), legend(drawn, palette.of(self.app))
            case 2:
                content.show(compare_view.settings(compared))
            case 3:
                content.show(compare_view.cells(compared, look))
                if len(compare_view.kinds(compared, look)) > 1:
                    title += f" · {brief(compare_view.chosen_kind(compared, look))}"
            case 4:
                content.show(compare_view.ranks(compared, look))
            case 5:
                content.show(compare_view.published(compared))
        alone, wide = len(self._visible) == 1, len(self._visible) == len(PANES)
        shared = tuple(PANES) if alone else (number,) if wide or number == 1 else _LOWER
        tabs = (
            Tab(
                other,
                title if other == number else PANES[other],
                other == number,
                other == number == self._pane,
            )
            for other in shared
        )
        self._panes[number].rule.show(RuleView(tuple(tabs), note))

    @property
    def _live(self) -> bool:
        return any(run.record.status.live for run in self._compared.runs)

    # What keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what would do nothing."""
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
        place = names.index(compare_view.chosen_metric(self._compared, self._look)) + by
        self._change(metric=names[place % len(names)])

    def action_epoch(self, by: int) -> None:
        """Move the chosen epoch of every run."""
        last = compare_view.last_epoch(self._compared)
        epoch = (last if self._look.epoch is None else self._look.epoch) + by
        self._change(epoch=None if epoch > last else max(1, epoch))

    def action_first(self) -> None:
        """Go to the first epoch."""
        self._change(epoch=1)

    def action_newest(self) -> None:
        """Go to the newest epoch of each run, and stay with it."""
        self._change(epoch=None)

    def on_scrubber_moved(self, event: Scrubber.Moved) -> None:
        """Go where the slider was clicked."""
        self._change(epoch=event.epoch)

    def action_kind(self, by: int) -> None:
        """Show the next kind of cell."""
        known = compare_view.kinds(self._compared, self._look)
        if known:
            place = known.index(compare_view.chosen_kind(self._compared, self._look)) + by
            self._change(cell=known[place % len(known)])

    def action_reference(self) -> None:
        """Compare the cells with those of the next run."""
        self._change(reference=(self._look.reference + 1) % len(self._compared.runs))

    def _change(self, **change: Any) -> None:
        self._look = dataclasses.replace(self._look, **change)
        self._show()

    def action_pane(self, number: int) -> None:
        """Choose a pane; chosen again, it takes the whole screen."""
        self._zoomed = not self._zoomed if number == self._pane else self._zoomed
        self._pane = number
        self._open = number if number in _LOWER else self._open
        self._arrange()

    def action_next_pane(self, by: int) -> None:
        """Choose the next pane."""
        self.action_pane((self._pane - 1 + by) % len(PANES) + 1)

    def action_zoom(self) -> None:
        """Give the chosen pane the whole screen, or take it back."""
        self.action_pane(self._pane)

    def action_scroll(self, by: int) -> None:
        """Scroll the chosen pane; where it cannot be, the one below the curves."""
        content = self._panes[self._pane if self._pane in _LOWER else self._open].content
        if isinstance(content, Lines):
            content.scroll_relative(y=by, animate=False)

    @work
    async def action_run(self) -> None:
        """Open one of the runs."""
        lines = compare_view.run_lines(self._compared, self._look)
        entries = [(line.letter, f"{line.id} {line.title}") for line in lines]
        chosen = await self.ask(PickOne("Open which run?", entries))
        if chosen is not None:
            self.post_message(OpenRun(self._compared.runs[compare_view.LETTERS.index(chosen)].record.id))

    # Taking things along, and leaving

    @property
    def _stem(self) -> str:
        return "-".join(["nastui-compare", *(short_id(run.record.id) for run in self._compared.runs[:4])])

    def action_copy(self) -> None:
        """Copy the comparison as text, and save it too: not every terminal takes what is copied."""
        text = compare_view.text(self._compared)
        try:
            self.copy(text, "the comparison", save(text, self._stem, ".txt"))
        except NastuiError as error:
            self.copy(text, "the comparison")
            self.say(str(error), "error")

    def pane(self) -> Widget | None:
        """Return the chosen pane."""
        return self._panes[self._pane]

    def picture_name(self) -> str:
        """Return the name of a picture of this comparison."""
        return self._stem

    @work
    async def action_save(self) -> None:
        """Save the comparison as text, the chosen pane as CSV, or the screen as a picture."""
        forms = [
            ("text", "the whole comparison, as `nastui runs compare` prints it"),
            (
                "csv",
                f"{PANES[self._pane]} as a table" + (": every metric of every epoch" if self._pane == 1 else ""),
            ),
            ("svg", "a picture of the screen"),
        ]
        form = await self.ask(PickOne("Save what?", forms))
        match form:
            case "text":
                self._save(lambda: f"Saved {save(compare_view.text(self._compared), self._stem, '.txt')}")
            case "csv":
                name = f"{self._stem}-{PANES[self._pane]}"
                self._save(lambda: f"Saved {save(csv_text(self._rows()), name, '.csv')}")
            case "svg":
                self.say(*save_picture(self.app, None, self._stem))

    def _rows(self) -> Sequence[Sequence[object]]:
        """Return the content of the chosen pane as a table with a head."""
        match self._pane:
            case 1:
                return compare_view.series_rows(self._compared)
            case 2:
                return compare_view.settings_table(self._compared)
            case 3:
                return compare_view.edge_table(self._compared)
            case 4:
                return compare_view.ranking_table(self._compared, self._look)
        return compare_view.published_table(self._compared)

    def _save(self, act: Callable[[], str]) -> None:
        try:
            self.say(act())
        except NastuiError as error:
            self.say(str(error), "error")

    def action_back(self) -> None:
        """Show all panes; where they are shown, leave."""
        if self._zoomed:
            self.action_zoom()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Go back; the runs go on."""
        self.app.pop_screen()
