"""Image folders of the user's: ``train/<class>/*`` and ``test/`` or ``val/``, decoded once and kept as bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from engine.data.images import ImageSet
from runs.catalogue import Dataset
from runs.catalogue.datasets import IMAGE_SUFFIXES
from runs.errors import EnvironmentLacksError, UsageError
from runs.files import replace_with

# Held in memory as a whole: sets beyond this are for a streaming loader.
LARGEST_BYTES = 8 * 2**30


def load(dataset: Dataset, root: Path, part: str, size: int) -> ImageSet:
    """Return a part of the folder, in an order that is shuffled once and for ever.

    The order on disk goes class by class; a positional split of it would put different classes into the halves.

    Raises:
        EnvironmentLacksError: an image is broken (it is named), or they are too many for the memory.
        UsageError: images of different sizes and no ``image_size``.
    """
    assert dataset.folder is not None
    files, labels, classes = _listing(dataset.folder, part)
    cache = root / "folders" / f"{_fingerprint(files, size)}.npy"
    if not cache.exists():
        side = size or _common_side(files)
        needed = len(files) * side * side * 3
        if needed > LARGEST_BYTES:
            raise EnvironmentLacksError(
                f"{len(files):,} images of {side} pixels need {needed / 2**30:.1f} GiB.", "Set a smaller image_size."
            )
        cache.parent.mkdir(parents=True, exist_ok=True)
        replace_with(cache, lambda stream: _decode(files, side, stream))
    pixels = torch.from_numpy(np.load(cache))
    order = torch.randperm(len(files), generator=torch.Generator().manual_seed(0))
    return ImageSet(pixels[order], torch.tensor(labels)[order], classes)


def _listing(folder: Path, part: str) -> tuple[list[Path], list[int], tuple[str, ...]]:
    train = folder / "train"
    classes = tuple(sorted(entry.name for entry in train.iterdir() if _is_class(entry)))
    base = train if part == "train" else next(p for p in (folder / "test", folder / "val") if p.is_dir())
    files, labels = [], []
    for entry in sorted(filter(_is_class, base.iterdir())):
        if entry.name not in classes:
            raise EnvironmentLacksError(f"The class '{entry.name}' of '{base}' is not in '{train}'.")
        for file in sorted(entry.rglob("*")):
            if file.suffix.lower() in IMAGE_SUFFIXES:
                files.append(file)
                labels.append(classes.index(entry.name))
    if not files:
        raise EnvironmentLacksError(f"'{base}' holds no image.")
    return files, labels, classes


def _is_class(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _common_side(files: list[Path]) -> int:
    sizes: dict[tuple[int, int], Path] = {}
    for file in files:
        with _opened(file) as image:
            sizes.setdefault(image.size, file)
        if len(sizes) > 1 or image.width != image.height:
            raise UsageError(
                f"The images are not all squares of one size: '{file}' has {image.width} x {image.height} pixels.",
                "Set image_size, for example --set image_size=32.",
            )
    return next(iter(sizes))[0]


def _decode(files: list[Path], side: int, stream: IO[bytes]) -> None:
    """Write the images as one array, one at a time: a set is never twice in memory."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), side, side, 3)}
    np.lib.format.write_array_header_1_0(stream, header)
    for pixels in _pixels(files, side):
        stream.write(pixels.tobytes())


def _pixels(files: list[Path], side: int) -> Iterator[np.ndarray]:
    for file in files:
        with _opened(file) as image:
            try:
                square = image.convert("RGB")
                if square.size != (side, side):
                    square = square.resize((side, side), Image.Resampling.BILINEAR)
            except (OSError, ValueError, SyntaxError) as error:
                raise _broken(file, error) from error
            yield np.asarray(square)


def _opened(file: Path) -> Image.Image:
    try:
        return Image.open(file)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise _broken(file, error) from error


def _broken(file: Path, error: Exception) -> EnvironmentLacksError:
    return EnvironmentLacksError(f"The image '{file}' is broken ({type(error).__name__}).", "Repair or remove it.")


def _fingerprint(files: list[Path], size: int) -> str:
    """Name the decoded array after what it was made of, so that a changed folder is decoded anew.

    ``size`` is the one asked for (0: the images' own), so that a kept array spares opening every image to learn it.
    """
    digest = hashlib.sha256(f"{size}".encode())
    for file in files:
        stat = file.stat()
        digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:32]
