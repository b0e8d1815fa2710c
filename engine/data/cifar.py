"""CIFAR-10 and CIFAR-100 through torchvision."""

from __future__ import annotations

from pathlib import Path

import torch
import torchvision

from engine.data.images import ImageSet
from runs.catalogue import Dataset
from runs.errors import EnvironmentLacksError

_KINDS = {"cifar10": torchvision.datasets.CIFAR10, "cifar100": torchvision.datasets.CIFAR100}


def load(dataset: Dataset, root: Path, part: str, size: int) -> ImageSet:
    """Return the training or test part, in the order of the published files.

    Raises:
        EnvironmentLacksError: it is not on the disk, or damaged.
    """
    try:
        files = _KINDS[dataset.name](str(root), train=part == "train", download=False)
    except RuntimeError as error:
        raise EnvironmentLacksError(
            f"{dataset.title} is not in '{root}', or is damaged.", f"Get it: {dataset.obtain}"
        ) from error
    images = ImageSet(torch.from_numpy(files.data), torch.tensor(files.targets), tuple(files.classes))
    return images.resized(size)


def download(dataset: Dataset, root: Path) -> None:
    """Fetch the files and check them; torchvision shows the progress.

    Raises:
        EnvironmentLacksError: the network or the disk does not allow it.
    """
    try:
        _KINDS[dataset.name](str(root), download=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        raise EnvironmentLacksError(
            f"{dataset.title} cannot be downloaded: {error}.",
            f"Where there is no network, unpack its python version into '{root}'.",
        ) from error
