"""``python -m tests.engine.streaming_engines IMAGES``: processes that stream images as engines do, and how they end.

They are copies of one process, because torch alone takes seconds to load. Each has a session of its own, in which
nothing may be left when it has ended. Printed are, for each, how it ends, the number of its process and its exit code;
and what the one that ends by itself is told if ``/dev/shm`` is too small for its first batch.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from engine.data.listing import list_images
from engine.data.streaming import StreamingFeed
from runs.errors import EnvironmentLacksError

KILLED, ENDED, ROOM = "killed", "ended", "room"


def main(images: Path) -> None:
    """Start one engine after the other, and wait for it."""
    importlib.import_module("torchvision.transforms.v2")
    for how in (KILLED, ENDED):
        engine = os.fork()
        if not engine:
            os.setsid()
            work(images, how)
            return
        tell({how: [engine, os.waitstatus_to_exitcode(os.waitpid(engine, 0)[1])]})


def work(images: Path, how: str) -> None:
    """Stream images, and leave while processes decode the next ones."""
    if how == ENDED:
        try:
            stream(images, size=128, workers=1)  # 8 images have 393 kB
        except EnvironmentLacksError as error:
            tell({ROOM: str(error)})
    feed = stream(images, size=32, workers=2)
    if how == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    assert feed.left


def stream(images: Path, **options: Any) -> StreamingFeed:
    """Return a stream of which the first batch has been taken."""
    feed = StreamingFeed(
        list_images(images, "train"),
        mean=(0.5,) * 3,
        std=(0.2,) * 3,
        device=torch.device("cpu"),
        seed=0,
        generator=torch.Generator(),
        **options,
    )
    feed.cut(8)
    feed.start()
    feed.next()
    return feed


def tell(found: dict[str, Any]) -> None:
    """Print a line for the test."""
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
