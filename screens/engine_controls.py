"""Pausing, resuming and stopping the engines of runs, and asking them for checkpoints."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Literal

from runs.errors import ChangedDataError, NastuiError, UsageError
from runs.formatting import count
from runs.home import short_id
from runs.log.events import CheckpointWritten, Entry
from runs.store.checkpoint_file import DamagedCheckpointError
from runs.store.record import Record
from runs.store.status import Status
from screens.actions.closing import Question
from screens.actions.screen import ActionScreen
from screens.clipboard import Severity
from screens.error_text import error_text
from screens.formatting import run_names
from screens.widgets.confirm import Confirm

Request = Literal["pause", "resume", "go back", "stop", "kill"]


def can_resume(record: Record) -> bool:
    """Return whether a run has a paused engine, or can get a new one."""
    return record.resumable or record.status is Status.PAUSED


def can_stop(record: Record, waiting: Collection[str] = ()) -> bool:
    """Return whether a run has an engine, waits in the queue or waits for Slurm.

    Args:
        record: the run.
        waiting: the ids of the runs that wait in the queue.
    """
    in_slurm = record.status is Status.QUEUED and record.is_in_slurm
    return record.status.live or record.id in waiting or in_slurm


class EngineControls:
    """Sends requests to engines for a screen, which shows the outcome.

    Each request waits for its answer in a thread of its own.

    Args:
        screen: shows the notifications and asks before a run is stopped.
        answered: called in the app's thread after each answer.
    """

    def __init__(self, screen: ActionScreen[None], answered: Callable[[], object] = lambda: None) -> None:
        self._screen, self._answered = screen, answered
        self._waiting: set[tuple[str, str]] = set()

    def pause(self, records: Sequence[Record]) -> None:
        """Pause the running engines; if none is running, resume the paused ones."""
        running = [record for record in records if record.status is Status.RUNNING]
        paused = [record for record in records if record.status is Status.PAUSED]
        if running or not paused:
            self._request("pause", running or records)
        else:
            self.resume(paused)

    def resume(self, records: Sequence[Record]) -> None:
        """Resume runs: wake paused engines, and start new ones from the checkpoints of runs that have none."""
        self._request("resume", list(filter(can_resume, records)))

    async def stop(self, records: Sequence[Record], waiting: Collection[str] = ()) -> None:
        """Stop engines with a checkpoint and kill stalled ones, each after asking; call it from a worker.

        Args:
            records: the runs; those without an engine are left alone, unless they wait.
            waiting: the ids of runs that wait in the queue, which they leave; so do those that wait for Slurm.
        """
        stalled = [record for record in records if record.stall is not None]
        stopped = [record for record in records if record.stall is None and can_stop(record, waiting)]
        if stopped:
            question = _stop_question(stopped)
            if await self._screen.ask(question):
                self._request("stop", stopped)
        if stalled:
            question = _kill_question(stalled)
            if await self._screen.ask(question):
                self._request("kill", stalled)

    def checkpoint(self, record: Record) -> None:
        """Ask the engine for a checkpoint now; :meth:`note` says when it is written."""
        from runs.supervision import engine_requests

        try:
            engine_requests.checkpoint(record)
        except (NastuiError, OSError) as error:
            self._screen.say(str(error), "error")
            return
        self._waiting.add(("checkpoint", record.id))
        self._screen.say("Asked for a checkpoint.")

    def note(self, record: Record, entries: Sequence[Entry]) -> None:
        """Notify that the requested checkpoint has been written, if one of the new events says so."""
        for entry in entries:
            if isinstance(entry.event, CheckpointWritten) and ("checkpoint", record.id) in self._waiting:
                self._waiting.discard(("checkpoint", record.id))
                self._screen.say(f"A checkpoint was written after epoch {entry.event.epoch}.")

    def _request(self, request: Request, records: Sequence[Record]) -> None:
        asked = [record for record in records if (request, record.id) not in self._waiting]
        if records and not asked:
            self._screen.say(f"The engine has not yet answered '{request}'.", "warning")
        if len(asked) > 1:
            self._screen.say(f"Asked {run_names(asked)} to {request}.")
        for record in asked:
            self._waiting.add((request, record.id))
            # Not a worker: the app waits for workers when it quits, and an engine may take minutes to answer.
            threading.Thread(target=self._send, args=(request, record), name=request, daemon=True).start()

    def _resume_on_changed_data(self, record: Record) -> None:
        self._waiting.add(("resume", record.id))
        arguments = ("resume", record, True)
        threading.Thread(target=self._send, args=arguments, name="resume", daemon=True).start()

    def _send(self, request: Request, record: Record, accept_changed_data: bool = False) -> None:
        # Imported here, because it would slow down the start of the app.
        from runs.supervision import engine_requests, resuming, stopping

        app = self._screen.app
        severity: Severity = "information"
        sends: dict[Request, Callable[[Record], Status]] = {
            "pause": engine_requests.pause,
            "resume": partial(resuming.resume, accept_changed_data=True) if accept_changed_data else resuming.resume,
            "go back": partial(resuming.resume, previous_checkpoint=True),
            "stop": stopping.stop,
            "kill": stopping.kill,
        }
        changed: ChangedDataError | None = None
        try:
            message = f"Run {short_id(record.id)} is {sends[request](record)}."
        except ChangedDataError as error:
            changed, message, severity = error, str(error), "error"
        except DamagedCheckpointError as error:
            message, severity = error.message if error.has_previous else str(error), "error"
            if error.has_previous:
                with contextlib.suppress(RuntimeError):  # the app is quitting
                    app.call_from_thread(self._offer_previous, record)
        except Exception as error:  # any error: otherwise the request would seem to wait for ever
            message = error_text(error, request, getattr(app, "error_log", None))
            severity = "warning" if isinstance(error, UsageError) else "error"
        with contextlib.suppress(RuntimeError):  # the app is quitting
            if app.is_running:
                if changed is None:
                    app.call_from_thread(self._answer, request, record, message, severity)
                else:
                    app.call_from_thread(self._ask_about_changed_data, record, changed)

    def _offer_previous(self, record: Record) -> None:
        async def offer() -> None:
            question = Confirm(
                f"Resume {run_names([record])} from its previous checkpoint?",
                "The last one is damaged on the disk. The epochs after the previous one are repeated.",
            )
            if await self._screen.ask(question):
                self._request("go back", [record])

        self._screen.run_worker(offer())

    def _answer(self, request: str, record: Record, message: str, severity: Severity) -> None:
        self._waiting.discard((request, record.id))
        self._screen.say(message, severity)
        self._answered()

    def _ask_about_changed_data(self, record: Record, error: ChangedDataError) -> None:
        """Ask whether to resume a run on other data; what has changed stays as a notification if the answer is no."""

        async def ask() -> None:
            question = Confirm(f"Resume {run_names([record])} on other data?", error.message)
            if await self._screen.ask(question):
                self._resume_on_changed_data(record)
            else:
                self._answer("resume", record, str(error), "error")

        self._waiting.discard(("resume", record.id))
        self._screen.run_worker(ask(), name="resume", exit_on_error=False)


def _stop_question(records: Sequence[Record]) -> Question[bool]:
    number = sum(not record.status.live for record in records)
    if all(not record.status.live and record.is_in_slurm for record in records):
        jobs = "job" if len(records) == 1 else "jobs"
        return Confirm(f"Cancel the Slurm {jobs} of {run_names(records)}?", "R submits it again.")
    if number == len(records):
        return Confirm(
            f"Take {run_names(records)} out of the queue?", "It stays; R on the Runs screen starts it later."
        )
    leaving = f" {count(number, 'run')} leave{'s' if number == 1 else ''} the queue." if number else ""
    return Confirm(f"Stop {run_names(records)}?", f"It writes a checkpoint first; R resumes from there.{leaving}")


def _kill_question(records: Sequence[Record]) -> Question[bool]:
    return Confirm(
        f"Kill the stalled {run_names(records)}?",
        "It makes no progress, so it writes no checkpoint; R resumes from the last one.",
    )
