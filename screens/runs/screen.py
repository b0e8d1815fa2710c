"""The Runs screen: every run of the store, and its current status."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from runs.errors import NastuiError
from runs.fleet.queueing import Wait, ensure_dispatcher, to_start, waits
from runs.formatting import count
from runs.store.filter import EVERYTHING, EXAMPLE, RunFilter, Texts
from runs.store.groups import Group, sweep_of
from runs.store.queue import Document
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.status import Status
from screens import first_start, settings
from screens.actions.bindings import bindings
from screens.actions.screen import ActionScreen, background
from screens.destinations import OpenComparison, OpenGenotypes, OpenNewRun, OpenQueue, OpenRun, OpenSweep
from screens.engine_controls import EngineControls
from screens.formatting import clean, status_label, status_sign
from screens.label_editing import edit_labels
from screens.models.run_columns import COLUMNS, Row, WantedWidths, runs_of, wanted_widths
from screens.runs.commands import StoreCommands
from screens.runs.run_list import Folding, GroupsOfAll, RunListOptions, StoreRead, StoreUnchanged
from screens.sweep_commands import resumed
from screens.views.status_line import group_identity, group_status_line, identity, status_line
from screens.widgets.filter_line import FilterLine
from screens.widgets.key_line import KeyLine
from screens.widgets.run_table import RunTable

# A dispatcher that was killed is replaced within this time.
_DISPATCHER_SECONDS = 2.0
# Reading very many runs takes long; the store is then left alone for this many times as long.
_REST = 5

_READONLY_WELCOME = "No runs yet, and with --readonly none can be started here."
_NO_MATCH = f"No run matches the filter. esc clears it. It accepts {EXAMPLE}."
_LETTERS = {
    *(
        "new_run",
        "demonstrate",
        "latest",
        "filter",
        "resume",
        "stop",
        "pause",
        "undo",
        "tags",
        "labels",
        "trash",
        "compare",
    ),
    *("fold", "genotypes", "queue", "quit"),
}
"""Actions whose keys are letters: they are off while the filter is typed."""


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
        #hint { height: auto; padding: 0 1; display: none; }
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
        self.filter = FilterLine(EXAMPLE, below="RunTable")
        self._engines = EngineControls(self, answered=self.read_soon)
        self._commands = StoreCommands(self, store, changed=self.read_soon)
        self._records: list[Record] = []
        self._widths: WantedWidths = {}
        self._statuses: Counter[Status] = Counter()
        self._in_slurm = 0
        self._options = RunListOptions()
        self._texts, self._groups_of_all = Texts(), GroupsOfAll()
        self._waits: Mapping[str, Wait] = {}
        self._waits_of: tuple[Document, Mapping[str, Wait]] = (Document(), {})
        self._ensuring = False
        self._dispatcher_problem = ""
        self._reading = self._has_read = False
        self._next_read = self._last_look = 0.0
        self._problem = ""
        self._hint: bool | None = None
        self._unreadable: dict[str, str] = {}
        self._texts_shown: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """Yield the counts, the filter, the table and the lines about the run under the cursor."""
        with Horizontal(id="top"):
            yield Static("nastui", id="title")
            yield Static("reading …", id="counts")
        yield self.filter
        yield RunTable(id="runs")
        yield Static(id="nothing")
        yield Static(id="identity")
        yield Static(id="status-line")
        yield Static(id="hint")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the store now, and then twice a second."""
        self.every_tick(self._tick)
        self.set_interval(_DISPATCHER_SECONDS, self._keep_dispatcher)  # whatever screen is in front
        self._tick()

    def _keep_dispatcher(self) -> None:
        if not self._ensuring and not settings.of(self.app).readonly:
            self._ensuring = True
            self._ensure_dispatcher()

    @background(group="dispatcher")
    def _ensure_dispatcher(self) -> None:
        problem = ""
        try:
            ensure_dispatcher(self.store.home, self.store.queue)
        except NastuiError as error:
            problem = str(error)
        if problem and problem != self._dispatcher_problem:
            self.say(problem, "error")
        self._dispatcher_problem, self._ensuring = problem, False

    def on_screen_resume(self) -> None:
        """Read again at once: another screen may have changed many runs."""
        self.read_soon()

    def read_soon(self) -> None:
        """Read the whole store at the next tick."""
        self._next_read = self._last_look = 0.0

    @property
    def table(self) -> RunTable:
        """The table of runs."""
        return self.query_one(RunTable)

    @property
    def chosen(self) -> list[Record]:
        """The runs that a key acts on: the marked ones, else those under the cursor."""
        if self.table.marked:
            return [record for record in self._records if record.id in self.table.marked]
        return list(runs_of(self.table.highlighted)) if self.table.highlighted else []

    @property
    def live_runs(self) -> int:
        """The number of runs that have an engine."""
        return sum(record.status.live for record in self._records)

    def _tick(self) -> None:
        if self._reading or self.is_hidden or time.monotonic() < self._next_read:
            return
        self._reading = True
        self._read(self._options)

    @background(group="read")
    def _read(self, options: RunListOptions) -> None:
        began = time.monotonic()
        last, self._last_look = self._last_look, began
        try:
            if last and not self.store.look(began - last):
                self.post_message(StoreUnchanged(self._known_waits()))
                return
            records = self.store.known() if last else self.store.records()
            for record in records:
                self._texts.of(record)  # done here, so that the first letter of a filter need not wait for it
            rows = options.rows(records, self._texts, self._groups_of_all)
            # The columns keep their widths while a filter is typed.
            every_row = rows
            if options.filter:
                everything = dataclasses.replace(options, filter=EVERYTHING)
                every_row = everything.rows(records, self._texts, self._groups_of_all)
            statuses = Counter(record.shown_status for record in records)
            read = StoreRead(records, wanted_widths(every_row), options, rows, statuses, dict(self.store.unreadable))
            read.waits = self._known_waits()
            read.in_slurm = sum(record.is_in_slurm and not record.status.live for record in records)
            read.is_first = self._hint is None and not records and first_start.is_first(self.store.home)
        except NastuiError as error:
            self._last_look = 0.0
            rows, known = self.table.rows, self._unreadable
            read = StoreRead(self._records, self._widths, options, rows, self._statuses, known, str(error))
        # After a full reading the next one is only a look.
        read.rest = _REST * (time.monotonic() - began) if last or read.problem else 0.0
        self.post_message(read)

    def _known_waits(self) -> Mapping[str, Wait]:
        """Return the places in the queue; the same object if the queue has not changed."""
        document = self.store.queue.read()
        if document is not self._waits_of[0]:
            self._waits_of = document, waits(document)
        return self._waits_of[1]

    def on_store_read(self, read: StoreRead) -> None:
        """Show what was read from the store."""
        self._reading, self._has_read = False, True
        if read.options.folded is not self._options.folded:  # it was read before the key was pressed
            self.read_soon()
            self._tick()
            return
        self._next_read = time.monotonic() + read.rest
        self._records, self._widths, self._problem = read.records, read.widths, read.problem
        self._statuses, self._waits, self._in_slurm = read.statuses, read.waits, read.in_slurm
        if self._hint is None and not read.problem:
            self._hint = read.is_first
        elif self._hint and read.records:
            self._dismiss_hint()
        for name in set(read.unreadable) - set(self._unreadable):
            self.say(read.unreadable[name], "error")
        self._unreadable = read.unreadable
        self.table.marked &= {record.id for record in read.records} if self.table.marked else set()
        self._show(read.rows if read.options == self._options else None)

    def on_store_unchanged(self, unchanged: StoreUnchanged) -> None:
        """Show the ages as of now."""
        self._reading = False
        self.table.advance(time.time())
        if unchanged.waits is not self._waits:
            self._waits = unchanged.waits
            self._set_text("#counts", self._counts())
            self.refresh_bindings()
        self._describe()

    def _show(self, rows: list[Row] | None = None) -> None:
        """Update everything; ``rows`` saves filtering and sorting if that is done already."""
        options = self._options
        if rows is None:
            rows = options.rows(self._records, self._texts, self._groups_of_all)
        self.table.show(rows, self._widths, options.by, backwards=options.backwards, now=time.time())
        self.set_class(self._has_read and not rows, "empty")
        self.set_class(self._has_read and not self._records, "no-runs")
        if not rows:
            instead = _NO_MATCH if self._records else self._problem
            self._set_text("#nothing", Text(instead) if instead else self._welcome())
        self._set_text("#counts", self._counts())
        self._show_hint()
        self._describe_highlighted()

    def _welcome(self) -> Text:
        """Return what to do in an empty store."""
        if settings.of(self.app).readonly:
            return Text(_READONLY_WELCOME)
        text = Text("No runs yet.\n")
        for action, does in (
            ("runs.new", "start a search: its method, preset and every hyperparameter"),
            ("runs.demonstrate", "start the demonstration: the preset 'quick' on the embedded digits"),
        ):
            text.append(f"\n{self.key_of(action):>3}", "bold").append(f"  {does}")
        return text.append("\n     about a minute, nothing to download", "dim")

    def _show_hint(self) -> None:
        """Show or hide the line for somebody who starts nastui for the first time."""
        hint = self.query_one("#hint", Static)
        hint.display = bool(self._hint)
        if not self._hint:
            return
        starts = [("runs.new", "starts a run")] if not settings.of(self.app).readonly else []
        parts = [*starts, ("everywhere.keys", "explains the keys"), ("runs.quit", "quits, runs continue")]
        parts.append(("runs.clear", "hides this"))
        line = Text(style="dim")
        for action, does in parts:
            line.append(" · " if line else "").append(self.key_of(action), "bold not dim").append(f" {does}")
        self._set_text("#hint", line)

    def _dismiss_hint(self) -> None:
        """Hide the line for a first start, for good."""
        self._hint = False
        self._show_hint()
        self.refresh_bindings()
        if not settings.of(self.app).readonly:
            self.in_background(partial(first_start.dismiss, self.store.home), group="hint")

    def _counts(self) -> Text:
        if not self._has_read:
            return Text("reading …")
        every = count(len(self._records), "run")
        parts = [f"{len(self.table.records):,} of {every}" if self._options.filter else every]
        if self._options.folded is Folding.SEEDS:
            parts.append("seeds folded")
        for status in (Status.STALLED, Status.RUNNING, Status.PAUSED, Status.STOPPING, Status.LOST, Status.FAILED):
            if number := self._statuses[status]:
                parts.append(f"{number:,} {status}")
        if self._waits:
            parts.append(f"{len(self._waits):,} in the queue")
        if self._in_slurm:
            parts.append(f"{self._in_slurm:,} wait{'s' if self._in_slurm == 1 else ''} for Slurm")
        if self._unreadable:
            parts.append(f"{len(self._unreadable):,} unreadable")
        if self.table.marked:
            parts.append(f"{len(self.table.marked):,} marked")
        return Text(" · ".join(parts))

    def _describe_highlighted(self) -> None:
        """Describe the run under the cursor, and offer the keys that have an effect on it."""
        self._describe()
        self.refresh_bindings()

    def _describe(self) -> None:
        row = self.table.highlighted
        first = line = ""
        if self._problem:
            line = f"{status_sign(Status.FAILED)} {clean(self._problem)}"
        elif isinstance(row, Group):
            first, line = group_identity(row), group_status_line(row)
        elif row is not None:
            wait = self._waits.get(row.id) if row.status is Status.QUEUED else None
            label = status_sign(row.status) if wait else f"{status_label(row.shown_status)}:"
            first, line = identity(row), f"{label} {status_line(row, time.time(), wait)}"
            line += " · Q shows the queue" if wait else ""
        self._set_text("#identity", Text(first))
        self._set_text("#status-line", Text(line))

    def _set_text(self, selector: str, text: Text) -> None:
        """Set a line of text; it is drawn only if it has changed."""
        if self._texts_shown.get(selector) != text.plain:
            self._texts_shown[selector] = text.plain
            self.query_one(selector, Static).update(text)

    def failed_in_background(self, group: str) -> None:
        """Read the store again after a while."""
        if group == "read":
            self._reading, self._last_look = False, 0.0
            self._next_read = time.monotonic() + _REST

    def pane(self) -> Widget:
        """Return the table."""
        return self.table

    # Which keys have an effect

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions that have no effect on the chosen runs. While the filter is being typed, letters are text."""
        if not super().check_action(action, parameters):
            return False
        filtering = self.filter.typing
        if filtering and action in _LETTERS:
            return False
        match action:
            case "leave_filter":
                return filtering
            case "clear":
                return filtering or bool(self._options.filter or self.table.marked or self._hint) or None
            case "resume":
                return bool(self._to_resume()) or None
            case "stop":
                return any(r.status.live or r.id in self._waits or r.is_in_slurm for r in self.chosen) or None
            case "pause":
                return any(record.status.live for record in self.chosen) or None
            case "compare":
                return len(self.chosen) > 1 or None
            case "undo":
                return self._commands.can_undo or None
            case "demonstrate":
                return (self._has_read and not self._records and not self._problem) or None
            case "latest" | "fold" | "filter":
                return bool(self._records) or None
            case "labels":
                return len(self.chosen) == 1 or None
            case "tags" | "trash" | "copy_id":
                return bool(self.chosen) or None
        return True

    # The table

    def on_run_table_highlighted(self) -> None:
        """Describe the run under the cursor."""
        self._describe_highlighted()

    def on_run_table_marked(self) -> None:
        """Count the marks."""
        self._set_text("#counts", self._counts())
        self.refresh_bindings()

    def on_run_table_opened(self, event: RunTable.Opened) -> None:
        """Open the run."""
        self.post_message(OpenRun(event.record.id))

    def on_run_table_sweep_opened(self, event: RunTable.SweepOpened) -> None:
        """Open the sweep."""
        self.post_message(OpenSweep(event.group.id))

    def on_run_table_folded(self, event: RunTable.Folded) -> None:
        """Show the runs of a group below it, or hide them again."""
        self._change_options(unfolded=self._options.unfolded ^ {event.group.id})

    def on_run_table_heading_clicked(self, event: RunTable.HeadingClicked) -> None:
        """Sort by the column; if it is sorted by it already, reverse the order."""
        again = event.column is self._options.by
        self._change_options(by=event.column, backwards=again and not self._options.backwards)

    def action_filter(self) -> None:
        """Start typing a filter."""
        self.filter.ask()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Apply the filter while it is typed."""
        self._change_options(filter=RunFilter.parse(event.value))

    def action_leave_filter(self) -> None:
        """Go back to the table and keep the filter."""
        self.filter.leave()

    def action_clear(self) -> None:
        """Clear the filter; if there is none, the marks; if there are none, the hint of a first start."""
        if self.filter.clear():
            return
        if self.table.marked:
            self._unmark(self._records)
        elif self._hint:
            self._dismiss_hint()

    def _unmark(self, records: Sequence[Record]) -> None:
        self.table.marked -= {record.id for record in records}
        self.table.restyle_marks()

    def action_fold(self) -> None:
        """Fold sweeps into one row each, or runs that differ only in their seed, or nothing."""
        # In the background: all rows change, and the widths of the columns with them.
        folded = self._options.folded.next(sweeps=any(map(sweep_of, self._records)))
        self._options = dataclasses.replace(self._options, folded=folded, unfolded=frozenset())
        self.read_soon()
        self._tick()

    def action_sort(self, step: int) -> None:
        """Sort by another column."""
        shown = [column for column in COLUMNS if column.title in self._widths]
        index = shown.index(self._options.by) if self._options.by in shown else -1
        self._change_options(by=shown[(index + step) % len(shown)], backwards=False)

    def action_reverse(self) -> None:
        """Reverse the order."""
        self._change_options(backwards=not self._options.backwards)

    def _change_options(self, **changes: Any) -> None:
        self._options = dataclasses.replace(self._options, **changes)
        self._show()

    # The chosen runs

    def action_demonstrate(self) -> None:
        """Start the demonstration."""
        self._commands.demonstrate()

    def action_resume(self) -> None:
        """Resume the chosen runs that have no engine. Those of a folded sweep go into the queue, not all at once."""
        if (sweep := self._folded_sweep) is not None:
            self._resume_sweep(sweep.id)
        else:
            self._engines.resume(self._to_resume())

    @property
    def _folded_sweep(self) -> Group | None:
        """The sweep under the cursor that a key acts on as a whole; None if runs are marked, or there is none."""
        row = self.table.highlighted
        return row if not self.table.marked and isinstance(row, Group) and row.is_sweep else None

    def _to_resume(self) -> list[Record]:
        """Return the chosen runs that can be resumed; of a folded sweep, those that do not wait already."""
        if self._folded_sweep is not None:
            return to_start(self.chosen, self._waits_of[0])
        return [record for record in self.chosen if record.resumable]

    @background(group="sweep")
    def _resume_sweep(self, sweep: str) -> None:
        self.say(resumed(self.store, sweep))
        self.read_soon()

    def action_pause(self) -> None:
        """Pause the chosen runs; if none is running, resume the paused ones."""
        self._engines.pause(self.chosen)

    @work
    async def action_stop(self) -> None:
        """Stop the chosen runs with a checkpoint, after asking; those that wait leave the queue."""
        await self._engines.stop(self.chosen, self._waits)

    @work
    async def action_tags(self) -> None:
        """Edit the tags of the chosen runs."""
        await self._commands.tag(self.chosen)

    @work
    async def action_labels(self) -> None:
        """Edit the name and the note of the chosen run."""
        if len(self.chosen) == 1:
            await edit_labels(self, self.store, self.chosen[0], changed=self.read_soon)

    @work
    async def action_trash(self) -> None:
        """Move the chosen runs to the trash, after asking."""
        chosen = self.chosen
        if await self._commands.trash(chosen):
            self._unmark(chosen)

    def action_undo(self) -> None:
        """Restore what was last moved to the trash."""
        self._commands.undo()

    def action_copy_id(self) -> None:
        """Copy the whole ids of the chosen runs."""
        chosen = self.chosen
        path = chosen[0].paths.root if len(chosen) == 1 else self.store.home.runs
        title = chosen[0].id if len(chosen) == 1 else count(len(chosen), "id")
        self.copy(" ".join(record.id for record in chosen), title, path)

    # Other screens

    def action_new_run(self) -> None:
        """Open the form of a new run; in an empty store it starts with the preset of the demonstration."""
        self.post_message(OpenNewRun("paper" if self._records else "quick"))

    def action_latest(self) -> None:
        """Open the newest run."""
        self.post_message(OpenRun(self._records[0].id))

    def action_compare(self) -> None:
        """Compare the chosen runs."""
        self.post_message(OpenComparison([record.id for record in self.chosen]))

    def action_genotypes(self) -> None:
        """Open the library of genotypes."""
        self.post_message(OpenGenotypes())

    def action_queue(self) -> None:
        """Open the queue."""
        self.post_message(OpenQueue())
