"""How all subprocesses start: with Python's safe path, and with GPUs numbered as by the driver."""

from __future__ import annotations

import os
import sys


def command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module; files in the current folder cannot shadow modules."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Return our environment, with the safe path for descendants and GPUs numbered as by the driver."""
    return os.environ | {"PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
