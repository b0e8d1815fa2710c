"""When the runs that wait will probably start. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from runs.store.groups import sweep_of
from runs.store.queue import Document, Entry
from runs.store.record import Record
from runs.store.status import Status


def durations(records: Iterable[Record]) -> dict[str, float]:
    """Return how long equal runs took on average, in seconds, by group (``head["group"]``) and by id of the sweep."""
    found: dict[str, list[float]] = {}
    for record in records:
        if record.status is Status.FINISHED:
            for key in (record.head["group"], sweep_of(record)):
                found.setdefault(key, []).append(record.summary.seconds)
    return {key: sum(seconds) / len(seconds) for key, seconds in found.items() if key}


def duration_of(record: Record, known: Mapping[str, float]) -> float:
    """Return how long a run will take: as its repetitions, else as the others of its sweep; infinite if unknown."""
    return known.get(record.head["group"], known.get(sweep_of(record), math.inf))


def seconds_to_end(record: Record, known: Mapping[str, float]) -> float:
    """Return when a running run will end, in seconds from now; infinite if unknown."""
    if record.summary.eta is not None and math.isfinite(record.summary.eta):
        return max(0.0, record.summary.eta)
    return max(0.0, duration_of(record, known) - record.summary.seconds)


def starts(
    document: Document, records: Mapping[str, Record], known: Mapping[str, float], cpu_slots: int, gpus: Sequence[int]
) -> dict[str, float]:
    """Return in how many seconds each waiting run will start; those that are held, or cannot be told, are left out.

    Memory is not foreseen: a GPU is taken to have room for as many runs as may share it.

    Args:
        document: the queue.
        records: by id, at least those of the queue.
        known: from :func:`durations`.
        cpu_slots: how many runs share the cores.
        gpus: the indices of the GPUs of this machine.
    """
    lanes: dict[str, list[float]] = {"cpu": [0.0] * cpu_slots}
    shared = max((entry.per_device for entry in document.entries), default=1)
    lanes |= {f"cuda:{index}": [0.0] * shared for index in gpus}
    for entry in document.placed:
        record = records.get(entry.run)
        left = math.inf if record is None else seconds_to_end(record, known)
        for device in entry.placed:
            lane = lanes.get("cpu" if device.startswith("cpu") else device, [])
            if 0.0 in lane:
                lane[lane.index(0.0)] = left
    found = {}
    for entry in document.waiting:
        if entry.held or not (devices := _devices(entry, lanes)):
            continue
        begin = max(min(lanes[device]) for device in devices)
        if not math.isfinite(begin) or (begin == 0 and entry.reason.startswith("waits for")):
            continue
        found[entry.run] = begin
        record = records.get(entry.run)
        end = begin + (math.inf if record is None else duration_of(record, known))
        for device in devices:
            lane = lanes[device]
            lane[lane.index(min(lane))] = end
    return found


def _devices(entry: Entry, lanes: Mapping[str, list[float]]) -> list[str]:
    """Return the devices that a run will get; none if this machine has too few."""
    if entry.device == "cpu":
        return ["cpu"] if lanes["cpu"] else []
    first = int(entry.device.partition(":")[2]) if ":" in entry.device else None
    wanted = (
        [device for device in lanes if device != "cpu"]
        if first is None
        else [f"cuda:{first + number}" for number in range(entry.gpus)]
    )
    there = [device for device in wanted if device in lanes]
    if len(there) < entry.gpus:
        return []
    return sorted(there, key=lambda device: min(lanes[device]))[: entry.gpus]
