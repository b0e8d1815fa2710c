"""The state of a run in one line: what happened, and the key to press next."""

from __future__ import annotations

from runs.configuration import IMPORTED
from runs.fleet.grid import seed_ranges
from runs.fleet.queueing import Wait
from runs.formatting import brief_duration, millions
from runs.home import short_id
from runs.store.groups import Group, seed_count
from runs.store.record import Record
from runs.store.status import Status
from runs.store.verdict import worth
from screens.formatting import clean
from screens.models.run_columns import STATUS_ORDER

_LONGEST = 90  # maximum length of an engine's message, so that the hint still fits


def identity(record: Record, varied: str = "") -> str:
    """Return what a run is: name, id, method and space or what is retrained, data set, preset, seed, device, note.

    Args:
        record: the run.
        varied: what tells it from the other members of its sweep; it comes early, and takes the place of the seed.
    """
    head = record.head
    parts = [
        short_id(record.id),
        varied,
        f"{head['method']} {record.subject}" if record.subject else f"{head['method']} on {head['space']}",
        f"{head['dataset']}",
        f"preset {head['preset']}",
    ]
    parts += ["" if varied else f"seed {head['seed']}", f"{head['device']}"]
    return clean(" · ".join(filter(None, [record.labels.name, *parts, record.labels.note])))


def group_identity(group: Group) -> str:
    """Return what the runs of a group are, and their seeds."""
    head = group.head
    if group.is_sweep:
        return _sweep_identity(group)
    seeds = ", ".join(map(str, sorted(group.seeds)))
    parts = [seed_count(group.seeds), f"{head['method']} on {head['space']}", str(head["dataset"])]
    return clean(" · ".join([*parts, f"preset {head['preset']}", f"seeds {seeds}"]))


def group_status_line(group: Group) -> str:
    """Return the statuses of the runs of a group, their best results, and the keys to press next."""
    if group.is_sweep:
        again = group.statuses.keys() & {Status.UNSTARTED, Status.LOST, Status.FAILED}
        return " · ".join(
            [*progress_of_sweep(group), "enter opens", "l unfolds", *(["R starts the rest"] if again else [])]
        )
    parts = [f"{number} {status}" for status, number in group.statuses.most_common()]
    for name, spread in (("best", group.best), ("table", group.benchmark)):
        if spread is not None:
            parts.append(f"{name} {spread.text(len(group.members))}")
    return " · ".join([*parts, "enter unfolds", "c compares"])


def progress_of_sweep(group: Group) -> list[str]:
    """Return how far the runs of a sweep are, mean, deviation and best of what is done, and the time left for all."""
    done = group.statuses[Status.FINISHED]
    statuses = (status for status in STATUS_ORDER if group.statuses[status] and status is not Status.FINISHED)
    others = [f"{group.statuses[status]} {status}" for status in statuses]
    parts = [", ".join([f"{done}/{len(group.members)} done", *others])]
    finished = [record for record in group.members if record.status is Status.FINISHED]
    for name, spread in (("best", group.best), ("table", group.benchmark)):
        if spread is not None and finished:
            parts.append(f"{name} {spread.text(spread.n)}")
    top = max(finished, key=_accuracy, default=None)
    if top is not None and len(finished) > 1:
        parts.append(f"top {_accuracy(top):.2f} ({short_id(top.id)})")
    if group.seconds_left:
        parts.append(f"about {brief_duration(group.seconds_left)} left")
    return parts


def _accuracy(record: Record) -> float:
    """Return the accuracy by which the runs of a sweep are ranked: of a table, else its own best."""
    tabled = record.benchmark_accuracy
    found = record.summary.best_accuracy if tabled is None else tabled
    return -1.0 if found is None else found


def _sweep_identity(group: Group) -> str:
    def shared(name: str) -> str:
        return ", ".join(dict.fromkeys(str(record.head[name]) for record in group.members))

    parts = [
        group.members[0].labels.name,
        f"sweep {group.id}",
        f"{shared('method')} on {shared('space')}",
        shared("dataset"),
        f"preset {shared('preset')}",
        f"seeds {seed_ranges(group.seeds)}",
    ]
    return clean(" · ".join(filter(None, parts)))


def status_line(record: Record, now: float, wait: Wait | None = None) -> str:
    """Return what happened to a run, and the key to press next.

    Args:
        record: the run.
        now: the time, in seconds since 1970.
        wait: its place in the queue, if it waits there.
    """
    if wait is not None and record.status is Status.QUEUED:
        return clean(f"{wait} · R starts it now")
    describe = {
        Status.UNSTARTED: _unstarted,
        Status.QUEUED: _queued,
        Status.RUNNING: _running,
        Status.STALLED: _stalled,
        Status.PAUSED: _paused,
        Status.STOPPING: _stopping,
        Status.STOPPED: _stopped,
        Status.FINISHED: _finished,
        Status.FAILED: _failed,
        Status.LOST: _lost,
    }[record.shown_status]
    return clean(describe(record, now))


def _unstarted(record: Record, now: float) -> str:
    return "it is not in the queue · R starts it"


def _queued(record: Record, now: float) -> str:
    return f"Slurm: {record.job_text} · x cancels it" if record.job_text else "its engine is about to start"


def _running(record: Record, now: float) -> str:
    summary = record.summary
    parts = [f"epoch {summary.epoch} of {summary.epochs} done"] if summary.epochs else ["starting"]
    if summary.eta is not None:
        parts.append(f"about {brief_duration(summary.eta)} to go")
    if summary.stood:
        parts.append(f"genotype unchanged for {summary.stood} epochs")
    if record.job_text:
        parts.append(record.job_text)
    return " · ".join(parts)


def _stalled(record: Record, now: float) -> str:
    assert record.stall is not None
    return f"{record.stall.description()} · nastui runs inspect {short_id(record.id)} shows where · x ends it"


def _paused(record: Record, now: float) -> str:
    return f"paused after epoch {record.summary.epoch}, memory kept · p resumes"


def _stopping(record: Record, now: float) -> str:
    return "stopping; it writes a checkpoint first"


def _stopped(record: Record, now: float) -> str:
    summary = record.summary
    if summary.checkpoint_epoch is None:
        return "before its first checkpoint · R starts it again"
    why = f" by {_cut(summary.early_stop)}" if summary.early_stop else ""
    return f"after epoch {summary.epoch} of {summary.epochs}{why}, with a checkpoint · R resumes"


def _finished(record: Record, now: float) -> str:
    summary = record.summary
    found = worth(record)
    parts = [f"{found}, by the benchmark"] if found else []
    if record.head["kind"] == IMPORTED:
        parts.append(f"imported from {_cut(record.origin)}")
    if summary.seconds or record.head["kind"] != IMPORTED:
        parts.append(f"took {brief_duration(summary.seconds)}")
    if summary.parameters is not None:
        parts.append(f"{millions(summary.parameters)} parameters")
    if summary.macs is not None:
        parts.append(
            f"{millions(summary.macs)} MACs ({summary.network})" if summary.network else millions(summary.macs)
        )
    return " · ".join(parts)


def _failed(record: Record, now: float) -> str:
    return f"{_cut(record.summary.problem)} {record.summary.hint} · R tries again".lstrip()


def _lost(record: Record, now: float) -> str:
    summary = record.summary
    if record.job is not None and not summary.touched:
        return f"{_cut(summary.problem)} R submits it again".lstrip()
    ago = f", {brief_duration(now - summary.touched)} ago" if summary.touched else ""
    why = f": {_cut(summary.problem)}" if summary.problem else ""
    if summary.checkpoint_epoch is None:
        return f"engine gone before its first checkpoint{ago}{why} · R starts it again"
    epoch = min(summary.epoch + 1, summary.epochs)
    return f"engine gone at epoch {epoch} (last checkpoint {summary.checkpoint_epoch}{ago}){why} · R resumes"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
