"""ImageNet16-120: the first 120 classes of ImageNet at 16 x 16 pixels, as NAS-Bench-201 uses them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.data.images import ImageSet
from engine.data.published import fault
from runs.catalogue import Dataset
from runs.errors import EnvironmentLacksError

FOLDER = "ImageNet16"
SIDE, CLASSES = 16, 120

# The MD5 checksums from NAS-Bench-201's own reader.
FILES = {
    "train": (
        ("train_data_batch_1", "27846dcaa50de8e21a7d1a35f30f0e91"),
        ("train_data_batch_2", "c7254a054e0e795c69120a5727050e3f"),
        ("train_data_batch_3", "4333d3df2e5ffb114b05d2ffc19b1e87"),
        ("train_data_batch_4", "1620cdf193304f4a92677b695d70d10f"),
        ("train_data_batch_5", "348b3c2fdbb3940c4e9e834affd3b18d"),
        ("train_data_batch_6", "6e765307c242a1b3d7d5ef9139b48945"),
        ("train_data_batch_7", "564926d8cbf8fc4818ba23d2faac7564"),
        ("train_data_batch_8", "f4755871f718ccb653440b9dd0ebac66"),
        ("train_data_batch_9", "bb6dd660c38c58552125b1a92f86b5d4"),
        ("train_data_batch_10", "8f03f34ac4b42271a294f91bf480f29b"),
    ),
    "test": (("val_data", "3410e3017fdaefba8d5073aaa65e4bd6"),),
}


def load(dataset: Dataset, root: Path, part: str, size: int) -> ImageSet:
    """Return the training or test part, in the order of the published files; labels 1..120 become 0..119.

    Raises:
        EnvironmentLacksError: it is not on the disk, or damaged, or holds more than arrays.
    """
    folder = root / FOLDER
    if (wrong := fault(dataset, root, folder, FILES[part])) is not None:
        raise wrong
    pixels, labels = [], []
    for name, _ in FILES[part]:
        rows, numbers = _content(folder / name)
        chosen = (numbers >= 1) & (numbers <= CLASSES)
        pixels.append(rows[chosen])
        labels.append(numbers[chosen] - 1)
    planes = torch.from_numpy(np.concatenate(pixels)).view(-1, 3, SIDE, SIDE)
    names = tuple(str(number) for number in range(1, CLASSES + 1))
    images = ImageSet(planes.permute(0, 2, 3, 1).contiguous(), torch.from_numpy(np.concatenate(labels)), names)
    return images.resized(size)


def _content(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, uint8 [N, 768], and the published labels, int64 [N]."""
    try:
        with file.open("rb") as stream:
            entry = _ArraysOnly(stream, encoding="latin1").load()
        images, labels = np.asarray(entry["data"], np.uint8), np.asarray(entry["labels"], np.int64)
        return images.reshape(len(labels), 3 * SIDE * SIDE), labels
    # A file that is not such a pickle can raise any of these errors.
    except (pickle.UnpicklingError, EOFError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise EnvironmentLacksError(f"'{file}' does not hold ImageNet16: {error}.") from error


class _ArraysOnly(pickle.Unpickler):
    """Opens pickles of numpy arrays, and refuses all other code."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = _ALLOWED.get((module.replace("numpy.core", "numpy._core"), name))
        if allowed is None:
            raise pickle.UnpicklingError(f"opening it would run '{module}.{name}', which is not allowed")
        return allowed


def _encoded(text: str, encoding: str) -> bytes:
    """Return bytes in the form that pickle's second protocol writes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes written as '{encoding[:20]}' are not allowed")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
    ("numpy._core.multiarray", "scalar"): np._core.multiarray.scalar,  # type: ignore[attr-defined]
    ("numpy._core.numeric", "_frombuffer"): np._core.numeric._frombuffer,  # type: ignore[attr-defined]
    ("_codecs", "encode"): _encoded,
}
