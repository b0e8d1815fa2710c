"""The images of a run: finding the loader of its data set; and two errands about data sets.

``python -P -m engine.data.sources check NAME ROOT SIZE`` opens a data set, ``download NAME ROOT`` fetches one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

from engine.data.images import ImageSet
from engine.errand import answer
from engine.loading import attribute
from engine.runtime import Runtime
from runs import catalogue
from runs.catalogue import Dataset
from runs.catalogue.groups import DataSettings
from runs.catalogue.settings import Settings
from runs.errors import UsageError

Load = Callable[[Dataset, Path, str, int], ImageSet]


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


class Source:
    """The parts of a run's data set, as its settings want them, on its device.

    Args:
        dataset: what the catalogue says.
        root: where downloaded data sets lie.
        settings: size and limit, where the method has such.
        runtime: the device.
        loader: opens a part on the CPU.

    Attributes:
        size: side in pixels; known of a folder once a part has been loaded, 0 before.
    """

    def __init__(self, dataset: Dataset, root: Path, settings: Settings, runtime: Runtime, loader: Load) -> None:
        self._dataset, self._root, self._runtime, self._loader = dataset, root, runtime, loader
        self._wanted = self._limit = 0
        if isinstance(settings, DataSettings):
            self._wanted, self._limit = settings.image_size, settings.image_limit
        self.size = self._wanted or dataset.size or 0

    def __call__(self, part: str) -> ImageSet:
        """Return ``train`` or ``test``.

        Raises:
            NastuiError: it is not there, or broken.
        """
        loaded = self._loader(self._dataset, self._root, part, self._wanted)
        self.size = loaded.size
        if part == "train":
            loaded = loaded.limited(self._limit, self._runtime.generator("image limit"))
        return loaded.to(self._runtime.device)


def errand(arguments: list[str]) -> None:
    """Check or download, as the first argument says."""
    what, name, root, *rest = arguments
    dataset = catalogue.dataset(name)
    if what == "download":
        download(dataset, Path(root))
    else:
        for part in ("train", "test"):
            load(dataset, Path(root), part, int(rest[0]))


if __name__ == "__main__":
    answer(errand)
