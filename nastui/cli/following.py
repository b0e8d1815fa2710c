"""Follow a run from the command line: one line per epoch for people, events as JSON lines for scripts."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from nastui.cli import common_options, output
from runs.catalogue.genotype_text import text_of_json
from runs.detached import START_SECONDS
from runs.fleet.queueing import ensure_dispatcher, waits
from runs.formatting import duration
from runs.genotypes.costs import COUNTER
from runs.home import short_id
from runs.log.description import describe
from runs.log.events import Answered, Entry, EpochEnded, Event, Failed, Resumed, Warned, printed
from runs.log.history import Follower
from runs.slurm.submission import refresh
from runs.store.activity import stall_of
from runs.store.engine_output import output_end
from runs.store.queue import Queue
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.slurm_jobs import SlurmJobs
from runs.store.status import Status, follow_status
from runs.store.verdict import verdict

LOOK_SECONDS = 0.2
EXIT_CODES = {Status.FINISHED: 0, Status.STOPPED: 0}


def follow_run(store: RunStore, run_id: str, *, as_json: bool = False, plain: bool = False) -> int:
    """Show a run until its engine exits; return the run's exit code.

    A run that no engine has taken on in the time that one needs to start is not waited for.

    Ctrl+C stops following, not the run; the exit code is then 130.
    """
    paths = store.find(run_id).paths
    follower, deadline = Follower(paths), time.monotonic() + START_SECONDS
    queue, jobs, waited, stalled = Queue(store.home), SlurmJobs(store.home), "", False
    bar = None if as_json or plain or common_options.quiet or not sys.stderr.isatty() else _bar()
    try:
        if bar is not None:
            bar.start()
        while True:
            status = follow_status(follower, lambda entry: _show(entry, as_json))
            if bar is not None:
                _advance(bar, follower)
            pending = run_id in queue.pending()
            if job := job_of(run_id, status, jobs):
                refresh(store.home, jobs)
                deadline = time.monotonic() + START_SECONDS
                if not as_json and job != waited:
                    output.say(waited := job)
            elif pending:
                deadline = time.monotonic() + START_SECONDS
            elif not status.live and (not status.before_start or time.monotonic() > deadline):
                break
            if pending:
                ensure_dispatcher(store.home, queue)
                wait = waits(queue.read()).get(run_id)
                if wait is not None and not as_json and str(wait) != waited:
                    output.say(waited := str(wait))
            stall = stall_of(paths, live=status.live)
            if stall is not None and not stalled:
                output.warn(f"Run {short_id(run_id)} is stalled: {stall.description()}.")
                output.warn(f"See where: nastui runs inspect {short_id(run_id)}")
            stalled = stall is not None
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        output.say(f"The run continues in the background. Stop it: nastui runs stop {short_id(run_id)}")
        return 130
    finally:
        if bar is not None:
            bar.stop()
    record = store.find(run_id)
    if as_json:
        output.line({"type": "result", **record.to_json()})
    else:
        _conclude(record)
    output.send_due(store.home)
    return EXIT_CODES.get(record.status, 1)


def job_of(run_id: str, status: Status, jobs: SlurmJobs) -> str:
    """Return the state of a job that may still start the run's engine, again or for the first time; else nothing."""
    entry = jobs.read().entries.get(run_id)
    if entry is None or entry.ended or status in (Status.FINISHED, Status.FAILED):
        return ""
    return entry.text(live=status.live) or "running"


def event_line(event: Event) -> str:
    """Return an event as one line of text; empty for progress."""
    text = describe(event, every_metric=True)
    if isinstance(event, Warned):
        return f"warning: {text}"
    return f"{text} {event.hint}".strip() if isinstance(event, Failed) else text


def _show(entry: Entry, as_json: bool) -> None:
    if as_json:
        output.line(printed(entry))
        return
    wanted = common_options.verbose or isinstance(entry.event, EpochEnded | Warned | Resumed | Answered)
    if wanted and not common_options.quiet and (text := event_line(entry.event)):
        sys.stdout.write(output.clean(text) + "\n")
        sys.stdout.flush()


def _conclude(record: Record) -> None:
    summary = record.summary
    if record.status is not Status.FINISHED:
        sys.stdout.write(f"{record.status}\n")
        if record.status is Status.LOST:
            output.warn(f"The engine exited without reporting an end. {output_end(record.paths)}")
        if summary.early_stop:
            output.say(f"Stopped early by {summary.early_stop}.")
        if summary.problem:
            output.warn(f"{summary.problem} {summary.hint}".rstrip())
        output.say(f"Resume: nastui runs resume {short_id(record.id)}")
        return
    best, last = summary.best_accuracy, summary.accuracy
    output.fields(
        [
            ("genotype", text_of_json(summary.genotype) if summary.genotype else None),
            ("parameters", f"{output.number(summary.parameters)} ({summary.network})"),
            ("macs", f"{output.number(summary.macs)} ({COUNTER})"),
            (summary.headline.replace("_", " "), None if best is None else f"{last:.2f} % (best {best:.2f} %)"),
            ("time", duration(summary.seconds)),
            ("files", record.paths.root),
        ]
    )
    if sentence := verdict(record):
        sys.stdout.write(output.clean(sentence) + "\n")


def _bar() -> Progress:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[more]}"),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # otherwise lines meant for a pipe would go to the terminal
    )
    bar.add_task("starting", total=1.0, more="")
    return bar


def _advance(bar: Progress, follower: Follower) -> None:
    progress, summary = follower.history.progress, follower.history.summary
    if progress is None or not progress.epochs:
        return
    share = progress.step / progress.of if progress.of else 0.0
    more = "" if progress.eta is None else f"eta {duration(progress.eta)}"
    if progress.throughput:
        more += f"  {progress.throughput:,.0f} images/s"
    bar.update(
        bar.task_ids[0],
        completed=max(summary.epoch, progress.epoch - 1 + share) / progress.epochs,
        description=f"epoch {progress.epoch}/{progress.epochs}",
        more=more,
    )
