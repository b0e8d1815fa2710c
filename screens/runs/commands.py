"""What the Runs screen does to runs: all that leaves a trace in the store, and starting the demonstration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import work
from textual.message import Message

from runs.configuration import Draft
from runs.errors import NastuiError
from runs.home import short_id
from runs.store.requests import Request, send
from runs.store.run_store import Record, RunStore
from runs.store.status import Status
from screens.actions.screen import ActionScreen, background
from screens.error_text import told
from screens.formatting import count
from screens.runs.listing import named, retagged
from screens.widgets.ask_line import AskLine
from screens.widgets.confirm import Confirm

DEMONSTRATION = Draft(method="drnas", preset="quick", name="demonstration")
"""A search that needs nothing but what is installed."""


@dataclass
class DemonstrationStarted(Message):
    """The demonstration runs, or there is none."""

    run: str = ""


class RunActs(ActionScreen[None]):
    """The keys that change runs. Each works in a thread and says how it came out.

    Args:
        store: where the runs lie.

    Attributes:
        removed: what was moved to the trash, the newest last.
    """

    def __init__(self, store: RunStore) -> None:
        super().__init__()
        self.store = store
        self.removed: list[list[Record]] = []
        self._starting = False

    @property
    def chosen(self) -> list[Record]:
        """The runs that a key is for."""
        raise NotImplementedError

    def look_soon(self) -> None:
        """Look at the store again: runs have changed."""
        raise NotImplementedError

    def unmark(self, records: Sequence[Record]) -> None:
        """Take marks away."""
        raise NotImplementedError

    def action_demonstrate(self) -> None:
        """Start the demonstration at once."""
        if not self._starting:
            self._starting = True
            self.say("Starting the demonstration …")
            self._demonstrate()

    @background(group="demonstrate")
    def _demonstrate(self) -> None:
        from runs.supervision import launcher

        try:
            config, _ = launcher.start(self.store, DEMONSTRATION)
            self.post_message(DemonstrationStarted(config.id))
        except NastuiError as error:
            self.say(str(error), "error")
            self.post_message(DemonstrationStarted())

    def on_demonstration_started(self, event: DemonstrationStarted) -> None:
        """Watch it."""
        from screens.run.screen import RunScreen

        self._starting = False
        if event.run:
            self.app.push_screen(RunScreen(self.store, event.run))

    def failed_in_background(self, work: str) -> None:
        """Let the person start again."""
        if work == "demonstrate":
            self._starting = False

    def action_resume(self) -> None:
        """Start engines for the chosen runs that have none."""
        chosen = [record for record in self.chosen if record.status.resumable]
        self.say(f"Resuming {named(chosen)} …")
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
            self.unmark(chosen)
            removed: list[Record] = []
            self.removed.append(removed)

            def remove(record: Record) -> None:
                self.store.remove(record)
                removed.append(record)

            self._each(chosen, remove, "Moved to the trash, u brings back:")

    def action_undo(self) -> None:
        """Bring back what was last moved to the trash."""
        if self.removed:
            self._each(self.removed.pop(), lambda record: self.store.restore(record.id), "Brought back:")

    @background(group="act")
    def _each(self, records: Sequence[Record], act: Callable[[Record], object], done: str) -> None:
        """Do something to runs, one after another; say what was done and what could not be."""
        succeeded = []
        for record in records:
            try:
                act(record)
                succeeded.append(record)
            except NastuiError as error:
                self.say(str(error), "error")
            except OSError as error:
                self.say(f"Run '{short_id(record.id)}': {told(error, '', None)}", "error")
        if succeeded and done:
            self.say(f"{done} {named(succeeded)}.")
        self.look_soon()

    def _resume(self, record: Record) -> None:
        from runs.supervision.launcher import resume

        resume(record)
