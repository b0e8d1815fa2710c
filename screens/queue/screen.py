"""The Queue screen: devices as lanes, what runs on each; what waits, for what, and until when; what Slurm has."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from runs.errors import NastuiError
from runs.fleet import queueing
from runs.fleet.grid import Combination
from runs.home import short_id
from runs.machine import cores
from runs.machine.meters import Machine, Meter
from runs.store import device_usage
from runs.store.queue import Document
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.slurm_jobs import SlurmJobs
from screens import settings
from screens.actions.bindings import bindings
from screens.actions.screen import ActionScreen, background
from screens.destinations import OpenRun
from screens.engine_controls import EngineControls
from screens.models.queue import QueueLine, QueueView
from screens.store_watch import StoreWatch
from screens.views.queue import queue_view, varied_text
from screens.views.status_line import identity
from screens.widgets.key_line import KeyLine
from screens.widgets.queue_list import QueueList

if TYPE_CHECKING:
    from runs.fleet.sweep_store import SweepStore

# Seconds between measurements of the machine, which take longer than a look at the store.
_MEASURED_SECONDS = 2.0
# A queue of very many runs takes long to read; it is then left alone for this many times as long.
_REST = 5
_EMPTY = "No run waits. In New run, choose seeds or 'queued'; or: nastui search drnas --preset quick --seeds 0-4"


@dataclass
class QueueRead(Message):
    """The queue was read; the view is None if nothing has changed."""

    view: QueueView | None
    records: list[Record]


class QueueScreen(ActionScreen[None]):
    """The devices, the queue and Slurm's jobs above a description of the run under the cursor.

    Args:
        store: whose queue it is.
    """

    DEFAULT_CSS = """
    QueueScreen {
        #top { height: 1; padding: 0 1; }
        #title { width: auto; color: $accent; text-style: bold; }
        #counts { width: 1fr; text-align: right; }
        QueueList { height: 1fr; padding: 0 1; }
        #identity { height: 1; padding: 0 1; text-style: dim; text-wrap: nowrap; text-overflow: ellipsis; }
        #reason { height: 2; padding: 0 1; }
    }
    """
    SCOPE = "queue"
    AUTO_FOCUS = "QueueList"
    BINDINGS: ClassVar[list[BindingType]] = bindings("queue")

    def __init__(self, store: RunStore) -> None:
        super().__init__()
        self.store = store
        self._watch = StoreWatch(store)
        self._engines = EngineControls(self, answered=self._read_now)
        self._meter, self._machine, self._measured = Meter(), Machine(cores.allowed()), float("-inf")
        self._users: dict[str, tuple[str, ...]] = {}
        self._known: tuple[list[Record], Document] = ([], Document())
        self._jobs, self._fault = SlurmJobs(store.home), ""
        self._sweeps: SweepStore | None = None
        self._shown: frozenset[str] = frozenset()
        self._varied: dict[str, Combination] = {}
        self._records: dict[str, Record] = {}
        self._reading, self._next_read = False, 0.0

    def compose(self) -> ComposeResult:
        """Yield the counts, the list and the lines about the run under the cursor."""
        with Horizontal(id="top"):
            yield Static("queue", id="title")
            yield Static("reading …", id="counts")
        yield QueueList()
        yield Static(id="identity")
        yield Static(id="reason")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the queue now, and then twice a second."""
        self.every_tick(self._tick)
        self._tick()

    def on_screen_resume(self) -> None:
        """Read everything again: another screen may have noticed changes."""
        self._watch.read_all()

    @property
    def list(self) -> QueueList:
        """The devices and the queue."""
        return self.query_one(QueueList)

    # Reading

    def _tick(self) -> None:
        if not self._reading and not self.is_hidden and time.monotonic() >= self._next_read:
            self._reading = True
            self._read()

    def _read_now(self) -> None:
        self._next_read = 0.0
        self._tick()

    @background(group="read")
    def _read(self) -> None:
        began, measured = time.monotonic(), False  # whether the measured devices have changed
        found = self._watch.look()
        if found is not None:
            self._known = found
            self._users = device_usage.users(found[0])
            self._varied = self._told_apart(*found)
        if time.monotonic() - self._measured >= _MEASURED_SECONDS:
            before, self._machine = self._machine, self._meter.look()
            self._measured, measured = time.monotonic(), self._machine.gpus != before.gpus
        view = None
        records, document = self._known
        before_fault, self._fault = self._fault, self._jobs.read().fault
        if found is not None or measured or self._fault != before_fault:
            slots, machine = queueing.cpu_slots(document), self._machine
            view = queue_view(
                document, records, self._users, machine.gpus, machine.cores, slots, self._varied, self._fault
            )
        self._next_read = time.monotonic() + _REST * (time.monotonic() - began)
        self.post_message(QueueRead(view, records))

    def _told_apart(self, records: Sequence[Record], document: Document) -> dict[str, Combination]:
        """Return what tells the members of sweeps apart that wait, run or are in Slurm."""
        # Imported here, because it would slow down the start of the app.
        from runs.fleet.sweep_store import SweepStore

        self._sweeps = self._sweeps or SweepStore(self.store)
        queued = {entry.run for entry in document.entries}
        shown = [record for record in records if record.status.live or record.is_in_slurm or record.id in queued]
        runs = frozenset(record.id for record in shown)
        if runs != self._shown:
            self._shown, self._varied = runs, self._sweeps.varied(shown)
        return self._varied

    def failed_in_background(self, group: str) -> None:
        """Read again at the next tick."""
        if group == "read":
            self._reading = False
            self._watch.read_all()

    def on_queue_read(self, read: QueueRead) -> None:
        """Show what was read."""
        self._reading = False
        if read.view is None:
            return
        self._records = {record.id: record for record in read.records}
        self.list.show(read.view)
        self.query_one("#counts", Static).update(Text(" · ".join(read.view.counts)))
        self._describe()

    def on_queue_list_highlighted(self) -> None:
        """Describe the run under the cursor."""
        self._describe()

    def _describe(self) -> None:
        line = self.list.highlighted
        record = self._records.get(line.run) if line is not None else None
        varied = varied_text(record, self._varied) if record is not None else ""
        self.query_one("#identity", Static).update(Text(identity(record, varied) if record is not None else ""))
        reason = _EMPTY if line is None else line.job
        if line is not None and line.waiting:
            parts = [f"queued {queueing.ordinal(int(line.place))}", "held" if line.held else "", line.reason]
            parts.append(f"will probably start {line.words[-1]}" if line.words[-1].startswith("in ") else "")
            reason = ", ".join(dict.fromkeys(filter(None, parts)))
            reason += " · R releases it" if line.held and not settings.of(self.app).readonly else ""
        self.query_one("#reason", Static).update(Text(reason))
        self.refresh_bindings()

    def pane(self) -> Widget:
        """Return the list."""
        return self.list

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable actions that have no effect on the run under the cursor."""
        if not super().check_action(action, parameters):
            return False
        line = self.list.highlighted if self.is_mounted else None
        match action:
            case "hold":
                return (line is not None and line.waiting) or None
            case "release":
                return (line is not None and line.held) or None
            case "shift" | "first":
                return (line is not None and line.waiting) or None
            case "stop" | "copy_id":
                return line is not None or None
        return True

    def on_queue_list_opened(self, event: QueueList.Opened) -> None:
        """Open the run."""
        self.post_message(OpenRun(event.run))

    def action_hold(self) -> None:
        """Hold the run under the cursor back, or release it."""
        line = self.list.highlighted
        held = line is not None and line.held
        self._change(lambda run: queueing.hold(self.store.home, {run}, held=not held))

    def action_release(self) -> None:
        """Release the run under the cursor."""
        self._change(lambda run: queueing.hold(self.store.home, {run}, held=False))

    def action_shift(self, by: int) -> None:
        """Move the run under the cursor towards the end or the front of the queue."""
        self._change(lambda run: self.store.queue.shift(run, by))

    def action_first(self) -> None:
        """Move the run under the cursor to the front."""
        self._change(lambda run: self.store.queue.move(run, 1))

    @work
    async def action_stop(self) -> None:
        """Stop the run under the cursor, or take it out of the queue, after asking."""
        line = self.list.highlighted
        record = self._records.get(line.run) if line is not None else None
        if line is not None and record is not None:
            await self._engines.stop([record], {line.run} if line.waiting else ())

    def action_copy_id(self) -> None:
        """Copy the whole id of the run."""
        line = self.list.highlighted
        if line is not None:
            self.copy(line.run, line.run, self.store.home.run(line.run).root)

    def action_leave(self) -> None:
        """Go back; the queue works on."""
        self.dismiss()

    def _change(self, change: Callable[[str], object]) -> None:
        """Change the place of the run under the cursor in a thread: another process may hold the queue."""
        line: QueueLine | None = self.list.highlighted
        if line is None:
            return

        def apply() -> None:
            try:
                change(line.run)
            except NastuiError as error:
                self.say(f"{short_id(line.run)}: {error}", "error")
            self.deliver(self._read_now)

        self.in_background(apply, group="queue")
