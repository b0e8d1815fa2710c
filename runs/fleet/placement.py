"""Which waiting run gets which device, and why the others wait. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runs.formatting import gigabytes
from runs.home import short_id
from runs.machine.devices import Gpu
from runs.store.queue import Entry

# What a run needs beside its own peak: the CUDA context, fragments of the allocator, and what an estimate misses.
MARGIN_SHARE = 0.1
MARGIN_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Use:
    """The memory of a run on its GPU, in bytes.

    Attributes:
        estimated: at its peak; None if nothing is known.
        reported: the peak so far, as the run says; 0 before its first report.
    """

    estimated: int | None = None
    reported: int = 0


@dataclass(frozen=True)
class Decision:
    """Where runs start now, and what the others wait for.

    Attributes:
        placements: the devices or the CPU slot of each run that can start.
        reasons: of each run that waits.
    """

    placements: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def place(entries: Sequence[Entry], gpus: Sequence[Gpu], cpu_slots: int, uses: Mapping[str, Use]) -> Decision:
    """Decide which of the waiting runs start.

    The queue is first in, first out: a run that waits for a device lets no later run have it.

    Args:
        entries: of the queue, in order; those that are placed have a running engine.
        gpus: of this machine, as measured now.
        cpu_slots: how many runs share the cores.
        uses: the memory of each run that needs a GPU.
    """
    rooms = {f"cuda:{gpu.index}": _Room(gpu.total, gpu.total - gpu.used) for gpu in gpus}
    taken_slots = Counter(device for entry in entries for device in entry.placed if device.startswith("cpu:"))
    for entry in entries:
        for device in entry.placed:
            if device in rooms:
                rooms[device].settle(entry, uses.get(entry.run, Use()))
    decision = Decision()
    blocked: dict[str, str] = {}  # by what is wanted: the run that waits for it
    for entry in entries:
        if entry.placed:
            continue
        if entry.held:
            decision.reasons[entry.run] = entry.reason or "held"
        elif (before := _blocker(entry, blocked)) is not None:
            decision.reasons[entry.run] = f"waits behind {short_id(before)}"
        else:
            use = uses.get(entry.run, Use())
            found = _slot(cpu_slots, taken_slots) if entry.device == "cpu" else _gpus(entry, rooms, use)
            if isinstance(found, str):
                decision.reasons[entry.run] = found
                blocked[entry.device] = entry.run
            else:
                decision.placements[entry.run] = found
    return decision


@dataclass
class _Room:
    """What a GPU still has for further runs."""

    total: int
    free: int
    runs: int = 0
    most: int = 2**30

    def settle(self, entry: Entry, use: Use) -> None:
        """Account for a run that is there: its memory is measured, but it may still grow to its estimate."""
        self.runs += 1
        self.most = min(self.most, entry.per_device)
        self.free -= max(0, _needed(entry, use, self.total) - use.reported)

    def lacks(self, entry: Entry, use: Use) -> str:
        """Return what a run would wait for here; empty if there is room for it."""
        most = min(self.most, entry.per_device)
        if self.runs >= most:
            return f"{self.runs} of {most} runs"
        needed = _needed(entry, use, self.total)
        return "" if needed <= self.free else f"needs {gigabytes(needed)}, free {gigabytes(max(0, self.free))}"


def _needed(entry: Entry, use: Use, total: int) -> int:
    """Return the bytes that a run needs; without an estimate its equal share of the GPU."""
    if use.estimated is None:
        return max(use.reported, int(total * (1 - MARGIN_SHARE) / entry.per_device) - MARGIN_BYTES)
    return max(use.reported, int(use.estimated * (1 + MARGIN_SHARE)) + MARGIN_BYTES)


def _blocker(entry: Entry, blocked: Mapping[str, str]) -> str | None:
    """Return the earlier run that waits for what this one wants."""
    if entry.device == "cpu":
        return blocked.get("cpu")
    # A run that takes any GPU waits for all of them; one that wants a certain GPU leaves the others to those behind it.
    return blocked.get("cuda") or blocked.get(entry.device)


def _slot(slots: int, taken: Counter[str]) -> tuple[str, ...] | str:
    free = next((name for number in range(slots) if not taken[name := f"cpu:{number}"]), None)
    if free is None:
        return f"waits for a slot of the CPU ({slots} of {slots} in use)"
    taken[free] += 1
    return (free,)


def _gpus(entry: Entry, rooms: dict[str, _Room], use: Use) -> tuple[str, ...] | str:
    first = int(entry.device.partition(":")[2]) if ":" in entry.device else None
    wanted = list(rooms) if first is None else [f"cuda:{first + number}" for number in range(entry.gpus)]
    missing = [device for device in wanted if device not in rooms]
    if missing or len(wanted) < entry.gpus:
        return f"waits for {missing[0] if missing else f'{entry.gpus} GPUs'}, and this machine has {len(rooms)} GPUs"
    fits = [device for device in wanted if not rooms[device].lacks(entry, use)]
    if len(fits) < entry.gpus:
        where = (
            entry.device
            if entry.gpus == 1 and first is not None
            else "a GPU"
            if entry.gpus == 1
            else f"{entry.gpus} GPUs"
        )
        best = max((device for device in wanted if device not in fits), key=lambda device: rooms[device].free)
        detail = rooms[best].lacks(entry, use)
        return f"waits for {where} ({'' if best == where else best + ': '}{detail})"
    # Of those with room, the one with the most: runs spread over the GPUs before they share one.
    chosen = sorted(fits, key=lambda device: (rooms[device].runs, -rooms[device].free))[: entry.gpus]
    for device in chosen:
        rooms[device].settle(entry, Use(use.estimated, 0))
    return tuple(sorted(chosen, key=lambda device: int(device.partition(":")[2])))
