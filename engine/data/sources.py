"""The images of a run, from the loader of its data set; as a program, checks or downloads a data set.

``python -P -m engine.data.sources check NAME ROOT SIZE [streamed] [skip] [most=N]`` opens a data set (``streamed``:
only lists its files; ``skip``: leaves out broken images; ``most``: decodes only this many training images), and returns
sentences about what users should know of it;
``python -P -m engine.data.sources download NAME ROOT`` downloads one.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from engine.core.plugins import attribute
from engine.core.runtime import Runtime
from engine.core.subprocess_task import run_task
from engine.data.images import SINGLE_COLOURS, ImageSet, single_colours
from engine.data.listing import Listing, list_images, open_image
from runs import catalogue
from runs.catalogue import Dataset
from runs.catalogue.settings import Settings
from runs.catalogue.shared_settings import ImageSettings
from runs.errors import EnvironmentLacksError, UsageError
from runs.log.events import Event, Warned

# Of images that are streamed, so many are looked at before a run.
_SAMPLE, _SAMPLE_SIDE = 8, 16

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
        emit: gets a warning about images that cannot be meant.

    Attributes:
        root: the folder of downloaded data sets.
        size: side in pixels; for a folder, known once a part has been loaded, 0 before.
        classes: names, by label; known once a part has been loaded.
    """

    def __init__(
        self,
        dataset: Dataset,
        root: Path,
        settings: Settings,
        runtime: Runtime,
        loader: Load,
        emit: Callable[[Event], object] = lambda event: None,
    ) -> None:
        self.root = root
        self._emit = emit
        self._dataset, self._runtime, self._loader = dataset, runtime, loader
        self._size = self._limit = 0
        if isinstance(settings, ImageSettings):
            self._size, self._limit = settings.image_size, settings.image_limit
        self.size = self._size or dataset.size or 0
        self.classes: tuple[str, ...] = ()
        self._warned = False

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
            self.examine(loaded.images)
            limit = self._limit if limit is None else limit
            loaded = loaded.limited(limit, self._runtime.generator("image limit"))
        return loaded.to(self._runtime.device)

    def examine(self, images: Tensor) -> None:
        """Warn, at most once, if all of these training images are single colours.

        Args:
            images: uint8 [N, H, W, 3].
        """
        if not self._warned and single_colours(images):
            self._warned = True
            self._emit(Warned("single_colours", SINGLE_COLOURS))


def check_or_download(arguments: list[str]) -> list[str]:
    """Check or download a data set, as the first argument says; return what users should know of it."""
    what, name, root, *rest = arguments
    dataset = catalogue.dataset(name)
    if what == "download":
        download(dataset, Path(root))
        return []
    size, *flags = rest
    return _check(dataset, Path(root), int(size), flags)


def _check(dataset: Dataset, root: Path, size: int, flags: list[str]) -> list[str]:
    folder = dataset.images(root)
    most = next((int(flag.partition("=")[2]) for flag in flags if flag.startswith("most=")), 0)
    parts = ("train",) if most and folder is not None else ("train", "test")
    listings = [] if folder is None else [list_images(folder, part) for part in parts]
    remarks = [remark for listing in listings for remark in listing.remarks]
    if "streamed" in flags and listings:
        return [*remarks, *([SINGLE_COLOURS] if single_colours(sample(listings[0])) else [])]
    options: dict[str, int] = {"skip_broken": True} if "skip" in flags else {}
    options |= {"at_most": most} if most and listings else {}
    for part in parts:
        loaded = load(dataset, root, part, size, **options)
        if part == "train" and single_colours(loaded.images):
            remarks.append(SINGLE_COLOURS)
    return remarks


def sample(listing: Listing) -> Tensor:
    """Return a few images of a listing, spread over it, small: uint8 [n, 16, 16, 3]. Broken ones are left out."""
    found = [torch.empty(0, _SAMPLE_SIDE, _SAMPLE_SIDE, 3, dtype=torch.uint8)]
    for index in torch.linspace(0, len(listing.files) - 1, _SAMPLE).long().unique().tolist():
        with contextlib.suppress(EnvironmentLacksError):
            image = open_image(listing.base / listing.files[index])
            found.append(torch.from_numpy(np.array(image.resize((_SAMPLE_SIDE, _SAMPLE_SIDE))))[None])
    return torch.cat(found)


if __name__ == "__main__":
    run_task(check_or_download)
