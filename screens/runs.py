"""The Runs screen: every run of the store, what it does now, and what one may do with it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from runs.errors import NastuiError
from runs.home import short_id
from runs.requests import Request, send
from runs.status import Status
from runs.store import Record, RunStore
from screens import actions, palette
from screens.action_screen import ActionScreen, background
from screens.run_filter import EXAMPLE, RunFilter, Texts
from screens.run_story import identity, story
from screens.run_view import Look, View, named, retagged
from screens.trouble import told
from screens.widgets.ask_line import AskLine
from screens.widgets.confirm import Confirm
from screens.widgets.key_line import KeyLine
from screens.widgets.run_columns import COLUMNS, Wishes, wishes
from screens.widgets.run_table import RunTable
from screens.widgets.status import labelled, sign
from screens.wording import clean, count

# With very many runs looking at all of them takes long: the store is then left alone for this many times as long.
_REST = 5

_WELCOME = (
    "No runs yet. Press n, then ctrl+s: the preset 'quick' searches on the embedded digits data set "
    "in about a minute, with nothing to download."
)
_NO_MATCH = f"No run matches the filter. esc clears it. It takes {EXAMPLE}."
_LETTERS = ("new_run", "filter", "resume", "stop", "pause", "undo", "tags", "trash", "compare", "genotypes", "quit")


class RunsScreen(ActionScreen[None]):
    """A table of runs under one line of counts; below it what the run under the cursor has come to.

    Args:
        store: where the runs lie.
    """

    DEFAULT_CSS = """
    RunsScreen {
        #top { height: 1; padding: 0 1; }
        #title { width: auto; color: $accent; text-style: bold; }
        #counts { width: 1fr; text-align: right; }
        #filter-line { height: 1; padding: 0 1; display: none; &.shown { display: block; } }
        #slash { width: 2; color: $accent; text-style: bold; }
        #filter { width: 1fr; background: transparent; &:focus { background-tint: transparent; } }
        RunTable { height: 1fr; padding: 0 1; }
        #nothing { height: 1fr; padding: 2 4; display: none; text-align: center; }
        #identity { height: 1; padding: 0 1; text-style: dim; text-wrap: nowrap; text-overflow: ellipsis; }
        #story { height: 2; padding: 0 1; }
        &.empty { RunTable { height: 1; } #nothing { display: block; } }
    }
    """
    PLACE = "runs"
    AUTO_FOCUS = "RunTable"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("runs")

    def __init__(self, store: RunStore) -> None:
        super().__init__()
        self.store = store
        self._records: list[Record] = []
        self._wanted: Wishes = {}
        self._view = View()
        self._texts = Texts()
        self._removed: list[list[Record]] = []
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
        with Horizontal(id="filter-line"):
            yield Static("/", id="slash")
            yield Input(placeholder=EXAMPLE, compact=True, id="filter")
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
        self._next_look = 0.0

    @property
    def table(self) -> RunTable:
        """The table of runs."""
        return self.query_one(RunTable)

    @property
    def chosen(self) -> list[Record]:
        """The marked runs, else the one under the cursor."""
        if self.table.marked:
            return [record for record in self._records if record.id in self.table.marked]
        return [self.table.highlighted] if self.table.highlighted else []

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
            look = Look(records, wishes(records), view, shown, dict(self.store.unreadable))
        except NastuiError as error:
            look = Look(self._records, self._wanted, view, self.table.records, self._unreadable, str(error))
        look.rest = _REST * (time.monotonic() - began)
        self.post_message(look)

    def on_look(self, look: Look) -> None:
        """Show what a look at the store has found."""
        self._reading, self._looked = False, True
        self._next_look = time.monotonic() + look.rest
        self._records, self._wanted, self._complaint = look.records, look.wanted, look.complaint
        for name in set(look.unreadable) - set(self._unreadable):
            self._say(look.unreadable[name], failed=True)
        self._unreadable = look.unreadable
        self.table.marked &= {record.id for record in look.records} if self.table.marked else set()
        self._show(look.shown if look.view == self._view else None)

    def _show(self, shown: list[Record] | None = None) -> None:
        """Bring everything up to date; ``shown`` spares filtering and sorting where that is done already."""
        shown = self._view.of(self._records, self._texts) if shown is None else shown
        self.table.show(shown, self._wanted, self._view.by, backwards=self._view.backwards, now=time.time())
        self.set_class(self._looked and not shown, "empty")
        if not shown:
            text = _NO_MATCH if self._records else self._complaint or _WELCOME
            self._set("#nothing", Text(text))
        self._set("#counts", self._counts(len(shown)))
        self._tell_highlighted()

    def _counts(self, shown: int) -> Text:
        if not self._looked:
            return Text("reading …")
        statuses = [record.status for record in self._records]
        parts = [f"{shown:,} of {count(len(statuses), 'run')}" if self._view.filter else count(len(statuses), "run")]
        for status in (Status.RUNNING, Status.PAUSED, Status.STOPPING, Status.LOST, Status.FAILED):
            if number := statuses.count(status):
                parts.append(f"{number:,} {status}")
        if self._unreadable:
            parts.append(f"{len(self._unreadable):,} unreadable")
        if self.table.marked:
            parts.append(f"{len(self.table.marked):,} marked")
        return Text(" · ".join(parts))

    def _tell_highlighted(self) -> None:
        record = self.table.highlighted
        if self._complaint:
            self._set("#identity", Text(""))
            self._set("#story", Text(f"{sign(Status.FAILED)} {clean(self._complaint)}"))
        elif record is None:
            self._set("#identity", Text(""))
            self._set("#story", Text(""))
        else:
            self._set("#identity", Text(identity(record)))
            self._set("#story", Text(f"{labelled(record.status)}: {story(record, time.time())}"))
        self.refresh_bindings()

    def _set(self, selector: str, text: Text) -> None:
        """Change a line of text, and draw it only where it says something new."""
        shown = palette.of(self.app).shown(text)
        if self._said.get(selector) != shown.plain:
            self._said[selector] = shown.plain
            self.query_one(selector, Static).update(shown)

    def failed_in_background(self, work: str) -> None:
        """Look at the store again after a while."""
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
        filtering = isinstance(self.focused, Input)
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
                return bool(self._removed) or None
            case "tags" | "trash" | "copy_id":
                return bool(self.chosen) or None
        return True

    def on_run_table_highlighted(self) -> None:
        """Tell of the run that the cursor came to."""
        self._tell_highlighted()

    def on_run_table_marked(self) -> None:
        """Count the marks."""
        self._set("#counts", self._counts(len(self.table.records)))
        self.refresh_bindings()

    def on_run_table_opened(self, event: RunTable.Opened) -> None:
        """Open the Run screen."""
        from screens.run import RunScreen

        self.app.push_screen(RunScreen(self.store, event.record.id))

    def on_run_table_heading_clicked(self, event: RunTable.HeadingClicked) -> None:
        """Sort by the column, or turn the order round where it is sorted by it already."""
        again = event.column is self._view.by
        self._change_view(by=event.column, backwards=again and not self._view.backwards)

    def action_new_run(self) -> None:
        """Open the form of a new run; the first run of a store is offered as the demonstration."""
        from screens.new_run import NewRunScreen

        self.app.push_screen(NewRunScreen(self.store, preset="paper" if self._records else "quick"))

    def action_compare(self) -> None:
        """Open the marked runs on one screen."""
        from screens.compare import CompareScreen

        self.app.push_screen(CompareScreen(self.store, [record.id for record in self.chosen]))

    def action_genotypes(self) -> None:
        """Open the library of published and found cells."""
        from screens.genotypes import GenotypesScreen

        self.app.push_screen(GenotypesScreen(self.store))

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one("#filter-line").add_class("shown")
        self.query_one("#filter", Input).focus()
        self.refresh_bindings()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as it is typed."""
        self._change_view(filter=RunFilter.parse(event.value))

    def on_input_submitted(self) -> None:
        """Go back to the table with the filter in place."""
        self.action_leave_filter()

    def action_leave_filter(self) -> None:
        """Go back to the table; an empty filter takes its line with it."""
        self.table.focus()
        self.query_one("#filter-line").set_class(bool(self.query_one("#filter", Input).value), "shown")
        self.refresh_bindings()

    def action_clear(self) -> None:
        """Take away the filter; where there is none, the marks."""
        line = self.query_one("#filter", Input)
        if line.value or line.has_focus:
            line.value = ""
            self.action_leave_filter()
        elif self.table.marked:
            self.table.marked.clear()
            self.table.restyle_marks()

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

    def action_resume(self) -> None:
        """Start engines for the chosen runs that have none."""
        chosen = [record for record in self.chosen if record.status.resumable]
        self._say(f"Resuming {named(chosen)} …")
        self._each(chosen, self._resume, "")

    def action_pause(self) -> None:
        """Pause the running ones of the chosen; where none is running, wake the paused ones."""
        running = [record for record in self.chosen if record.status is Status.RUNNING]
        paused = [record for record in self.chosen if record.status is Status.PAUSED]
        request = Request.PAUSE if running else Request.CONTINUE
        self._each(running or paused, lambda record: send(record.paths.requests, request), f"Asked to {request}:")

    @work
    async def action_stop(self) -> None:
        """Ask engines to end with a checkpoint, after asking the person."""
        live = [record for record in self.chosen if record.status.live]
        question = Confirm(f"Stop {named(live)}?", "It writes a checkpoint first; R resumes from there.")
        if await self.app.push_screen_wait(question):
            self._each(live, lambda record: send(record.paths.requests, Request.STOP), "Asked to stop:")

    @work
    async def action_tags(self) -> None:
        """Edit the tags of one run, or add to and take from those of several."""
        chosen = self.chosen
        if len(chosen) == 1:
            question, text = "Tags, words apart:", " ".join(chosen[0].labels.tags)
        else:
            question, text = f"Tags for {count(len(chosen), 'run')}: a word adds, -word takes away.", ""
        answer = await self.app.push_screen_wait(AskLine(question, text))
        if answer is not None:
            change = retagged(answer, whole=len(chosen) == 1)
            self._each(chosen, lambda record: self.store.label(record, change), "")

    @work
    async def action_trash(self) -> None:
        """Move the chosen runs to the trash, after asking."""
        chosen = self.chosen
        question = Confirm(f"Move {named(chosen)} to the trash?", "u brings it back.")
        if await self.app.push_screen_wait(question):
            self.table.marked -= {record.id for record in chosen}
            removed: list[Record] = []
            self._removed.append(removed)

            def remove(record: Record) -> None:
                self.store.remove(record)
                removed.append(record)

            self._each(chosen, remove, "Moved to the trash, u brings back:")

    def action_undo(self) -> None:
        """Bring back what was last moved to the trash."""
        if self._removed:
            self._each(self._removed.pop(), lambda record: self.store.restore(record.id), "Brought back:")

    @background(group="act")
    def _each(self, records: Sequence[Record], act: Callable[[Record], object], done: str) -> None:
        """Do something to runs, one after another; say what was done and what could not be."""
        succeeded = []
        for record in records:
            try:
                act(record)
                succeeded.append(record)
            except NastuiError as error:
                self._say(str(error), failed=True)
            except OSError as error:
                self._say(f"Run '{short_id(record.id)}': {told(error, '', None)}", failed=True)
        if succeeded and done:
            self._say(f"{done} {named(succeeded)}.")
        self._next_look = 0.0

    def _resume(self, record: Record) -> None:
        from runs.launcher import resume

        resume(record)

    def _say(self, sentence: str, *, failed: bool = False) -> None:
        self.say(sentence, "error" if failed else "information")

    def _change_view(self, **change: Any) -> None:
        self._view = dataclasses.replace(self._view, **change)
        self._show()
