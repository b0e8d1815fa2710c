"""The devices of this machine, found without importing torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from runs.errors import EnvironmentLacksError, UsageError


@dataclass(frozen=True)
class Gpu:
    """One GPU as the driver reports it; ``used`` and ``total`` in bytes, ``busy`` in percent or None."""

    index: int
    name: str
    used: int
    total: int
    busy: int | None


def gpus() -> list[Gpu]:
    """Return the GPUs that our processes can use, numbered as in torch; empty without a driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # NVML raises its own errors, and ctypes' if the driver is broken; either way there is no GPU
        return []
    try:
        found = []
        for index, handle in enumerate(_visible()):
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            try:
                busy = int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
            except pynvml.NVMLError:
                busy = None
            name = pynvml.nvmlDeviceGetName(handle)
            found.append(Gpu(index, str(name), int(memory.used), int(memory.total), busy))
        return found
    except pynvml.NVMLError:
        return []  # a GPU can disappear at any time
    finally:
        pynvml.nvmlShutdown()


def resolve(requested: str) -> str:
    """Return the device that ``auto``, ``cpu``, ``cuda`` or ``cuda:i`` means on this machine.

    Raises:
        UsageError: unknown device name.
        EnvironmentLacksError: there is no such GPU.
    """
    if requested == "cpu":
        return "cpu"
    if requested == "auto":
        return "cuda:0" if gpus() else "cpu"
    match = re.fullmatch(r"cuda(?::([0-9]{1,4}))?", requested)
    if match is None:
        raise UsageError(f"--device is '{requested[:80]}', but must be auto, cpu, cuda or cuda:<number>.")
    index, found = int(match[1] or 0), gpus()
    if index >= len(found):
        here = f"this machine has {len(found)} GPUs" if found else "this machine has no usable GPU"
        raise EnvironmentLacksError(
            f"There is no device '{requested}': {here}.", "Use --device cpu, or see `nastui doctor`."
        )
    return f"cuda:{index}"


def visible(indices: Sequence[int]) -> dict[str, str]:
    """Return the variable that lets a process see only some of the GPUs that we see, by their indices here."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = None if given is None else [word.strip() for word in given.split(",")]
    return {"CUDA_VISIBLE_DEVICES": ",".join(str(index) if names is None else names[index] for index in indices)}


def _visible() -> Iterator[Any]:
    """Yield the driver's handles of the GPUs that CUDA_VISIBLE_DEVICES names, in that order."""
    import pynvml

    count = pynvml.nvmlDeviceGetCount()
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    for word in map(str, range(count)) if given is None else given.split(","):
        name = word.strip()
        if name.startswith(("GPU-", "MIG-")):
            yield pynvml.nvmlDeviceGetHandleByUUID(name)
        elif name.isdecimal() and int(name) < count:
            yield pynvml.nvmlDeviceGetHandleByIndex(int(name))
        else:
            return  # as CUDA does: the first invalid entry ends the list
