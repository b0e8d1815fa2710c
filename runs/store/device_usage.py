"""Which runs of the store use which device of this machine."""

from __future__ import annotations

from collections.abc import Iterable

from runs.configuration import RunConfig
from runs.errors import NastuiError
from runs.store.lock import owner_is_here
from runs.store.record import Record


def users(records: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    """Return the ids of live runs on this machine by device, ``cpu`` or ``cuda:i``. Reads a few files per run."""
    found: dict[str, tuple[str, ...]] = {}
    for record in records:
        if not record.status.live or not owner_is_here(record.paths.lock):
            continue
        for device in _devices(record):
            found[device] = (*found.get(device, ()), record.id)
    return found


def _devices(record: Record) -> list[str]:
    """Return the devices of a run; its processes use consecutive GPUs."""
    first = str(record.head.get("device", "cpu"))
    kind, _, number = first.partition(":")
    if kind != "cuda" or not number.isdecimal():
        return [first]
    try:
        gpus = RunConfig.read(record.paths.config).options.get("gpus", 1)
    except NastuiError:
        gpus = 1
    return [f"cuda:{int(number) + place}" for place in range(gpus if isinstance(gpus, int) else 1)]
