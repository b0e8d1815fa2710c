"""The lines above and below the list: counts of the runs, and what the run under the cursor is and does."""

from __future__ import annotations

import time

from runs.formatting import count
from runs.store.groups import Group
from runs.store.status import Status
from screens.formatting import clean, status_label, status_sign
from screens.runs.rows import Folding
from screens.runs.run_list import RunList
from screens.views.status_line import group_identity, group_status_line, identity, status_line

_COUNTED = (Status.STALLED, Status.RUNNING, Status.PAUSED, Status.STOPPING, Status.LOST, Status.FAILED)


def counts(runs: RunList) -> str:
    """Return how many runs there are, are shown and are marked, and how many have a status that matters."""
    if not runs.has_read:
        return "reading …"
    read = runs.read
    every = count(len(read.records), "run")
    parts = [f"{len(runs.table.records):,} of {every}" if runs.options.filter else every]
    if runs.options.folded is Folding.SEEDS:
        parts.append("seeds folded")
    parts += [f"{read.statuses[status]:,} {status}" for status in _COUNTED if read.statuses[status]]
    if read.waits.of:
        parts.append(f"{len(read.waits.of):,} in the queue")
    if read.in_slurm:
        parts.append(f"{read.in_slurm:,} wait{'s' if read.in_slurm == 1 else ''} for Slurm")
    if read.unreadable:
        parts.append(f"{len(read.unreadable):,} unreadable")
    if runs.table.marked:
        parts.append(f"{len(runs.table.marked):,} marked")
    return " · ".join(parts)


def description(runs: RunList) -> tuple[str, str]:
    """Return what the run or group under the cursor is, and what it does; or why the store cannot be read."""
    row = runs.highlighted
    if runs.read.problem:
        return "", f"{status_sign(Status.FAILED)} {clean(runs.read.problem)}"
    if row is None:
        return "", ""
    if isinstance(row, Group):
        return group_identity(row), group_status_line(row)
    wait = runs.waits.of.get(row.id) if row.status is Status.QUEUED else None
    label = status_sign(row.status) if wait else f"{status_label(row.shown_status)}:"
    line = f"{label} {status_line(row, time.time(), wait)}"
    return identity(row), f"{line} · Q shows the queue" if wait else line
