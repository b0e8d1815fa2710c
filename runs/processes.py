"""How all subprocesses start: our packages as one set, a safe path, GPUs numbered as by the driver, huge pages."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import nastui_start

# An engine answers it by writing its Python stacks. A process that does not know it ignores it.
STACKS_SIGNAL = signal.SIGURG

_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
# Feature maps are allocated and freed again in every step. By default glibc returns large ones to the kernel each time,
# which clears their pages anew. docs/performance.md, "Huge pages" has the measurements.
_TUNABLES = {
    "glibc.malloc.hugetlb": 1,  # ask for transparent huge pages
    "glibc.malloc.mmap_threshold": 2**25,
    "glibc.malloc.trim_threshold": 2**34,
    "glibc.malloc.top_pad": 2**26,
}


def command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours; no other file by the name of one of our packages can shadow it."""
    return [sys.executable, "-P", nastui_start.FILE, module, *arguments]


def environment() -> dict[str, str]:
    """Return our environment, with the safe path for descendants, GPUs numbered as by the driver, and huge pages."""
    fixed = {"PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return allocation(os.environ) | os.environ | fixed


def allocation(environment: Mapping[str, str], huge_pages: Path = _HUGE_PAGES) -> dict[str, str]:
    """Return the variable that lets glibc keep memory and use huge pages.

    Empty if the user has set the variable, if the C library is not glibc 2.35 or newer, or if the kernel gives no
    transparent huge pages.
    """
    if "GLIBC_TUNABLES" in environment or _glibc() < (2, 35):
        return {}
    try:
        offered = "[never]" not in huge_pages.read_text()
    except OSError:
        offered = False
    return {"GLIBC_TUNABLES": ":".join(f"{name}={value}" for name, value in _TUNABLES.items())} if offered else {}


def _glibc() -> tuple[int, ...]:
    """Return the version of glibc; (0,) if the C library is another."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        return tuple(map(int, version.split("."))) if name == "glibc" else (0,)
    except (OSError, ValueError):
        return (0,)
