"""Which runs Slurm has, and what it said of them last. Files of the home, so that several viewers share one answer."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runs.files import MEBIBYTE, fingerprint, read_regular, replace_text
from runs.formatting import count
from runs.home import Home
from runs.store.status import Status
from runs.store.store_lock import changing

VERSION = 1
MOST_BYTES = 256 * MEBIBYTE
# Slurm's words for a job that is over, see `man squeue`, "JOB STATE CODES". Any other job runs, waits, or will again.
OVER = frozenset(
    (
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED"),
        *("NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"),
    )
)
WAITING = frozenset(("PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"))
_WORDS = {
    "CANCELLED": "was cancelled",
    "COMPLETED": "ended before the run did",
    "TIMEOUT": "reached its time limit",
    "OUT_OF_MEMORY": "needed more memory than its limit",
    "NODE_FAIL": "lost its node",
    "PREEMPTED": "was preempted",
    "": "is no longer known to Slurm",
}


class State(BaseModel):
    """What Slurm says of a job.

    Attributes:
        job: its id, such as ``12`` or ``12_3``.
        state: Slurm's word, such as ``PENDING``.
        reason: why it waits, in Slurm's words.
        starts: when it started or is expected to start, in local time as ``2026-11-27T14:20:00``; empty if unknown.
        nodes: where it runs.
        restarts: how often it was requeued.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    job: str
    state: str
    reason: str = ""
    starts: str = ""
    nodes: str = ""
    restarts: int = 0

    def __str__(self) -> str:
        """Return ``pending (Priority, starts about 14:20)`` or ``running on node17, requeued 2 times``."""
        match self.state:
            case "PENDING":
                text = f"pending ({self.why})" if self.why else "pending"
            case "RUNNING":
                text = f"running on {self.nodes}"
            case _:
                text = self.state.lower().replace("_", " ")
        return ", ".join(filter(None, [text, self.requeued]))

    @property
    def why(self) -> str:
        """Why it waits, and until when: ``Priority, starts about 14:20``; empty if Slurm does not say."""
        starts = f"starts about {_clock(self.starts)}" if self.starts else ""
        return ", ".join(filter(None, [self.reason if self.reason != "None" else "", starts]))

    @property
    def requeued(self) -> str:
        """How often it was requeued: ``requeued 2 times``; empty if it was not."""
        times = "once" if self.restarts == 1 else count(self.restarts, "time")
        return f"requeued {times}" if self.restarts else ""


class Entry(BaseModel):
    """A run that Slurm has, or had.

    Attributes:
        run: its id.
        submission: the name of its job or array; only the job of that name may start the run.
        task: its number in the array; None if the job is a single one.
        job: the id of the job, once it is known.
        request: what was asked of Slurm, as :class:`runs.slurm.profile.Request`.
        user: who submitted it, by number.
        last: what Slurm said last.
        ended: whether its job is over, or was never there.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str
    submission: str
    task: int | None = None
    job: str = ""
    request: dict[str, Any] = Field(default_factory=dict)
    user: int = 0
    last: State | None = None
    ended: bool = False

    @property
    def key(self) -> tuple[str, int | None]:
        """What Slurm knows the job by, even before we know its id."""
        return self.submission, self.task

    @property
    def job_id(self) -> str:
        """The id of the run's own job; empty if it is not known yet."""
        if self.last is not None:
            return self.last.job
        return self.job if self.task is None or not self.job else f"{self.job}_{self.task}"

    @property
    def profile(self) -> str:
        """The name of its profile."""
        return str(self.request.get("profile", {}).get("name", ""))

    def text(self, *, live: bool) -> str:
        """Return the state of the job for people; empty if it is over.

        Args:
            live: whether the run has an engine; the answer of Slurm may be older.
        """
        if self.ended:
            return ""
        if self.last is None:
            return "" if live else "submitted"
        if live and self.last.state in WAITING:
            return ""
        if not live and self.last.state == "RUNNING":
            return str(self.last).replace("running", "starting", 1)
        return str(self.last)

    @property
    def ending(self) -> str:
        """How the job ended, such as ``was cancelled``; empty if it has not."""
        if not self.ended:
            return ""
        state = self.last.state if self.last is not None and self.last.state in OVER else ""
        return _WORDS.get(state, f"ended with the state {state}")

    def problem(self) -> str:
        """Return in a sentence how the job ended; empty if it has not."""
        return f"Its Slurm job{f' {self.job_id}' if self.job_id else ''} {self.ending}." if self.ended else ""

    def to_json(self) -> dict[str, Any]:
        """Return what ``nastui runs show --json`` prints; keys are an interface."""
        last = self.last or State(job=self.job_id, state="" if self.ended else "PENDING")
        return {
            "job": self.job_id,
            "state": last.state,
            "reason": last.reason,
            "starts": last.starts,
            "nodes": last.nodes,
            "restarts": last.restarts,
            "ended": self.ended,
            "profile": self.profile,
        }


class Document(BaseModel):
    """The content of the file.

    Attributes:
        entries: by run.
        fault: why Slurm could not be asked the last time; empty if it answered.
    """

    model_config = ConfigDict(extra="ignore")

    version: int = VERSION
    entries: dict[str, Entry] = Field(default_factory=dict)
    fault: str = ""

    @property
    def active(self) -> list[Entry]:
        """The runs whose jobs are not over."""
        return [entry for entry in self.entries.values() if not entry.ended]


class SlurmJobs:
    """The runs of a home that Slurm has. Every process may change the file."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._seen: tuple[list[int], Document] = ([], Document())
        self._active: tuple[Document, frozenset[str]] = (self._seen[1], frozenset())

    def read(self) -> Document:
        """Return the current content; do not change it. A missing or damaged file has no runs."""
        signature = fingerprint(self._home.slurm_jobs)
        if signature != self._seen[0]:
            self._seen = signature, self._loaded()
        return self._seen[1]

    def active(self) -> frozenset[str]:
        """Return the ids of the runs whose jobs are not over."""
        document = self.read()
        if document is not self._active[0]:
            self._active = document, frozenset(entry.run for entry in document.active)
        return self._active[1]

    @contextlib.contextmanager
    def change(self) -> Iterator[Document]:
        """Yield the content, and write what it has become if it has changed. One process at a time.

        Raises:
            BusyError: another process held the file for half a minute.
            EnvironmentLacksError: it cannot be written.
        """
        busy = f"Another process is changing '{self._home.slurm_jobs}'."
        with changing(self._home.slurm / "jobs.lock", busy, f"'{self._home.slurm}' cannot be written"):
            document = self._loaded()
            before = document.model_dump_json()
            yield document
            if (after := document.model_dump_json()) != before:
                replace_text(self._home.slurm_jobs, after + "\n")

    def _loaded(self) -> Document:
        try:
            return Document.model_validate_json(read_regular(self._home.slurm_jobs, MOST_BYTES))
        except (OSError, ValidationError):
            return Document()


def with_job(status: Status, job: Entry | None) -> Status:
    """Return the status of a run with regard to its job in Slurm.

    Args:
        status: as its log and its lock have it.
        job: its job; None without Slurm.
    """
    if job is None:
        return status
    if job.ended:
        return Status.LOST if status.before_start else status
    # A job may be requeued whose engine has ended. One whose run has failed is not.
    return Status.QUEUED if status in (Status.STOPPED, Status.LOST, Status.UNSTARTED) else status


def output_of(home: Home, entry: Entry) -> Path:
    """Return the file of what the job of a run printed outside its engine: by its setup lines, and by Slurm."""
    return home.slurm / (f"{entry.submission}.log" if entry.task is None else f"{entry.submission}_{entry.task}.log")


def _clock(moment: str) -> str:
    """Return ``14:20``, or ``28 Nov 14:20`` for another day than today."""
    try:
        time = datetime.datetime.fromisoformat(moment)
    except ValueError:
        return moment
    today = datetime.datetime.now().date()
    return f"{time:%H:%M}" if time.date() == today else f"{time.day} {time:%b %H:%M}"


def order_of(job: Entry) -> tuple[str, list[int], str]:
    """Return a key that sorts jobs by when they are expected to start, then by their ids; unknown moments come last."""
    starts = job.last.starts if job.last is not None else ""
    return starts or "~", [int(number) for number in re.findall(r"\d+", job.job_id)], job.run
