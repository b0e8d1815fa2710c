"""Street View House Numbers through torchvision."""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision.datasets import SVHN

from engine.data.images import ImageSet
from engine.data.published import fault, network_fault
from runs.catalogue import Dataset
from runs.errors import EnvironmentLacksError


def load(dataset: Dataset, root: Path, part: str, size: int) -> ImageSet:
    """Return the training or test part, in the order of the published files.

    Raises:
        EnvironmentLacksError: it is not on the disk, or damaged.
    """
    try:
        files = SVHN(str(root), split=part, download=False)
    except (RuntimeError, OSError) as error:
        _, name, md5 = SVHN.split_list[part]
        wrong = fault(dataset, root, root, [(name, md5)])
        raise wrong or EnvironmentLacksError(f"{dataset.title} cannot be read: {error}.") from error
    pixels = torch.from_numpy(files.data).permute(0, 2, 3, 1).contiguous()
    return ImageSet(pixels, torch.from_numpy(files.labels), tuple("0123456789")).resized(size)


def download(dataset: Dataset, root: Path) -> None:
    """Download the files and check them; torchvision shows the progress.

    Raises:
        EnvironmentLacksError: the network or the disk failed.
    """
    try:
        for part in ("train", "test"):
            SVHN(str(root), split=part, download=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        raise EnvironmentLacksError(
            f"{dataset.title} cannot be downloaded: {network_fault(error)}.",
            f"Without a network, put train_32x32.mat and test_32x32.mat into '{root}'.",
        ) from error
