"""Runs as jobs of Slurm: submitting them, asking about them, cancelling them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from filelock import Timeout
from pydantic import ValidationError

from runs.errors import BusyError, EnvironmentLacksError, NastuiError, UsageError
from runs.files import replace_text
from runs.home import Home, short_id
from runs.processes import command
from runs.slurm import commands
from runs.slurm.profile import Request
from runs.slurm.script import script
from runs.store.slurm_jobs import OVER, Document, Entry, SlurmJobs, State
from runs.store.store_lock import store_lock

# Slurm's default for the largest array is 1001.
MOST_TASKS = 1000
# squeue loads the controller of the whole cluster.
ASK_AGAIN_SECONDS = 15.0
# A submission without an id may still be in progress in another process.
_SUBMISSION_SECONDS = 2 * commands.SUBMIT_SECONDS
# So many finished runs still show their jobs.
_KEPT = 1000
# Variables that the engine reads; the cluster may be configured not to pass on the environment.
_VARIABLES = ("NASTUI_DATASETS",)

_asked: dict[Path, float] = {}


def check_available() -> None:
    """Check that jobs can be submitted from this machine.

    Raises:
        EnvironmentLacksError: there is no sbatch.
    """
    if shutil.which("sbatch") is None:
        raise EnvironmentLacksError(
            "There is no command 'sbatch' here.", "Slurm must be installed: use a login node of the cluster."
        )


def script_of(home: Home, request: Request, name: str, tasks: int | None) -> str:
    """Return the script of a job of this name, or of an array of so many jobs."""
    variables = {key: os.environ[key] for key in _VARIABLES if key in os.environ}
    program = command("runs.slurm.job", str(home.root), name)
    return script(request, name, program, home.slurm, tasks=tasks, variables=variables)


def new_name() -> str:
    """Return a name for a job that no other one has."""
    return f"nastui-{secrets.token_hex(4)}"


def submit(home: Home, runs: Sequence[str], request: Request) -> None:
    """Submit runs: one as a job, several as arrays. If Slurm refuses one of the arrays, none is submitted.

    The runs are noted before they are submitted. Only a job that is noted for a run starts it, so that no run starts
    twice, whatever is killed.

    Raises:
        NastuiError: Slurm refuses, is not there or does not answer, or the home cannot be written.
    """
    check_available()
    jobs, submitted = SlurmJobs(home), []
    with jobs.change() as document:
        before = {run: document.entries[run] for run in runs if run in document.entries}
    try:
        for first in range(0, len(runs), MOST_TASKS):
            part = runs[first : first + MOST_TASKS]
            name, tasks = new_name(), len(part) if len(runs) > 1 else None
            submitted.append(name)
            _submit(home, jobs, part, name, tasks, request)
    except BaseException:
        for name in submitted:
            with contextlib.suppress(NastuiError):
                commands.cancel(name=name)
            (home.slurm / f"{name}.sh").unlink(missing_ok=True)
        with jobs.change() as document:
            for run in runs:
                document.entries.pop(run, None)
            document.entries |= before
        raise


def _submit(home: Home, jobs: SlurmJobs, runs: Sequence[str], name: str, tasks: int | None, request: Request) -> None:
    file, content = home.slurm / f"{name}.sh", script_of(home, request, name, tasks)
    entries = [
        Entry(
            run=run,
            submission=name,
            task=None if tasks is None else number,
            request=request.model_dump(mode="json"),
            user=os.getuid(),
        )
        for number, run in enumerate(runs)
    ]
    with jobs.change() as document:
        replace_text(file, content)
        document.entries |= {entry.run: entry for entry in entries}
    job = commands.submit(file, home.slurm)
    with jobs.change() as document:
        for run in runs:
            if (entry := document.entries.get(run)) is not None and entry.submission == name:
                document.entries[run] = entry.model_copy(update={"job": job, "ended": False})


def resubmit(home: Home, entry: Entry) -> None:
    """Submit a run again, with what was asked of Slurm before.

    Raises:
        BusyError: its job is not over.
        NastuiError: as :func:`submit`.
    """
    now = entry
    if not entry.ended:
        refresh(home, at_once=True)
        now = SlurmJobs(home).read().entries.get(entry.run, entry)
    if not now.ended:
        raise BusyError(
            f"Run '{entry.run}' already has the Slurm job {now.job_id or now.submission}: {now.text(live=False)}.",
            f"To cancel it: nastui runs stop {short_id(entry.run)}",
        )
    submit(home, [entry.run], request_of(entry))


def request_of(entry: Entry) -> Request:
    """Return what was asked of Slurm for a run.

    Raises:
        UsageError: a newer or older version wrote it, and it cannot be read.
    """
    try:
        return Request.model_validate(entry.request)
    except ValidationError as error:
        raise UsageError(
            f"What was asked of Slurm for run '{entry.run}' cannot be read.", "Start a new run with --slurm."
        ) from error


def refresh(home: Home, jobs: SlurmJobs | None = None, *, at_once: bool = False) -> None:
    """Ask Slurm about the runs that it has, and note the answer for all viewers of the home.

    It asks once for all runs, and not again within 15 seconds of any viewer's question. If Slurm does not answer, the
    last answer stands.

    Args:
        home: the home.
        jobs: its runs, if the caller keeps them.
        at_once: ask even if somebody has just asked.
    """
    if not (at_once or _is_due(home)):
        return
    jobs = jobs or SlurmJobs(home)
    if not jobs.active() or shutil.which("squeue") is None:
        _asked[home.root] = time.monotonic()
        return
    marker = home.slurm / "asked"
    with contextlib.suppress(Timeout, OSError, NastuiError), store_lock(home.slurm / "asked.lock", 5 * at_once):
        if not (at_once or _is_due(home)):
            return
        _asked[home.root] = time.monotonic()
        marker.touch()
        asked = {entry.run: entry for entry in jobs.read().active}
        fault = ""
        try:
            found = commands.states(
                {entry.submission for entry in asked.values()}, {entry.user for entry in asked.values()}
            )
        except NastuiError as error:
            found, fault, asked = {}, error.message, {}
        with jobs.change() as document:
            document.fault = fault
            _note(home, document, asked, found)
            _forget(home, document)


def _note(home: Home, document: Document, asked: dict[str, Entry], found: dict[tuple[str, int | None], State]) -> None:
    """Note an answer of Slurm in the document, for the entries that it was asked about."""
    for run, entry in asked.items():
        now = document.entries.get(run)
        if now is None or now.key != entry.key:
            continue  # resubmitted or removed while Slurm answered
        state = found.get(entry.key)
        if state is not None:
            document.entries[run] = now.model_copy(update={"last": state, "ended": state.state in OVER})
        elif now.job or not _may_be_submitting(home, now):
            document.entries[run] = now.model_copy(update={"ended": True})


def _forget(home: Home, document: Document) -> None:
    """Drop the oldest entries of runs that have finished or were removed; others are needed to resume them."""
    ended = [entry.run for entry in document.entries.values() if entry.ended]
    for run in ended[:-_KEPT]:
        paths = home.run(run)
        if paths.genotype.exists() or not paths.root.exists():
            del document.entries[run]


def _may_be_submitting(home: Home, entry: Entry) -> bool:
    try:
        return time.time() - (home.slurm / f"{entry.submission}.sh").stat().st_mtime < _SUBMISSION_SECONDS
    except OSError:
        return False


def _is_due(home: Home) -> bool:
    """Return whether nobody has asked for a while. The clock of the file system may differ from ours."""
    last = _asked.get(home.root)
    if last is not None and time.monotonic() - last < ASK_AGAIN_SECONDS:
        return False
    try:
        return abs(time.time() - (home.slurm / "asked").stat().st_mtime) >= ASK_AGAIN_SECONDS
    except OSError:
        return True


def cancel(home: Home, runs: Collection[str]) -> set[str]:
    """Cancel the jobs of runs, and return which runs had one that was not over.

    Raises:
        NastuiError: Slurm is not there, refuses or does not answer.
    """
    jobs = SlurmJobs(home)
    if not jobs.active() & set(runs):
        return set()
    entries = [entry for entry in jobs.read().active if entry.run in set(runs)]
    if any(not entry.job_id for entry in entries):
        refresh(home, jobs, at_once=True)
        entries = [entry for entry in jobs.read().active if entry.run in set(runs)]
    commands.cancel([entry.job_id for entry in entries if entry.job_id])
    with jobs.change() as document:
        for entry in entries:
            now = document.entries.get(entry.run)
            if now is not None and now.key == entry.key:
                last = State(job=entry.job_id, state="CANCELLED", restarts=now.last.restarts if now.last else 0)
                document.entries[entry.run] = now.model_copy(update={"last": last, "ended": True})
    return {entry.run for entry in entries}
