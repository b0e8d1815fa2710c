"""What the machine is doing, as figures of a pane."""

from __future__ import annotations

from runs.machine.devices import Gpu
from runs.machine.meters import Machine
from screens.formatting import clean, count, gigabytes
from screens.models.panels import Fact
from screens.palette import Glyphs

_BAR = 10


def facts(machine: Machine, device: str, glyphs: Glyphs) -> tuple[Fact, ...]:
    """Return the run's device first, then the engine, the machine, and the other GPUs.

    Args:
        machine: one selection.
        device: of the run, ``cuda:0`` or ``cpu``.
        glyphs: what bars are drawn with.
    """
    found: list[Fact] = []
    own = [gpu for gpu in machine.gpus if device == f"cuda:{gpu.index}"]
    for gpu in own:
        found += _gpu(gpu, glyphs)
    engine = machine.engine
    if engine is not None:
        busy = "measuring" if engine.busy is None else f"{engine.busy:.0f} % of a core"
        found.append(Fact("engine", busy, f"process {engine.pid}, {count(engine.threads, 'thread')}"))
        found.append(Fact("engine memory", gigabytes(engine.memory)))
    if machine.busy is not None:
        found.append(
            Fact("cpu", f"{_bar(machine.busy, glyphs)} {machine.busy:.0f} %", f"of {count(machine.cores, 'core')}")
        )
    if machine.load is not None:
        note = "more than there are cores" if machine.load > machine.cores else ""
        found.append(Fact("load", f"{machine.load:.1f}", note))
    if machine.memory is not None:
        used, total = machine.memory
        found.append(Fact("memory", f"{_bar(100 * used / total, glyphs)} {gigabytes(used)}", f"of {gigabytes(total)}"))
    for gpu in machine.gpus:
        if gpu not in own:
            found += _gpu(gpu, glyphs)
    if not machine.gpus:
        found.append(Fact("gpu", "none that the driver knows of"))
    return tuple(found)


def _gpu(gpu: Gpu, glyphs: Glyphs) -> list[Fact]:
    busy = "N/A" if gpu.busy is None else f"{_bar(gpu.busy, glyphs)} {gpu.busy} %"
    full = 100 * gpu.used / gpu.total if gpu.total else 0.0
    warn = "nearly full" if full > 95 else f"of {gigabytes(gpu.total)}"
    return [
        Fact(f"cuda:{gpu.index}", busy, clean(gpu.name)),
        Fact(f"cuda:{gpu.index} memory", f"{_bar(full, glyphs)} {gigabytes(gpu.used)}", warn),
    ]


def _bar(percent: float, glyphs: Glyphs) -> str:
    done = min(_BAR, max(0, round(_BAR * percent / 100)))
    return glyphs.full * done + glyphs.empty * (_BAR - done)
