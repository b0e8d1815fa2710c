"""The images of a run, from the loader of its data set; as a program, checks or downloads a data set.

``python -P -m engine.data.sources check NAME ROOT SIZE [streamed] [skip] [most=N]`` opens a data set (``streamed``:
only lists its files; ``skip``: leaves out broken images; ``most``: decodes only this many training images);
``python -P -m engine.data.sources download NAME ROOT`` downloads one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

from engine.core.plugins import attribute
from engine.core.runtime import Runtime
from engine.core.subprocess_task import run_task
from engine.data.images import ImageSet
from engine.data.listing import list_images
from runs import catalogue
from runs.catalogue import Dataset
from runs.catalogue.settings import Settings
from runs.catalogue.shared_settings import ImageSettings
from runs.errors import UsageError

# Called with a data set, the root, a part and a size; for an image folder also with the keywords ``skip_broken`` and
# ``at_most``, the number of images to decode.
Load = Callable[..., ImageSet]


def load(dataset: Dataset, root: Path, part: str, size: int, **options: int) -> ImageSet:
    """Return the ``train`` or ``test`` part of a data set on the CPU, in squares of ``size`` pixels (0: its own size).

    ``options`` are those of the loader of image folders.

    Raises:
        NastuiError: it is missing or broken.
    """
    return cast(ImageSet, attribute(dataset.engine)(dataset, root, part, size, **options))


def download(dataset: Dataset, root: Path) -> None:
    """Download a data set whose loader supports it.

    Raises:
        UsageError: its loader has no download.
        EnvironmentLacksError: the network or the disk failed.
    """
    module = importlib.import_module(dataset.engine.partition(":")[0])
    if not hasattr(module, "download"):
        raise UsageError(f"{dataset.title} cannot be downloaded: {dataset.obtain}.")
    root.mkdir(parents=True, exist_ok=True)
    module.download(dataset, root)


class Source:
    """The parts of a run's data set on its device, with the size and limit of its settings.

    Args:
        dataset: its entry in the catalogue.
        root: the folder of downloaded data sets.
        settings: size and limit, if the method has them.
        runtime: the device.
        loader: opens a part on the CPU.

    Attributes:
        root: the folder of downloaded data sets.
        size: side in pixels; for a folder, known once a part has been loaded, 0 before.
        classes: names, by label; known once a part has been loaded.
    """

    def __init__(self, dataset: Dataset, root: Path, settings: Settings, runtime: Runtime, loader: Load) -> None:
        self.root = root
        self._dataset, self._runtime, self._loader = dataset, runtime, loader
        self._size = self._limit = 0
        if isinstance(settings, ImageSettings):
            self._size, self._limit = settings.image_size, settings.image_limit
        self.size = self._size or dataset.size or 0
        self.classes: tuple[str, ...] = ()

    def __call__(
        self,
        part: str,
        *,
        size: int | None = None,
        limit: int | None = None,
        skip_broken: bool = False,
        at_most: int = 0,
    ) -> ImageSet:
        """Return ``train`` or ``test``.

        Args:
            part: ``train`` or ``test``.
            size: side in pixels, instead of the settings'.
            limit: of the training images, instead of the settings'.
            skip_broken: leave out broken images of a folder instead of failing.
            at_most: the number of images of a folder to decode, with the same share of every class; 0 for all.

        Raises:
            NastuiError: it is missing or broken.
        """
        options: dict[str, int] = {}
        if self._dataset.images(self.root) is not None:
            options = {"skip_broken": True} if skip_broken else {}
            options |= {"at_most": at_most} if at_most else {}
        side = self._size if size is None else size
        loaded = self._loader(self._dataset, self.root, part, side, **options)
        self.size, self.classes = loaded.size, loaded.classes
        if part == "train":
            limit = self._limit if limit is None else limit
            loaded = loaded.limited(limit, self._runtime.generator("image limit"))
        return loaded.to(self._runtime.device)


def check_or_download(arguments: list[str]) -> None:
    """Check or download a data set, as the first argument says."""
    what, name, root, *rest = arguments
    dataset = catalogue.dataset(name)
    if what == "download":
        download(dataset, Path(root))
        return
    size, *flags = rest
    most = next((int(flag.partition("=")[2]) for flag in flags if flag.startswith("most=")), 0)
    if most and dataset.images(Path(root)) is not None:
        load(dataset, Path(root), "train", int(size), at_most=most)
        return
    for part in ("train", "test"):
        if "streamed" in flags and (folder := dataset.images(Path(root))) is not None:
            list_images(folder, part)
        else:
            load(dataset, Path(root), part, int(size), **({"skip_broken": True} if "skip" in flags else {}))


if __name__ == "__main__":
    run_task(check_or_download)
