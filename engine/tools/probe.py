"""``python -P -m engine.tools.probe``: what torch can use on this machine."""

from __future__ import annotations

import time
from typing import Any

from engine.core.subprocess_task import run_task


def probe(arguments: list[str]) -> dict[str, Any]:
    """Import torch and return what it finds: versions, GPUs, threads, and the seconds of the import."""
    began = time.perf_counter()
    import torch

    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "gpus": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "threads": torch.get_num_threads(),
        "seconds": time.perf_counter() - began,
    }


if __name__ == "__main__":
    run_task(probe)
