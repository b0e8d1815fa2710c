"""``python -P -m engine.probe``: what torch can use here, as one JSON object."""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    """Import torch and say what it sees."""
    began = time.perf_counter()
    import torch

    found = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "gpus": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "threads": torch.get_num_threads(),
        "seconds": time.perf_counter() - began,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
