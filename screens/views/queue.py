"""The queue: devices as lanes with the runs on them; below them what waits, why, and until when; then Slurm's jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from runs.fleet import forecast
from runs.fleet.grid import Combination
from runs.formatting import brief_duration, count, gigabytes
from runs.home import short_id
from runs.machine.devices import Gpu
from runs.store.queue import Document, Entry
from runs.store.record import Record
from runs.store.slurm_jobs import order_of
from runs.store.status import Status
from screens.formatting import clean, status_sign
from screens.models.queue import WORDS, QueueLine, QueueView


def queue_view(
    document: Document,
    records: Sequence[Record],
    users: Mapping[str, tuple[str, ...]],
    gpus: Sequence[Gpu],
    cores: int,
    cpu_slots: int,
    varied: Mapping[str, Combination],
    slurm_fault: str = "",
) -> QueueView:
    """Return the queue as it is now.

    Args:
        document: the queue.
        records: every run.
        users: by device, the ids of the runs that compute on it, queued or not.
        gpus: of this machine, as measured.
        cores: of this machine.
        cpu_slots: how many queued runs share the cores.
        varied: what tells the members of a sweep from each other, by run.
        slurm_fault: why Slurm did not answer the last time.
    """
    by_id = {record.id: record for record in records}
    # Slurm counts the devices of a job from 0, and their lanes may be on another machine.
    users = {device: tuple(run for run in runs if not _in_job(by_id.get(run))) for device, runs in users.items()}
    known = forecast.durations(records)
    starts = forecast.starts(document, by_id, known, cpu_slots, [gpu.index for gpu in gpus])
    lines = []
    running = 0
    for gpu in gpus:
        device = f"cuda:{gpu.index}"
        busy = [] if gpu.busy is None else [f"{gpu.busy} % busy"]
        free = f"free {gigabytes(max(0, gpu.total - gpu.used))} of {gigabytes(gpu.total)}"
        lines.append(QueueLine(title=" · ".join([device, clean(gpu.name), *busy, free])))
        on_it = _on_device(device, document, users, by_id, known, varied)
        running += len(on_it)
        lines += on_it or [QueueLine(place="", words=("no run",))]
    on_cpu = _on_device("cpu", document, users, by_id, known, varied)
    running += len(on_cpu)
    lines.append(QueueLine(title=f"cpu · {count(cores, 'core')} · {count(cpu_slots, 'slot')} for queued runs"))
    lines += on_cpu or [QueueLine(place="", words=("no run",))]
    waiting = [
        _waiting(entry, place, by_id.get(entry.run), starts.get(entry.run), varied)
        for place, entry in enumerate(document.waiting, 1)
    ]
    held = sum(line.held for line in waiting)
    lines.append(QueueLine(title=f"{count(len(waiting), 'run')} wait{'s' if len(waiting) == 1 else ''}"))
    lines += waiting
    in_slurm = _in_slurm(records, known, varied, slurm_fault)
    lines += in_slurm
    widths = tuple(
        max((cell_len(line.words[at]) for line in lines if len(line.words) > 1), default=0) for at in range(len(WORDS))
    )
    brief_width = max((cell_len(line.brief) for line in lines), default=0)
    counts = [f"{running:,} running", f"{len(waiting):,} waiting", *([f"{held:,} held"] if held else [])]
    counts += [f"{len(in_slurm) - 1:,} in Slurm"] if in_slurm else []
    return QueueView(tuple(lines), widths, brief_width, tuple(counts))


def _in_job(record: Record | None) -> bool:
    return record is not None and record.is_in_slurm


def _on_device(
    device: str,
    document: Document,
    users: Mapping[str, tuple[str, ...]],
    records: Mapping[str, Record],
    known: Mapping[str, float],
    varied: Mapping[str, Combination],
) -> list[QueueLine]:
    """Return the runs on a device: those of the queue by their slots, then those that were started directly."""
    placed: dict[str, str] = {}
    for entry in document.placed:
        record = records.get(entry.run)
        if record is not None and entry.launched and not record.status.live:
            continue  # it has ended, and the dispatcher has not noticed yet
        for given in entry.placed:
            if given == device or given.startswith(f"{device}:"):
                placed[entry.run] = given
    for run in users.get(device, ()):
        placed.setdefault(run, device)
    return [
        _running(run, given, records.get(run), known, varied)
        for run, given in sorted(placed.items(), key=lambda pair: (pair[1] == device, pair[1]))
    ]


def _in_slurm(
    records: Sequence[Record], known: Mapping[str, float], varied: Mapping[str, Combination], fault: str
) -> list[QueueLine]:
    """Return a heading and the runs that Slurm has, those that run first; nothing if there are none."""
    there = [(record, record.job) for record in records if record.job is not None and _in_job(record)]
    if not there:
        return []
    there.sort(key=lambda pair: (not pair[0].status.live, order_of(pair[1])))
    running = sum(record.status.live for record, _ in there)
    counts = [f"{running:,} running", f"{len(there) - running:,} pending", clean(fault)]
    lines = [QueueLine(title=" · ".join(["slurm", *filter(None, counts)]))]
    for record, job in there:
        last, live = job.last, record.status.live
        where = last.nodes if last is not None and last.nodes else job.profile
        state = "submitted" if last is None else "starting" if last.state == "RUNNING" else str(last).partition(" (")[0]
        when = _left(record, known) if live else state.partition(",")[0]
        why = [] if last is None else [last.requeued] if live else [last.why, last.requeued]
        said = job.text(live=live) or "running"
        lines.append(
            QueueLine(
                record.id,
                status_sign(record.status),
                words=(*_described(record.id, record, varied), clean(where), _epoch(record), when),
                reason=clean(", ".join(filter(None, why))),
                brief=varied_text(record, varied, brief=True),
                job=clean(f"Slurm job {job.job_id or job.submission}, profile {job.profile}: {said}"),
            )
        )
    return lines


def _running(
    run: str, device: str, record: Record | None, known: Mapping[str, float], varied: Mapping[str, Combination]
) -> QueueLine:
    live = record is not None and record.status.live
    when = _left(record, known) if record is not None and live else "starts"
    sign = status_sign(record.status if record is not None and live else Status.QUEUED)
    words = (*_described(run, record, varied), device, _epoch(record), when)
    return QueueLine(run, sign, words=words, brief=varied_text(record, varied, brief=True))


def _left(record: Record, known: Mapping[str, float]) -> str:
    """Return the time that a running run has left; for a paused or stopping one, its status."""
    if record.status is not Status.RUNNING:
        return str(record.status)
    left = forecast.seconds_to_end(record, known)
    return f"{brief_duration(left)} left" if left < float("inf") else ""


def _waiting(
    entry: Entry, place: int, record: Record | None, start: float | None, varied: Mapping[str, Combination]
) -> QueueLine:
    when = "held" if entry.held else "" if start is None else f"in {brief_duration(start)}"
    reason = entry.reason if entry.reason != "held" else ""
    words = (*_described(entry.run, record, varied), entry.device, "", when)
    brief = varied_text(record, varied, brief=True)
    return QueueLine(entry.run, str(place), "", words, clean(reason), waiting=True, held=entry.held, brief=brief)


def _described(run: str, record: Record | None, varied: Mapping[str, Combination]) -> tuple[str, str, str]:
    if record is None:
        return short_id(run), "", ""
    head = record.head
    what = f"{head['method']} of {record.origin}" if record.origin else f"{head['method']} {head['space']}"
    return short_id(run), clean(f"{what} {str(head['dataset']).rpartition('/')[2]}")[:40], varied_text(record, varied)


def varied_text(record: Record | None, varied: Mapping[str, Combination], *, brief: bool = False) -> str:
    """Return what tells a run from the others of its sweep, such as ``seed 3 learning_rate=0.01``; else its seed.

    Args:
        record: the run.
        varied: what is varied, by run.
        brief: whether only the initials of long keys are shown: ``seed 3 lr=0.01``.
    """
    if record is None:
        return ""
    values = varied.get(record.id, {"seed": record.head["seed"]})
    words = []
    for key, value in values.items():
        short = "".join(word[:1] for word in key.split("_")) if brief and "_" in key else key
        words.append(f"seed {value}" if key == "seed" else f"{short}={value}")
    return clean(" ".join(words))


def _epoch(record: Record | None) -> str:
    if record is None or not record.summary.epochs:
        return ""
    return f"{record.summary.epoch}/{record.summary.epochs}"
