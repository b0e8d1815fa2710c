"""A home written by version 0.1.0 itself; only the names of its machine were replaced.

Its runs, by name: ``finished``, ``stopped`` and ``lost`` (killed after an epoch) are the same search with DrNAS;
``retrained`` trains the cell that ``finished`` found; ``two cells``, ``sparse codes``, ``zero cost`` and ``black box``
are searches of other kinds. To keep it small, only the runs that can be resumed have a checkpoint, and only the
finished search with DrNAS and the retraining have their weights.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from runs.home import Home, RunPaths

ARCHIVE = Path(__file__).parent / "data" / "home_of_0_1.tar.xz"
STATUSES = {
    "finished": "finished",
    "stopped": "stopped",
    "lost": "lost",
    "retrained": "finished",
    "two cells": "finished",
    "sparse codes": "finished",
    "zero cost": "finished",
    "black box": "finished",
}


def unpack(home: Home) -> dict[str, RunPaths]:
    """Replace an empty home by the home of version 0.1, and return its runs by name."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(home.root.parent, filter="data")
    (home.root.parent / "home_of_0_1").rename(home.root)
    runs = [RunPaths(folder) for folder in home.runs.iterdir()]
    return {json.loads(run.labels.read_bytes())["name"]: run for run in runs}
