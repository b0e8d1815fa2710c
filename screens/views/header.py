"""The header of a run: what it is, how far it has got, and what to do about it."""

from __future__ import annotations

import math

from runs.fleet.queueing import Wait
from runs.formatting import brief_duration
from runs.home import short_id
from runs.log.history import History
from runs.store.record import Record
from runs.store.status import Status
from screens.formatting import clean
from screens.models.run import HeaderView
from screens.views.status_line import status_line


def header_view(
    record: Record,
    history: History,
    now: float,
    problem: str = "",
    alarms: tuple[str, ...] = (),
    wait: Wait | None = None,
) -> HeaderView:
    """Return the header of a run: what it is, how far it has got, and what to do about it.

    Args:
        record, history: the run.
        now: the time, in seconds since 1970.
        problem: why the run can no longer be read.
        alarms: what needs attention.
        wait: its place in the queue, if it waits there.
    """
    head, summary, progress = record.head, history.summary, history.progress
    done, epochs = summary.epoch, summary.epochs
    within, rate, eta = 0.0, None, summary.eta
    if record.status.live and progress is not None:
        rate = progress.throughput
        if progress.epoch > done and progress.of > 0:
            within = progress.step / progress.of
    share = min(1.0, max(0.0, (done + within) / epochs)) if epochs > 0 else 0.0
    facts = [f"{math.floor(100 * share)}%"]
    if record.shown_status is Status.RUNNING and eta is not None and math.isfinite(eta):
        facts.append(f"eta {brief_duration(eta)}")
    elif not record.status.live and record.status is not Status.FINISHED and summary.seconds:
        facts.append(f"took {brief_duration(summary.seconds)}")
    if record.shown_status is Status.RUNNING and rate is not None and math.isfinite(rate):
        facts.append(f"{_quantity(rate)} img/s")
    stage = f"stage {summary.stage + 1}/{summary.stages}  " if summary.stages > 1 else ""
    running = min(done + 1, epochs) if record.status.live else done
    names = [head["method"], head["space"], head["dataset"], head["preset"]]
    message = record.job_text if record.shown_status is Status.RUNNING else status_line(record, now, wait)
    if problem:
        message = f"{problem} · showing what was read before · q goes back"
    return HeaderView(
        title=clean(" · ".join(filter(None, [record.labels.name, *map(str, names), record.labels.note]))),
        id=short_id(record.id),
        status=None if problem else record.shown_status,
        device=clean(str(head["device"])),
        epoch=f"{stage}epoch {running}/{epochs or '?'}",
        share=share,
        facts=tuple(facts),
        message=clean(message),
        alarms=alarms,
    )


def _quantity(value: float) -> str:
    return f"{value / 1000:.1f}k" if value >= 1000 else f"{value:.0f}" if value >= 20 else f"{value:.1f}"
