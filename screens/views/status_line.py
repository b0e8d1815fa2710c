"""The state of a run in one line: what happened, and the key to press next."""

from __future__ import annotations

from runs.formatting import brief_duration, millions
from runs.home import short_id
from runs.store.groups import Group, seed_count
from runs.store.run_store import Record
from runs.store.status import Status
from screens.formatting import clean

_LONGEST = 90  # maximum length of an engine's message, so that the hint still fits


def identity(record: Record) -> str:
    """Return what a run is: method and space, or what is retrained; data set, preset, seed, device."""
    head = record.head
    parts = [
        short_id(record.id),
        f"{head['method']} of {record.origin}" if record.origin else f"{head['method']} on {head['space']}",
        f"{head['dataset']}",
        f"preset {head['preset']}",
    ]
    parts += [f"seed {head['seed']}", f"{head['device']}"]
    return clean(" · ".join(filter(None, [record.labels.name, *parts])))


def group_identity(group: Group) -> str:
    """Return what the runs of a group are, and their seeds."""
    head = group.head
    seeds = ", ".join(map(str, sorted(group.seeds)))
    parts = [seed_count(group.seeds), f"{head['method']} on {head['space']}", str(head["dataset"])]
    return clean(" · ".join([*parts, f"preset {head['preset']}", f"seeds {seeds}"]))


def group_status_line(group: Group) -> str:
    """Return the statuses of the runs of a group, their best results, and the keys to press next."""
    parts = [f"{number} {status}" for status, number in group.statuses.most_common()]
    for name, spread in (("best", group.best), ("table", group.benchmark)):
        if spread is not None:
            parts.append(f"{name} {spread.text(len(group.members))}")
    return " · ".join([*parts, "enter unfolds", "c compares"])


def status_line(record: Record, now: float) -> str:
    """Return what happened to a run, and the key to press next."""
    describe = {
        Status.QUEUED: _queued,
        Status.RUNNING: _running,
        Status.PAUSED: _paused,
        Status.STOPPING: _stopping,
        Status.STOPPED: _stopped,
        Status.FINISHED: _finished,
        Status.FAILED: _failed,
        Status.LOST: _lost,
    }[record.status]
    return clean(describe(record, now))


def _queued(record: Record, now: float) -> str:
    return "waiting for an engine · R starts one"


def _running(record: Record, now: float) -> str:
    summary = record.summary
    parts = [f"epoch {summary.epoch} of {summary.epochs} done"] if summary.epochs else ["starting"]
    if summary.eta is not None:
        parts.append(f"about {brief_duration(summary.eta)} to go")
    if summary.stood:
        parts.append(f"genotype unchanged for {summary.stood} epochs")
    return " · ".join(parts)


def _paused(record: Record, now: float) -> str:
    return f"paused after epoch {record.summary.epoch}, memory kept · p resumes"


def _stopping(record: Record, now: float) -> str:
    return "stopping; it writes a checkpoint first"


def _stopped(record: Record, now: float) -> str:
    why = f" by {_cut(record.summary.early_stop)}" if record.summary.early_stop else ""
    return f"after epoch {record.summary.epoch} of {record.summary.epochs}{why}, with a checkpoint · R resumes"


def _finished(record: Record, now: float) -> str:
    summary = record.summary
    parts = [f"took {brief_duration(summary.seconds)}"]
    if summary.parameters is not None:
        parts.append(f"{millions(summary.parameters)} parameters")
    if summary.macs is not None:
        parts.append(
            f"{millions(summary.macs)} MACs ({summary.network})" if summary.network else millions(summary.macs)
        )
    for dataset, splits in summary.benchmark.items():
        tests = [f"{dataset} {split} {value:.2f}" for split, value in splits.items() if split.startswith("test")]
        parts += tests[-1:]  # of the longest schedule
    return " · ".join(parts)


def _failed(record: Record, now: float) -> str:
    return f"{_cut(record.summary.problem)} {record.summary.hint} · R tries again".lstrip()


def _lost(record: Record, now: float) -> str:
    summary = record.summary
    ago = f", {brief_duration(now - summary.touched)} ago" if summary.touched else ""
    why = f": {_cut(summary.problem)}" if summary.problem else ""
    if summary.checkpoint_epoch is None:
        return f"engine gone before its first checkpoint{ago}{why} · R starts it again"
    epoch = min(summary.epoch + 1, summary.epochs)
    return f"engine gone at epoch {epoch} (last checkpoint {summary.checkpoint_epoch}{ago}){why} · R resumes"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
