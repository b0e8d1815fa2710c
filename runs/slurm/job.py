"""``python -P nastui_start.py runs.slurm.job HOME NAME``: the program of a job. It has the run's engine work.

Some time before the time limit, Slurm sends USR1: the engine writes its checkpoint and ends, and the job is requeued.
On TERM (a job that is cancelled or preempted) the engine does the same, but whether the job comes back is up to Slurm.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from runs.errors import NastuiError
from runs.files import append_regular
from runs.home import Home, RunPaths
from runs.log.event_log import EventLogReader
from runs.log.events import Event, Failed, Finished, Started, Stopped
from runs.processes import command, environment
from runs.slurm import commands
from runs.slurm.profile import Request
from runs.slurm.submission import request_of
from runs.store import requests
from runs.store.lock import FOREIGN_SILENCE_SECONDS, is_held
from runs.store.slurm_jobs import Entry, SlurmJobs

# After a node has failed, its engine seems to live until its heartbeat is too old.
LOCK_SECONDS = 2 * FOREIGN_SILENCE_SECONDS
POLL_SECONDS = 0.1


class Job:
    """Works on one run, until that ends or the time of the job does.

    Args:
        paths: of the run.
        request: what was asked of Slurm.
        job: the id by which Slurm requeues it.
    """

    def __init__(self, paths: RunPaths, request: Request, job: str) -> None:
        self._paths = paths
        self._request = request
        self._job = job
        self._engine: subprocess.Popen[bytes] | None = None
        self._time_is_up = self._is_cancelled = False

    def run(self) -> int:
        """Work, and return the exit code of the job."""
        for number in (signal.SIGUSR1, signal.SIGTERM):
            signal.signal(number, self._announce_end)
        deadline = time.monotonic() + LOCK_SECONDS
        while is_held(self._paths.lock) and time.monotonic() < deadline and not self._must_end:
            time.sleep(POLL_SECONDS)
        if isinstance(self._last_event(), Finished):
            return 0
        code = 0 if self._must_end else self._work()
        if self._time_is_up and not self._is_cancelled and self._has_more_to_do():
            _say(f"The time limit is near, so job {self._job} is requeued.")
            commands.requeue(self._job)
            return 0
        return code

    @property
    def _must_end(self) -> bool:
        return self._time_is_up or self._is_cancelled

    def _work(self) -> int:
        requests.clear(self._paths.requests)
        with append_regular(self._paths.log) as log:
            self._engine = subprocess.Popen(
                engine_command(self._paths, self._request),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._paths.root,
                env=environment(),
            )
        if self._must_end:  # the signal came while it was started
            self._send_stop()
        return self._engine.wait()

    def _announce_end(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            self._time_is_up = True
        else:
            self._is_cancelled = True
        self._send_stop()

    def _send_stop(self) -> None:
        if self._engine is not None:
            # srun passes USR1 on to the engines. By TERM it would have them killed.
            self._engine.send_signal(signal.SIGUSR1 if self._request.processes > 1 else signal.SIGTERM)

    def _has_more_to_do(self) -> bool:
        """Return whether the run has neither finished nor failed, and nobody has stopped it."""
        last = self._last_event()
        is_stopped = isinstance(last, Stopped) and last.reason == "requested"
        return not is_stopped and not isinstance(last, Finished | Failed)

    def _last_event(self) -> Event | None:
        """Return the last event that says whether the run works or has ended."""
        last = None
        for entry in EventLogReader(self._paths.events).read():
            if isinstance(entry.event, Started | Stopped | Finished | Failed):
                last = entry.event
        return last


def engine_command(paths: RunPaths, request: Request) -> list[str]:
    """Return the command that has the engine of a run work; with several processes, one of them for each GPU."""
    engine = command("engine", str(paths.root))
    if request.processes == 1:
        return engine
    options = [f"--nodes={request.nodes}", f"--ntasks={request.processes}", "--kill-on-bad-exit=1", "--unbuffered"]
    if request.profile.cpus:  # sbatch's option does not reach srun
        options.append(f"--cpus-per-task={request.profile.cpus}")
    return ["srun", *options, *engine]


def entry_of(home: Home, name: str, task: int | None) -> Entry | None:
    """Return the run of a job; None if it was given to another job, removed or stopped in the meantime."""
    for entry in SlurmJobs(home).read().entries.values():
        if entry.key == (name, task):
            return entry
    return None


def main(arguments: list[str]) -> int:
    """Find the run of this job and work on it."""
    home, name = Home(Path(arguments[0]).absolute()), arguments[1]
    task = os.environ.get("SLURM_ARRAY_TASK_ID")
    entry = entry_of(home, name, None if task is None else int(task))
    if entry is None or not home.run(entry.run).config.exists():
        _say("No run belongs to this job any longer, so it ends.")
        return 0
    try:
        return Job(home.run(entry.run), request_of(entry), os.environ.get("SLURM_JOB_ID", "")).run()
    except NastuiError as error:
        _say(str(error))
        return error.exit_code


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - stdout is the job's log


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
