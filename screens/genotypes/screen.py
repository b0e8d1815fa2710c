"""The Genotypes screen: published genotypes, and those that searches have found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from runs.catalogue.genotype_text import FORMS, convert, format_text
from runs.errors import NastuiError
from runs.store.run_store import RunStore
from screens.actions.bindings import bindings
from screens.actions.screen import ActionScreen
from screens.destinations import OpenCells, OpenRetrain, OpenRun
from screens.exports import save
from screens.formatting import clean
from screens.genotypes import library as genotypes_view
from screens.models.genotypes import FOUND, PUBLISHED, Detail, DetailView, Entry, Listing
from screens.widgets.filter_line import FilterLine
from screens.widgets.genotype_detail import GenotypeDetail
from screens.widgets.genotype_list import GenotypeList
from screens.widgets.key_line import KeyLine
from screens.widgets.pick_list import PickList
from screens.widgets.pick_one import PickOne

_SUFFIXES = {"json": ".json", "python": ".py", "string": ".txt", "dot": ".dot", "svg": ".svg"}
_ABOUT = {
    "json": "plain lists and names; nastui can read it",
    "python": "a literal for source code, as in the repositories of papers",
    "string": "the usual text on one line",
    "dot": "a graph for Graphviz",
    "svg": "a drawing of the cells",
}
_LETTERS = ("filter", "retrain", "export", "compare", "copy", "kind", "leave")
_READ_TICKS = 6  # finished searches are rare: reading the store every few seconds is enough


@dataclass
class Listed(Message):
    """The store and the library were read; ``problem`` says why they could not be."""

    listing: Listing
    problem: str = ""


@dataclass
class Described(Message):
    """The picked entry was described."""

    detail: Detail


class GenotypesScreen(ActionScreen[None]):
    """A list on the left, and the genotype under the cursor on the right.

    Args:
        store: where the runs are stored.
    """

    DEFAULT_CSS = """
    GenotypesScreen {
        #top { height: 1; padding: 0 1; }
        #title { width: auto; color: $accent; text-style: bold; }
        #counts { width: 1fr; text-align: right; }
        #body { height: 1fr; }
        GenotypeList { width: 20; height: 1fr; }
        GenotypeDetail { width: 1fr; height: 1fr; }
        &.-wide GenotypeList { width: 32; padding: 0 1; }
        &.-narrow #body { layout: vertical; }
        &.-narrow GenotypeList { width: 1fr; height: 7; }
    }
    """
    AUTO_FOCUS = "GenotypeList"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (100, "-wide")]
    SCOPE = "genotypes"
    BINDINGS: ClassVar[list[BindingType]] = bindings(SCOPE)

    def __init__(self, store: RunStore) -> None:
        super().__init__()
        self._store = store
        self.filter = FilterLine("words, method:drnas, space:darts, kind:found", below="GenotypeList")
        self._listing = Listing()
        self._shown: tuple[Entry, ...] = ()
        self._marked: dict[str, None] = {}
        self._detail: Detail | None = None
        self._first, self._ticks, self._reading = 0, 0, False

    def compose(self) -> ComposeResult:
        """Yield the counts, the filter, the list and the genotype."""
        with Horizontal(id="top"):
            yield Static("genotypes", id="title")
            yield Static("reading …", id="counts")
        yield self.filter
        with Horizontal(id="body"):
            yield GenotypeList(id="list")
            yield GenotypeDetail(id="detail")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the library and the store now, and then every few seconds."""
        self._tick()
        self.every_tick(self._tick)

    def on_screen_resume(self) -> None:
        """Read again at once: a search may have finished."""
        self._ticks = 0

    def on_resize(self) -> None:
        """Redraw, with as many cells as fit the new height."""
        self.call_after_refresh(self._show_detail)

    @property
    def list(self) -> GenotypeList:
        """The list."""
        return self.query_one(GenotypeList)

    # Reading

    def _tick(self) -> None:
        if self.app.screen is self and not self._reading:
            if self._ticks % _READ_TICKS == 0:
                self._reading = True
                self._read()
            self._ticks += 1

    @work(thread=True, exit_on_error=False, group="reading")
    def _read(self) -> None:
        try:
            self.post_message(Listed(genotypes_view.listing(self._store)))
        except NastuiError as error:
            self.post_message(Listed(self._listing, str(error)))

    def failed_in_background(self, group: str) -> None:
        """Read again later."""
        self._reading = False

    def on_listed(self, event: Listed) -> None:
        """Show what was read."""
        self._reading = False
        if event.problem:
            self.say(event.problem, "error")
        if event.listing != self._listing:
            self._listing = event.listing
            self._fill()

    @work(thread=True, exit_on_error=False, exclusive=True, group="describing")
    def _describe(self, name: str) -> None:
        self.post_message(Described(genotypes_view.detail(name, self._store)))

    def on_described(self, event: Described) -> None:
        """Show the genotype, unless the cursor has moved."""
        if event.detail.name == self.list.picked:
            self._detail = event.detail
            self._show_detail()
            self.refresh_bindings()

    # Showing

    def _fill(self) -> None:
        self._shown = self._listing.matching(self.filter.value)
        self.list.fill(self._shown, self._marked)
        origins = [entry.origin for entry in self._shown]
        counts = [f"{origins.count(origin):,} {origin}" for origin in (PUBLISHED, FOUND)]
        if self._marked:
            counts.append(f"{len(self._marked)} marked")
        if not self._shown:
            self._detail = Detail("", "No genotype matches the filter. esc clears it.")
            self._show_detail()
        self.query_one("#counts", Static).update(Text(" · ".join(counts)))
        self.refresh_bindings()

    def _show_detail(self) -> None:
        if self._detail is not None:
            shown = self.query_one(GenotypeDetail)
            first = self._first % max(1, len(self._detail.cells))
            shown.show(DetailView(self._detail, first, shown.size.height))

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """Describe the entry under the cursor."""
        self.query_one(GenotypeDetail).scroll_home(animate=False)
        if event.name:
            self._describe(event.name)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions that have no effect on the entry. While the filter is being typed, letters are text."""
        filtering = self.filter.typing
        if not super().check_action(action, parameters) or (filtering and action in _LETTERS):
            return False
        match action:
            case "leave_filter":
                return filtering
            case "retrain" | "export" | "copy":
                return (self._detail is not None and self._detail.found is not None) or None
            case "kind":
                return (self._detail is not None and len(self._detail.cells) > 1) or None
            case "compare":
                return len(self._chosen) > 1 or None
            case "run":
                return any(entry.name == self.list.picked and entry.origin == FOUND for entry in self._shown) or None
            case "mark":
                return bool(self.list.picked) or None
        return True

    def pane(self) -> Widget | None:
        """Return the pane with the genotype."""
        return self.query_one(GenotypeDetail)

    def action_filter(self) -> None:
        """Start typing a filter."""
        self.filter.ask()

    def on_input_changed(self) -> None:
        """Apply the filter while it is typed."""
        self._fill()

    def action_leave_filter(self) -> None:
        """Go back to the list and keep the filter."""
        self.filter.leave()

    def action_clear(self) -> None:
        """Clear the filter; if it is empty, the marks; if there are none, leave."""
        if self.filter.clear():
            return
        if self._marked:
            self._marked.clear()
            self._fill()
        else:
            self.action_leave()

    def action_mark(self) -> None:
        """Mark or unmark the entry under the cursor, and move to the next."""
        name = self.list.under_cursor  # keys that arrive together must mark different entries
        if name in self._marked:
            del self._marked[name]
        else:
            self._marked[name] = None
        self._fill()
        self.list.action_cursor_down()

    def action_kind(self, by: int) -> None:
        """Show the next kind of cell first."""
        self._first += by
        self._show_detail()

    def action_scroll(self, by: int) -> None:
        """Scroll the details of the genotype."""
        self.query_one(GenotypeDetail).scroll_relative(y=by, animate=False)

    @property
    def _chosen(self) -> Sequence[str]:
        """The marked entries; if only one is marked, also the one under the cursor."""
        picked = [self.list.picked] if len(self._marked) == 1 and self.list.picked else []
        return list(dict.fromkeys([*self._marked, *picked]))

    @work(thread=True, exit_on_error=False, group="comparing")
    def action_compare(self) -> None:
        """Compare the marked cells."""
        details = [genotypes_view.detail(name, self._store) for name in self._chosen]
        found = [(detail.heading, detail.found.genotype) for detail in details if detail.found]
        for detail in details:
            if detail.found is None:
                self.deliver(self.say, detail.heading, "error")
        if len(found) > 1:
            self.post_message(OpenCells(found))

    def action_run(self) -> None:
        """Open the run that found the genotype."""
        self.post_message(OpenRun(self.list.picked))

    def action_retrain(self) -> None:
        """Open the form that retrains the genotype."""
        if self._detail is not None and self._detail.found is not None:
            self.post_message(OpenRetrain(self._detail.found))

    def action_copy(self) -> None:
        """Copy the genotype as text."""
        if self._detail is not None and self._detail.found is not None:
            name = clean(self._detail.found.name)
            self.copy(format_text(self._detail.found.genotype), f"the genotype {name}")

    @work
    async def action_export(self) -> None:
        """Export the genotype to a file in the current folder."""
        found = self._detail.found if self._detail is not None else None
        if found is None:
            return
        form = await self.ask(PickOne(f"Write {found.name} as what?", [(form, _ABOUT[form]) for form in FORMS]))
        if form is not None:
            try:
                self.say(f"Wrote {save(convert(found.genotype, form), found.name, _SUFFIXES[form])}")
            except NastuiError as error:
                self.say(str(error), "error")

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss()
