"""Whether a data set is on this machine, and errands about it: done by a process that may import torch."""

from __future__ import annotations

from runs.catalogue import Dataset
from runs.errands import ask
from runs.errors import EnvironmentLacksError
from runs.home import Home

_SOURCES = "engine.data.sources"


def is_here(dataset: Dataset, home: Home) -> bool:
    """Say whether its files are there; whether they are whole is the loader's to say."""
    return all((home.datasets / file).exists() for file in dataset.requires)


def check(dataset: Dataset, home: Home, size: int, *, streamed: bool = False, skip_broken: bool = False) -> None:
    """Refuse a data set that cannot be used, before a run is created for it.

    The images of a folder are opened and decoded once, which later runs then need not do.

    Args:
        dataset: what the catalogue says.
        home: where it lies.
        size: side of the images in pixels; 0: as they are.
        streamed: a folder's images are only listed, for the run decodes them as it goes.
        skip_broken: broken images of a folder are left out.

    Raises:
        EnvironmentLacksError: it is not there, or an image is broken.
        UsageError: images of several sizes, and no size to bring them to.
    """
    if not is_here(dataset, home):
        raise EnvironmentLacksError(f"{dataset.title} is not in '{home.datasets}'.", f"Get it: {dataset.obtain}")
    if dataset.images(home.datasets) is not None:
        flags = [*(["streamed"] if streamed else []), *(["skip"] if skip_broken else [])]
        ask(_SOURCES, "check", dataset.name, str(home.datasets), str(size), *flags)


def download(dataset: Dataset, home: Home) -> None:
    """Fetch a data set into the home; its progress goes to stderr.

    Raises:
        UsageError: there is nothing to download.
        EnvironmentLacksError: the network or the disk does not allow it.
    """
    home.prepare()
    ask(_SOURCES, "download", dataset.name, str(home.datasets), show_progress=True)
