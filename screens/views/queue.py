"""The queue: devices as lanes with the runs on them, and below them what waits, why, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from runs.fleet import forecast
from runs.formatting import brief_duration, count, gigabytes
from runs.home import short_id
from runs.machine.devices import Gpu
from runs.store.queue import Document, Entry
from runs.store.record import Record
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
) -> QueueView:
    """Return the queue as it is now.

    Args:
        document: the queue.
        records: every run.
        users: by device, the ids of the runs that compute on it, queued or not.
        gpus: of this machine, as measured.
        cores: of this machine.
        cpu_slots: how many queued runs share the cores.
    """
    by_id = {record.id: record for record in records}
    known = forecast.durations(records)
    starts = forecast.starts(document, by_id, known, cpu_slots, [gpu.index for gpu in gpus])
    lines = []
    running = 0
    for gpu in gpus:
        device = f"cuda:{gpu.index}"
        busy = [] if gpu.busy is None else [f"{gpu.busy} % busy"]
        free = f"free {gigabytes(max(0, gpu.total - gpu.used))} of {gigabytes(gpu.total)}"
        lines.append(QueueLine(title=" · ".join([device, clean(gpu.name), *busy, free])))
        on_it = _on_device(device, document, users, by_id, known)
        running += len(on_it)
        lines += on_it or [QueueLine(place="", words=("no run",))]
    on_cpu = _on_device("cpu", document, users, by_id, known)
    running += len(on_cpu)
    lines.append(QueueLine(title=f"cpu · {count(cores, 'core')} · {count(cpu_slots, 'slot')} for queued runs"))
    lines += on_cpu or [QueueLine(place="", words=("no run",))]
    waiting = [
        _waiting(entry, place, by_id.get(entry.run), starts.get(entry.run))
        for place, entry in enumerate(document.waiting, 1)
    ]
    held = sum(line.held for line in waiting)
    lines.append(QueueLine(title=f"{count(len(waiting), 'run')} wait{'s' if len(waiting) == 1 else ''}"))
    lines += waiting
    widths = tuple(
        max((cell_len(line.words[at]) for line in lines if len(line.words) > 1), default=0) for at in range(len(WORDS))
    )
    counts = [f"{running:,} running", f"{len(waiting):,} waiting", *([f"{held:,} held"] if held else [])]
    return QueueView(tuple(lines), widths, tuple(counts))


def _on_device(
    device: str,
    document: Document,
    users: Mapping[str, tuple[str, ...]],
    records: Mapping[str, Record],
    known: Mapping[str, float],
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
        _running(run, given, records.get(run), known)
        for run, given in sorted(placed.items(), key=lambda pair: (pair[1] == device, pair[1]))
    ]


def _running(run: str, device: str, record: Record | None, known: Mapping[str, float]) -> QueueLine:
    status = record.status if record is not None and record.status.live else None
    when = "starts"
    if record is not None and status is not None:
        left = forecast.seconds_to_end(record, known)
        when = f"{brief_duration(left)} left" if left < float("inf") else ""
        when = str(status) if status is not Status.RUNNING else when
    sign = status_sign(status or Status.QUEUED)
    return QueueLine(run, sign, words=(*_described(run, record), device, _epoch(record), when))


def _waiting(entry: Entry, place: int, record: Record | None, start: float | None) -> QueueLine:
    when = "held" if entry.held else "" if start is None else f"in {brief_duration(start)}"
    reason = entry.reason if entry.reason != "held" else ""
    words = (*_described(entry.run, record), entry.device, "", when)
    return QueueLine(entry.run, str(place), "", words, clean(reason), waiting=True, held=entry.held)


def _described(run: str, record: Record | None) -> tuple[str, str, str]:
    if record is None:
        return short_id(run), "", ""
    head = record.head
    what = f"{head['method']} of {record.origin}" if record.origin else f"{head['method']} {head['space']}"
    return short_id(run), clean(f"{what} {str(head['dataset']).rpartition('/')[2]}")[:40], f"seed {head['seed']}"


def _epoch(record: Record | None) -> str:
    if record is None or not record.summary.epochs:
        return ""
    return f"{record.summary.epoch}/{record.summary.epochs}"
