"""CIFAR-10 and CIFAR-100 through torchvision."""

from __future__ import annotations

from pathlib import Path

import torch
import torchvision

from engine.data.images import ImageSet
from engine.data.published import fault, network_fault
from runs.catalogue import Dataset
from runs.errors import EnvironmentLacksError

_KINDS = {"cifar10": torchvision.datasets.CIFAR10, "cifar100": torchvision.datasets.CIFAR100}


def load(dataset: Dataset, root: Path, part: str, size: int) -> ImageSet:
    """Return the training or test part, in the order of the published files.

    Raises:
        EnvironmentLacksError: it is not on the disk, or damaged.
    """
    kind = _KINDS[dataset.name]
    try:
        files = kind(str(root), train=part == "train", download=False)
    except (RuntimeError, OSError) as error:
        known = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
        wrong = fault(dataset, root, root / kind.base_folder, [(name, md5) for name, md5 in known])
        raise wrong or EnvironmentLacksError(f"{dataset.title} cannot be read: {error}.") from error
    images = ImageSet(torch.from_numpy(files.data), torch.tensor(files.targets), tuple(files.classes))
    return images.resized(size)


def download(dataset: Dataset, root: Path) -> None:
    """Download the files and check them; torchvision shows the progress.

    Raises:
        EnvironmentLacksError: the network or the disk failed.
    """
    kind = _KINDS[dataset.name]
    try:
        kind(str(root), download=True)
    except (OSError, RuntimeError, EOFError) as error:  # URLError is an OSError
        raise EnvironmentLacksError(
            f"{dataset.title} cannot be downloaded to '{root / kind.filename}': {network_fault(error)}.",
            f"Without a network, unpack its Python version into '{root}'.",
        ) from error
