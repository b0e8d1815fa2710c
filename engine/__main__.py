"""``python -P -m engine RUN_DIRECTORY``: the engine process of one run."""

from __future__ import annotations

import sys
from pathlib import Path

from runs.errors import NastuiError
from runs.home import RunPaths
from runs.lock import engine_lock


def main(arguments: list[str]) -> int:
    """Hold the run's lock and work; the slow imports come after the lock, so that viewers see life at once."""
    paths = RunPaths(Path(arguments[0]))
    try:
        with engine_lock(paths.lock):
            from engine import worker

            return worker.run(paths.root)
    except NastuiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
