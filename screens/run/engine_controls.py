"""Asking things of a run's engine: what the Run screen can do besides looking."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from runs.errors import NastuiError, UsageError
from runs.home import short_id
from runs.log.events import CheckpointWritten, Entry
from runs.store.run_store import Record
from runs.store.status import Status
from runs.supervision import launcher
from screens.actions.screen import ActionScreen, Severity
from screens.error_text import told
from screens.widgets.confirm import Confirm


class RunRequests(ActionScreen[None]):
    """The keys that reach the engine. Each waits for its answer in a thread and tells how it came out."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: set[str] = set()

    @property
    def record(self) -> Record | None:
        """The run, once it has been read."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what would do nothing to the run as it is."""
        if not super().check_action(action, parameters):
            return False
        status = self.record.status if self.record is not None else None
        match action:
            case "pause" | "stop" | "checkpoint":
                return (status is not None and status.live) or None
            case "resume":
                return (status is not None and (status.resumable or status is Status.PAUSED)) or None
        return True

    def action_pause(self) -> None:
        """Hold the engine still, or let it go on."""
        if self.record is None:
            return
        if self.record.status is Status.PAUSED:
            self.action_resume()
            return
        record = self.record
        self._request("pause", lambda: launcher.pause(record))

    def action_resume(self) -> None:
        """Go on: with the paused engine, or with a new one from the checkpoint."""
        if self.record is not None:
            record = self.record
            self._request("resume", lambda: launcher.resume(record))

    def action_checkpoint(self) -> None:
        """Ask for a checkpoint now; the log tells when it is written."""
        if self.record is None:
            return
        try:
            launcher.checkpoint(self.record)
        except (NastuiError, OSError) as error:
            self.say(str(error), "error")
            return
        self._waiting.add("checkpoint")
        self.say("Asked for a checkpoint.")

    def action_stop(self) -> None:
        """Ask, then stop the engine with a checkpoint."""
        if self.record is None:
            return
        record = self.record

        def answered(yes: bool | None) -> None:
            if yes:
                self._request("stop", lambda: launcher.stop(record))

        question = f"Stop run {short_id(record.id)}?"
        self.app.push_screen(Confirm(question, "It ends with a checkpoint; R goes on from there."), answered)

    def tell_of(self, entries: list[Entry]) -> None:
        """Say that the checkpoint that was asked for is there."""
        for entry in entries:
            if isinstance(entry.event, CheckpointWritten) and "checkpoint" in self._waiting:
                self._waiting.discard("checkpoint")
                self.say(f"A checkpoint is written, after epoch {entry.event.epoch}.")

    def _request(self, wish: str, act: Callable[[], Status]) -> None:
        if wish in self._waiting:
            self.say(f"The engine has not yet answered to '{wish}'.", "warning")
            return
        self._waiting.add(wish)
        app, short = self.app, short_id(self.record.id) if self.record is not None else ""
        log = getattr(app, "trouble_log", None)

        def wait() -> None:
            try:
                answer, severity = f"Run {short} is {act()}.", "information"
            except Exception as error:  # whatever it is: a thread that dies would leave the wish unanswered for ever
                answer, severity = told(error, wish, log), "warning" if isinstance(error, UsageError) else "error"
            with contextlib.suppress(RuntimeError):  # the app is being left
                if app.is_running:
                    app.call_from_thread(self._answer, wish, answer, severity)

        # Not a worker: those are waited for when the app is left, and an engine may take minutes to answer.
        threading.Thread(target=wait, name=wish, daemon=True).start()

    def _answer(self, wish: str, answer: str, severity: Severity) -> None:
        self._waiting.discard(wish)
        self.say(answer, severity)
