"""The Runs screen: every run of the store, and its current status."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from runs.store.filter import EXAMPLE, RunFilter
from runs.store.run_store import RunStore
from screens.actions.action import key_label, split_keys
from screens.actions.bindings import bindings
from screens.actions.screen import ActionScreen, background
from screens.actions.table import actions_of
from screens.destinations import OpenRun, OpenSweep
from screens.engine_controls import EngineControls
from screens.runs import dispatcher
from screens.runs.dispatcher import DispatcherKeeper
from screens.runs.engine_actions import EngineActions
from screens.runs.first_start import FirstStartHint, welcome
from screens.runs.label_actions import LabelActions
from screens.runs.list_actions import ListActions
from screens.runs.opening_actions import OpeningActions
from screens.runs.reader import StoreRead, StoreReader, StoreUnchanged
from screens.runs.rows import RowMaker
from screens.runs.run_list import RunList
from screens.runs.store_changes import StoreChanges
from screens.runs.summary import counts, description
from screens.runs.trash_actions import TrashActions
from screens.sweep_controls import SweepControls
from screens.widgets.filter_line import FilterLine
from screens.widgets.key_line import KeyLine
from screens.widgets.run_table import RunTable

# After an unexpected error the store is left alone for so long.
_FAILED_SECONDS = 5
_NO_MATCH = f"No run matches the filter. esc clears it. It accepts {EXAMPLE}."
_LETTERS = frozenset(action.name for action in actions_of("runs") if len(key_label(split_keys(action.keys)[0])) == 1)
"""Actions whose keys are single characters: they are off while the filter is typed."""


class RunsScreen(ActionScreen[None]):
    """A table of runs below a line of counts, and above lines about the run under the cursor.

    Args:
        store: where the runs are stored.
    """

    DEFAULT_CSS = """
    RunsScreen {
        #top { height: 1; padding: 0 1; }
        #title { width: auto; color: $accent; text-style: bold; }
        #counts { width: 1fr; text-align: right; }
        RunTable { height: 1fr; padding: 0 1; }
        #nothing { height: 1fr; padding: 2 4; display: none; }
        #identity { height: 1; padding: 0 1; text-style: dim; text-wrap: nowrap; text-overflow: ellipsis; }
        #status-line { height: 2; padding: 0 1; }
        &.empty { RunTable { height: 1; } #nothing { display: block; } }
        &.no-runs { RunTable { height: 0; } }
    }
    """
    SCOPE = "runs"
    AUTO_FOCUS = "RunTable"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")

    def __init__(self, store: RunStore) -> None:
        super().__init__()
        self.store = store
        self.table = RunTable(id="runs")
        self.filter = FilterLine(EXAMPLE, below="RunTable")
        rows = RowMaker()
        self.runs = RunList(self.table, rows, shown=self._describe_list)
        self._reader = StoreReader(store, rows)
        self._hint = FirstStartHint(self, store.home)
        self._dispatcher = DispatcherKeeper(self, store)
        self._reading = False
        self._next_read = 0.0
        self._texts_shown: dict[str, str] = {}
        engines = EngineControls(self, answered=self.read_soon)
        sweeps = SweepControls(self, store, changed=self.read_soon)
        changes = StoreChanges(self, changed=self.read_soon)
        self._list_actions = ListActions(self.runs, self.filter, self._hint, read=self._read_now)
        self.add_actions(
            self._list_actions,
            EngineActions(self.runs, engines, sweeps),
            LabelActions(self, store, self.runs, changes),
            TrashActions(self, store, self.runs, changes),
            OpeningActions(self, store, self.runs),
        )

    def compose(self) -> ComposeResult:
        """Yield the counts, the filter, the table and the lines about the run under the cursor."""
        with Horizontal(id="top"):
            yield Static("nastui", id="title")
            yield Static("reading …", id="counts")
        yield self.filter
        yield self.table
        yield Static(id="nothing")
        yield Static(id="identity")
        yield Static(id="status-line")
        yield self._hint
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the store now, and then twice a second."""
        self.every_tick(self._tick)
        self.set_interval(dispatcher.SECONDS, self._dispatcher.ensure)  # whatever screen is in front
        self._tick()

    @property
    def live_runs(self) -> int:
        """The number of runs that have an engine."""
        return sum(record.status.live for record in self.runs.records)

    def pane(self) -> Widget:
        """Return the table."""
        return self.table

    # Reading

    def read_soon(self) -> None:
        """Read the whole store at the next tick."""
        self._next_read = 0.0
        self._reader.read_all()

    def on_screen_resume(self) -> None:
        """Read again at once: another screen may have changed many runs."""
        self.read_soon()

    def _read_now(self) -> None:
        self.read_soon()
        self._tick()

    def _tick(self) -> None:
        if not self._reading and not self.is_hidden and time.monotonic() >= self._next_read:
            self._reading = True
            self._read()

    @background(group="read")
    def _read(self) -> None:
        self.post_message(self._reader.read(self.runs.options, self.runs.read))

    def on_store_read(self, read: StoreRead) -> None:
        """Show what was read from the store."""
        self._reading = False
        if read.options.folded is not self.runs.options.folded:  # it was read before the key was pressed
            self._read_now()
            return
        self._next_read = time.monotonic() + read.rest
        if self._hint.shown is None and not read.problem:
            self._hint.show(first_start=read.is_first)
        elif self._hint.shown and read.records:
            self._hint.dismiss()
        for name in set(read.unreadable) - set(self.runs.read.unreadable):
            self.say(read.unreadable[name], "error")
        self.runs.take(read)

    def on_store_unchanged(self, unchanged: StoreUnchanged) -> None:
        """Show the ages as of now."""
        self._reading = False
        self.table.advance(time.time())
        if unchanged.waits is not self.runs.waits:
            self.runs.read.waits = unchanged.waits
            self._set_text("#counts", Text(counts(self.runs)))
            self.refresh_bindings()
        self._describe()

    def failed_in_background(self, group: str) -> None:
        """Read the store again after a while."""
        if group == "read":
            self._reading = False
            self._reader.read_all()
            self._next_read = time.monotonic() + _FAILED_SECONDS

    # Showing

    def _describe_list(self) -> None:
        """Show how many runs there are, and what to do if the list is empty."""
        runs = self.runs
        empty = runs.has_read and not self.table.rows
        self.set_class(empty, "empty")
        self.set_class(runs.has_read and not runs.records, "no-runs")
        if empty:
            instead = _NO_MATCH if runs.records else runs.read.problem
            self._set_text("#nothing", Text(instead) if instead else welcome(self))
        self._set_text("#counts", Text(counts(runs)))
        self._describe_highlighted()

    def _describe_highlighted(self) -> None:
        """Describe the run under the cursor, and offer the keys that have an effect on it."""
        self._describe()
        self.refresh_bindings()

    def _describe(self) -> None:
        identity, status = description(self.runs)
        self._set_text("#identity", Text(identity))
        self._set_text("#status-line", Text(status))

    def _set_text(self, selector: str, text: Text) -> None:
        """Set a line of text; it is drawn only if it has changed."""
        if self._texts_shown.get(selector) != text.plain:
            self._texts_shown[selector] = text.plain
            self.query_one(selector, Static).update(text)

    # The filter and the table

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the filter is being typed, letters are text; only then it can be left."""
        if action == "leave_filter" or (action in _LETTERS and self.filter.typing):
            return action == "leave_filter" and self.filter.typing
        return super().check_action(action, parameters)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the filter while it is typed."""
        self.runs.change(filter=RunFilter.parse(event.value))

    def on_run_table_highlighted(self) -> None:
        """Describe the run under the cursor."""
        self._describe_highlighted()

    def on_run_table_marked(self) -> None:
        """Count the marks."""
        self._set_text("#counts", Text(counts(self.runs)))
        self.refresh_bindings()

    def on_run_table_opened(self, event: RunTable.Opened) -> None:
        """Open the run."""
        self.post_message(OpenRun(event.record.id))

    def on_run_table_sweep_opened(self, event: RunTable.SweepOpened) -> None:
        """Open the sweep."""
        self.post_message(OpenSweep(event.group.id))

    def on_run_table_folded(self, event: RunTable.Folded) -> None:
        """Show the runs of a group below it, or hide them again."""
        self._list_actions.unfold(event.group.id)

    def on_run_table_heading_clicked(self, event: RunTable.HeadingClicked) -> None:
        """Sort by the column; if it is sorted by it already, reverse the order."""
        self._list_actions.sort_by(event.column)
