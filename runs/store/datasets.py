"""Whether a data set is on this machine, and errands about it: done by a process that may import torch."""

from __future__ import annotations

from pathlib import Path

from runs.catalogue import Dataset
from runs.errors import EnvironmentLacksError, UsageError
from runs.home import Home
from runs.subprocess_task import run_task

_SOURCES = "engine.data.sources"


def is_here(dataset: Dataset, home: Home) -> bool:
    """Say whether its files are there; whether they are whole is the loader's to say."""
    return all((home.datasets / file).exists() for file in dataset.requires)


def streamed_folder(dataset: Dataset, root: Path) -> Path:
    """Return the image folder of a data set that is to be streamed; ``root`` is where the home's data sets lie.

    Raises:
        UsageError: it is none.
    """
    folder = dataset.images(root)
    if folder is None:
        raise UsageError(
            f"augmentation=imagenet streams image folders, and {dataset.title} is none.",
            "Set augmentation=crop, or name a folder by --dataset.",
        )
    return folder


def see_that_it_is_here(dataset: Dataset, home: Home) -> None:
    """Refuse a data set whose files are not there.

    Raises:
        EnvironmentLacksError: they are not; the message says how to get them.
    """
    if not is_here(dataset, home):
        raise EnvironmentLacksError(f"{dataset.title} is not in '{home.datasets}'.", f"Get it: {dataset.obtain}")


def check(
    dataset: Dataset, home: Home, size: int, *, streamed: bool = False, skip_broken: bool = False, at_most: int = 0
) -> None:
    """Refuse a data set that cannot be used, before a run is created for it.

    The images of a folder are opened and decoded once, which later runs then need not do.

    Args:
        dataset: what the catalogue says.
        home: where it lies.
        size: side of the images in pixels; 0: as they are.
        streamed: a folder's images are only listed, for the run decodes them as it goes.
        skip_broken: broken images of a folder are left out.
        at_most: of a folder, only so many images for training are opened; 0 for all, and those for testing.

    Raises:
        EnvironmentLacksError: it is not there, or an image is broken.
        UsageError: images of several sizes, and no size to bring them to; or to be streamed, and no folder.
    """
    if streamed:
        streamed_folder(dataset, home.datasets)
    see_that_it_is_here(dataset, home)
    if dataset.images(home.datasets) is not None:
        flags = [*(["streamed"] if streamed else []), *(["skip"] if skip_broken else [])]
        flags += [f"most={at_most}"] if at_most else []
        run_task(_SOURCES, "check", dataset.name, str(home.datasets), str(size), *flags)


def download(dataset: Dataset, home: Home) -> None:
    """Fetch a data set into the home; its progress goes to stderr.

    Raises:
        UsageError: there is nothing to download.
        EnvironmentLacksError: the network or the disk does not allow it.
    """
    home.prepare()
    run_task(_SOURCES, "download", dataset.name, str(home.datasets), show_progress=True)
