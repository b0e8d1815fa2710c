"""How all our processes start: with Python's safe path, and with the driver's numbers of GPUs."""

from __future__ import annotations

import os
import sys


def command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module; nothing that lies in the current folder can take a module's place."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Return our environment, with a safe path for grandchildren and GPUs numbered as by the driver."""
    return os.environ | {"PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
