"""Finding the loader of a data set, and the two errands that the app sends a process of its own for.

``python -m engine.data.sources check NAME ROOT SIZE`` opens a data set, ``download NAME ROOT`` fetches one. The last
line on standard output of a failed errand is a sentence for people; the exit code is that of the command line.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import cast

from engine.data.images import ImageSet
from engine.loading import attribute
from runs import catalogue
from runs.catalogue import Dataset
from runs.errors import NastuiError, UsageError


def load(dataset: Dataset, root: Path, part: str, size: int) -> ImageSet:
    """Return the ``train`` or ``test`` part of a data set on the CPU, ``size`` pixels square (0: as it is).

    Raises:
        NastuiError: it is not there, or broken.
    """
    return cast(ImageSet, attribute(dataset.engine)(dataset, root, part, size))


def download(dataset: Dataset, root: Path) -> None:
    """Fetch a data set that knows how.

    Raises:
        UsageError: there is nothing to download.
        EnvironmentLacksError: the network or the disk does not allow it.
    """
    module = importlib.import_module(dataset.engine.partition(":")[0])
    if not hasattr(module, "download"):
        raise UsageError(f"{dataset.title} needs no download: it {dataset.obtain}.")
    root.mkdir(parents=True, exist_ok=True)
    module.download(dataset, root)


def main(arguments: list[str]) -> int:
    """Run an errand and return its exit code."""
    errand, name, root, *rest = arguments
    try:
        dataset = catalogue.dataset(name)
        if errand == "download":
            download(dataset, Path(root))
        else:
            for part in ("train", "test"):
                load(dataset, Path(root), part, int(rest[0]))
    except NastuiError as error:
        sys.stdout.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
