"""Whether a data set is on this machine, and checks and downloads by a subprocess that may import torch."""

from __future__ import annotations

from pathlib import Path

from runs.catalogue import Dataset
from runs.errors import EnvironmentLacksError, UsageError
from runs.home import Home
from runs.subprocess_task import run_task

_SOURCES = "engine.data.sources"
# To which the images of a folder are scaled while they are checked: they may have several sizes.
_SIDE = 32


def is_here(dataset: Dataset, home: Home) -> bool:
    """Return whether a data set's files exist. The loader checks whether they are complete."""
    return all((home.datasets / file).exists() for file in dataset.requires)


def streamed_folder(dataset: Dataset, root: Path) -> Path:
    """Return the image folder of a data set that is to be streamed; ``root`` is the home's folder of data sets.

    Raises:
        UsageError: the data set is not an image folder.
    """
    folder = dataset.images(root)
    if folder is None:
        raise UsageError(
            f"augmentation=imagenet streams image folders, and {dataset.title} is not one.",
            "Set augmentation=crop, or name a folder by --dataset.",
        )
    return folder


def see_that_it_is_here(dataset: Dataset, home: Home) -> None:
    """Check that the files of a data set exist.

    Raises:
        EnvironmentLacksError: they do not; the message says how to get them.
    """
    if not is_here(dataset, home):
        raise EnvironmentLacksError(f"{dataset.title} is not in '{home.datasets}'.", f"Get it: {dataset.obtain}")


def check(
    dataset: Dataset, home: Home, size: int, *, streamed: bool = False, skip_broken: bool = False, at_most: int = 0
) -> list[str]:
    """Check that a data set can be used, before a run is created for it; return what users should know of it.

    The images of a folder are opened and decoded once; later runs use the result.

    Args:
        dataset: its entry in the catalogue.
        home: the home that holds it.
        size: side of the images in pixels; 0 to keep their size.
        streamed: whether a folder's images are only listed, because the run decodes them while it trains.
        skip_broken: whether broken images of a folder are left out.
        at_most: the number of training images of a folder to open; 0 for all of them and the test images.

    Raises:
        EnvironmentLacksError: it is missing, or an image is broken.
        UsageError: the images have several sizes and no size is given, or streaming is requested for a data set that is
            not a folder.
    """
    if streamed:
        streamed_folder(dataset, home.datasets)
    see_that_it_is_here(dataset, home)
    if dataset.images(home.datasets) is not None:
        flags = [*(["streamed"] if streamed else []), *(["skip"] if skip_broken else [])]
        flags += [f"most={at_most}"] if at_most else []
        return list(run_task(_SOURCES, "check", dataset.name, str(home.datasets), str(size), *flags))
    return []


def verify(dataset: Dataset, home: Home) -> list[str]:
    """Open every image of a data set, or list the files of one that is streamed; return what users should know of it.

    Raises:
        EnvironmentLacksError: it is missing, incomplete or broken.
    """
    see_that_it_is_here(dataset, home)
    streamed = ["streamed"] if dataset.kept_as else []
    size = 0 if dataset.images(home.datasets) is None else _SIDE
    return list(run_task(_SOURCES, "check", dataset.name, str(home.datasets), str(size), *streamed))


def download(dataset: Dataset, home: Home) -> None:
    """Download a data set into the home; progress goes to stderr.

    Raises:
        UsageError: there is nothing to download.
        EnvironmentLacksError: the network or the disk does not allow it.
    """
    home.prepare()
    run_task(_SOURCES, "download", dataset.name, str(home.datasets), show_progress=True)
