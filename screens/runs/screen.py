"""The Runs screen: every run of the store, and what it does now."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from runs.errors import NastuiError
from runs.store.groups import Group
from runs.store.run_store import Record, RunStore
from runs.store.status import Status
from screens import settings
from screens.actions.bindings import bindings
from screens.actions.screen import background
from screens.formatting import clean, count, status_label, status_sign
from screens.models.run_columns import COLUMNS, Row, Wishes, wishes
from screens.runs.commands import RunActs
from screens.runs.filter import EVERYTHING, EXAMPLE, RunFilter, Texts
from screens.runs.listing import Look, View
from screens.views.status_line import group_identity, group_story, identity, story
from screens.widgets.filter_line import FilterLine
from screens.widgets.key_line import KeyLine
from screens.widgets.run_table import RunTable, runs_of

# With very many runs looking at all of them takes long: the store is then left alone for this many times as long.
_REST = 5

_WELCOME = (
    "No runs yet. Press n for a search of your own, or D for a demonstration: the preset 'quick' on the embedded "
    "digits data set, about a minute, with nothing to download."
)
_NOTHING_TO_LOOK_AT = "No runs yet, and with --readonly none can be started here."
_NO_MATCH = f"No run matches the filter. esc clears it. It takes {EXAMPLE}."
_LETTERS = {
    *("new_run", "demonstrate", "latest", "filter", "resume", "stop", "pause", "undo", "tags", "trash", "compare"),
    *("fold", "genotypes", "quit"),
}


class RunsScreen(RunActs):
    """A table of runs under one line of counts; below it what the run under the cursor has come to.

    Args:
        store: where the runs lie.
    """

    DEFAULT_CSS = """
    RunsScreen {
        #top { height: 1; padding: 0 1; }
        #title { width: auto; color: $accent; text-style: bold; }
        #counts { width: 1fr; text-align: right; }
        RunTable { height: 1fr; padding: 0 1; }
        #nothing { height: 1fr; padding: 2 4; display: none; text-align: center; }
        #identity { height: 1; padding: 0 1; text-style: dim; text-wrap: nowrap; text-overflow: ellipsis; }
        #story { height: 2; padding: 0 1; }
        &.empty { RunTable { height: 1; } #nothing { display: block; } }
    }
    """
    PLACE = "runs"
    AUTO_FOCUS = "RunTable"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")

    def __init__(self, store: RunStore) -> None:
        super().__init__(store)
        self.filter = FilterLine(EXAMPLE, below="RunTable")
        self._records: list[Record] = []
        self._wanted: Wishes = {}
        self._statuses: Counter[Status] = Counter()
        self._view = View()
        self._texts = Texts()
        self._reading = self._looked = False
        self._next_look = 0.0
        self._complaint = ""
        self._unreadable: dict[str, str] = {}
        self._said: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """Yield the counts, the filter, the table and the lines on the run under the cursor."""
        with Horizontal(id="top"):
            yield Static("nastui", id="title")
            yield Static("reading …", id="counts")
        yield self.filter
        yield RunTable(id="runs")
        yield Static(id="nothing")
        yield Static(id="identity")
        yield Static(id="story")
        yield KeyLine()

    def on_mount(self) -> None:
        """Look at the store now, and then twice a second."""
        self.every_tick(self._tick)
        self._tick()

    def on_screen_resume(self) -> None:
        """Look again at once: another screen may have changed much."""
        self.look_soon()

    def look_soon(self) -> None:
        """Look at the store at the next tick."""
        self._next_look = 0.0

    @property
    def table(self) -> RunTable:
        """The table of runs."""
        return self.query_one(RunTable)

    @property
    def chosen(self) -> list[Record]:
        """The marked runs, else those under the cursor."""
        if self.table.marked:
            return [record for record in self._records if record.id in self.table.marked]
        return list(runs_of(self.table.highlighted)) if self.table.highlighted else []

    @property
    def going(self) -> int:
        """How many runs have an engine at work."""
        return sum(record.status.live for record in self._records)

    def _tick(self) -> None:
        hidden = self.app.screen is not self and not self.app.screen.is_modal
        if self._reading or hidden or time.monotonic() < self._next_look:
            return
        self._reading = True
        self._read(self._view)

    @background(group="read")
    def _read(self, view: View) -> None:
        began = time.monotonic()
        try:
            records = self.store.records()
            for record in records:
                self._texts.of(record)  # here, so that the first letter of a filter need not
            shown = view.of(records, self._texts)
            # Columns keep their widths while a filter is typed.
            rows = dataclasses.replace(view, filter=EVERYTHING).of(records, self._texts) if view.filter else shown
            statuses = Counter(record.status for record in records)
            look = Look(records, wishes(rows), view, shown, statuses, dict(self.store.unreadable))
        except NastuiError as error:
            rows, known = self.table.rows, self._unreadable
            look = Look(self._records, self._wanted, view, rows, self._statuses, known, str(error))
        look.rest = _REST * (time.monotonic() - began)
        self.post_message(look)

    def on_look(self, look: Look) -> None:
        """Show what a look at the store has found."""
        self._reading, self._looked = False, True
        if look.view.folded is not self._view.folded:  # it is of before the key
            self.look_soon()
            self._tick()
            return
        self._next_look = time.monotonic() + look.rest
        self._records, self._wanted, self._complaint = look.records, look.wanted, look.complaint
        self._statuses = look.statuses
        for name in set(look.unreadable) - set(self._unreadable):
            self._say(look.unreadable[name], failed=True)
        self._unreadable = look.unreadable
        self.table.marked &= {record.id for record in look.records} if self.table.marked else set()
        self._show(look.shown if look.view == self._view else None)

    def _show(self, shown: list[Row] | None = None) -> None:
        """Bring everything up to date; ``shown`` spares filtering and sorting where that is done already."""
        shown = self._view.of(self._records, self._texts) if shown is None else shown
        self.table.show(shown, self._wanted, self._view.by, backwards=self._view.backwards, now=time.time())
        self.set_class(self._looked and not shown, "empty")
        if not shown:
            welcome = _NOTHING_TO_LOOK_AT if settings.of(self.app).readonly else _WELCOME
            self._set("#nothing", Text(_NO_MATCH if self._records else self._complaint or welcome))
        self._set("#counts", self._counts())
        self._tell_highlighted()

    def _counts(self) -> Text:
        if not self._looked:
            return Text("reading …")
        every = count(len(self._records), "run")
        parts = [f"{len(self.table.records):,} of {every}" if self._view.filter else every]
        if self._view.folded:
            parts.append("seeds folded")
        for status in (Status.RUNNING, Status.PAUSED, Status.STOPPING, Status.LOST, Status.FAILED):
            if number := self._statuses[status]:
                parts.append(f"{number:,} {status}")
        if self._unreadable:
            parts.append(f"{len(self._unreadable):,} unreadable")
        if self.table.marked:
            parts.append(f"{len(self.table.marked):,} marked")
        return Text(" · ".join(parts))

    def _tell_highlighted(self) -> None:
        row = self.table.highlighted
        if self._complaint:
            self._set("#identity", Text(""))
            self._set("#story", Text(f"{status_sign(Status.FAILED)} {clean(self._complaint)}"))
        elif row is None:
            self._set("#identity", Text(""))
            self._set("#story", Text(""))
        elif isinstance(row, Group):
            self._set("#identity", Text(group_identity(row)))
            self._set("#story", Text(group_story(row)))
        else:
            self._set("#identity", Text(identity(row)))
            self._set("#story", Text(f"{status_label(row.status)}: {story(row, time.time())}"))
        self.refresh_bindings()

    def _set(self, selector: str, text: Text) -> None:
        """Change a line of text, and draw it only where it says something new."""
        if self._said.get(selector) != text.plain:
            self._said[selector] = text.plain
            self.query_one(selector, Static).update(text)

    def failed_in_background(self, work: str) -> None:
        """Look at the store again after a while."""
        super().failed_in_background(work)
        if work == "read":
            self._reading = False
            self._next_look = time.monotonic() + _REST

    def pane(self) -> Widget:
        """Return the table."""
        return self.table

    # What keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what does nothing to the chosen runs; while the filter is typed, letters are letters."""
        if not super().check_action(action, parameters):
            return False
        filtering = self.filter.typing
        if filtering and action in _LETTERS:
            return False
        match action:
            case "leave_filter":
                return filtering
            case "clear":
                return filtering or bool(self._view.filter) or bool(self.table.marked) or None
            case "resume":
                return any(record.status.resumable for record in self.chosen) or None
            case "stop" | "pause":
                return any(record.status.live for record in self.chosen) or None
            case "compare":
                return len(self.chosen) > 1 or None
            case "undo":
                return bool(self.removed) or None
            case "demonstrate":
                return (self._looked and not self._records and not self._complaint) or None
            case "latest" | "fold":
                return bool(self._records) or None
            case "tags" | "trash" | "copy_id":
                return bool(self.chosen) or None
        return True

    def on_run_table_highlighted(self) -> None:
        """Tell of the run that the cursor came to."""
        self._tell_highlighted()

    def on_run_table_marked(self) -> None:
        """Count the marks."""
        self._set("#counts", self._counts())
        self.refresh_bindings()

    def on_run_table_opened(self, event: RunTable.Opened) -> None:
        """Open the Run screen."""
        self._open(event.record)

    def on_run_table_folded(self, event: RunTable.Folded) -> None:
        """Show the runs of a group under it, or take them away again."""
        self._change_view(unfolded=self._view.unfolded ^ {event.group.id})

    def _open(self, record: Record) -> None:
        from screens.run.screen import RunScreen

        self.app.push_screen(RunScreen(self.store, record.id))

    def on_run_table_heading_clicked(self, event: RunTable.HeadingClicked) -> None:
        """Sort by the column, or turn the order round where it is sorted by it already."""
        again = event.column is self._view.by
        self._change_view(by=event.column, backwards=again and not self._view.backwards)

    def action_new_run(self) -> None:
        """Open the form of a new run; the first run of a store is offered as the demonstration."""
        from screens.starting.new_run import NewRunScreen

        self.app.push_screen(NewRunScreen(self.store, preset="paper" if self._records else "quick"))

    def action_latest(self) -> None:
        """Open the newest run."""
        self._open(self._records[0])

    def action_compare(self) -> None:
        """Open the marked runs on one screen."""
        from screens.compare.screen import CompareScreen

        self.app.push_screen(CompareScreen(self.store, [record.id for record in self.chosen]))

    def action_genotypes(self) -> None:
        """Open the library of published and found cells."""
        from screens.genotypes.screen import GenotypesScreen

        self.app.push_screen(GenotypesScreen(self.store))

    def action_filter(self) -> None:
        """Type a filter."""
        self.filter.ask()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as it is typed."""
        self._change_view(filter=RunFilter.parse(event.value))

    def action_leave_filter(self) -> None:
        """Go back to the table with the filter in place."""
        self.filter.leave()

    def action_clear(self) -> None:
        """Take away the filter; where there is none, the marks."""
        if not self.filter.clear():
            self.unmark(self._records)

    def unmark(self, records: Sequence[Record]) -> None:
        """Take marks away."""
        self.table.marked -= {record.id for record in records}
        self.table.restyle_marks()

    def action_fold(self) -> None:
        """Give runs that differ in seed alone one line, or each its own again."""
        # By a look in the background: all lines change, and the widths of the columns with them.
        self._view = dataclasses.replace(self._view, folded=not self._view.folded, unfolded=frozenset())
        self.look_soon()
        self._tick()

    def action_sort(self, step: int) -> None:
        """Sort by another column."""
        shown = [column for column in COLUMNS if column.title in self._wanted]
        place = shown.index(self._view.by) if self._view.by in shown else -1
        self._change_view(by=shown[(place + step) % len(shown)], backwards=False)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._change_view(backwards=not self._view.backwards)

    def action_copy_id(self) -> None:
        """Copy the whole ids; where the terminal does not take them, the message has the folder."""
        chosen = self.chosen
        where = chosen[0].paths.root if len(chosen) == 1 else self.store.home.runs
        what = chosen[0].id if len(chosen) == 1 else count(len(chosen), "id")
        self.copy(" ".join(record.id for record in chosen), what, where)

    def _say(self, sentence: str, *, failed: bool = False) -> None:
        self.say(sentence, "error" if failed else "information")

    def _change_view(self, **change: Any) -> None:
        self._view = dataclasses.replace(self._view, **change)
        self._show()
