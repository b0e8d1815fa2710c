"""The load of the machine, as figures of a pane."""

from __future__ import annotations

from runs.formatting import count, gigabytes
from runs.machine.devices import Gpu
from runs.machine.meters import Machine
from screens.formatting import clean
from screens.models.panels import Fact

_NEARLY_FULL = 0.95


def machine_facts(machine: Machine, device: str) -> tuple[Fact, ...]:
    """Return the figures of the run's device, then those of the engine, the machine, and the other GPUs.

    Args:
        machine: one measurement.
        device: the device of the run, ``cuda:0`` or ``cpu``.
    """
    facts: list[Fact] = []
    own = [gpu for gpu in machine.gpus if device == f"cuda:{gpu.index}"]
    for gpu in own:
        facts += _gpu_facts(gpu)
    engine = machine.engine
    if engine is not None:
        busy = "measuring" if engine.busy is None else f"{engine.busy:.0f} % of a core"
        facts.append(Fact("engine", busy, f"process {engine.pid}, {count(engine.threads, 'thread')}"))
        facts.append(Fact("engine memory", gigabytes(engine.memory)))
    if machine.busy is not None:
        facts.append(Fact("cpu", f"{machine.busy:.0f} %", f"of {count(machine.cores, 'core')}", machine.busy / 100))
    if machine.load is not None:
        note = "more than there are cores" if machine.load > machine.cores else ""
        facts.append(Fact("load", f"{machine.load:.1f}", note))
    if machine.memory is not None:
        used, total = machine.memory
        facts.append(Fact("memory", gigabytes(used), f"of {gigabytes(total)}", used / total))
    for gpu in machine.gpus:
        if gpu not in own:
            facts += _gpu_facts(gpu)
    if not machine.gpus:
        facts.append(Fact("gpu", "none known to the driver"))
    return tuple(facts)


def _gpu_facts(gpu: Gpu) -> list[Fact]:
    name = f"cuda:{gpu.index}"
    full = gpu.used / gpu.total if gpu.total else 0.0
    note = "nearly full" if full > _NEARLY_FULL else f"of {gigabytes(gpu.total)}"
    if gpu.busy is None:
        busy = Fact(name, "N/A", clean(gpu.name))
    else:
        busy = Fact(name, f"{gpu.busy} %", clean(gpu.name), gpu.busy / 100)
    return [busy, Fact(f"{name} memory", gigabytes(gpu.used), note, full)]
