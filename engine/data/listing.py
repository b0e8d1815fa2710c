"""The files of an image folder and their classes, in the same order on every machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from runs.catalogue.image_files import image_files
from runs.errors import EnvironmentLacksError
from runs.files import open_regular

# The modes of Pillow whose pixels have 8 bits or fewer. It clips other pixels to 8 bits instead of scaling them.
_NARROW = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"}
_GREY_16 = {"I;16", "I;16L", "I;16B", "I;16N"}
# In these formats, a mode of 32 bits stands for values of 16.
_AT_MOST_16 = {"PNG", "PPM"}


@dataclass(frozen=True)
class Listing:
    """The files of one part of an image folder, class by class.

    Attributes:
        base: the part's folder.
        files: paths below it.
        labels: int64 [N].
        classes: class names, by label: the folders of the training part.
        remarks: sentences about what was left out.
    """

    base: Path
    files: tuple[str, ...]
    labels: Tensor
    classes: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def only(self, indices: Tensor) -> Listing:
        """Return the listing of these files, in this order."""
        return replace(self, files=tuple(self.files[index] for index in indices.tolist()), labels=self.labels[indices])

    def fingerprint(self, *more: object) -> str:
        """Return a name for the current files and for whatever else matters; a changed folder gets another name."""
        digest = hashlib.sha256("/".join(map(str, more)).encode())
        for name in self.files:
            digest.update(os.fsencode(f"{self.base / name}\0{_version(self.base / name)}\0"))
        return digest.hexdigest()[:32]


def list_images(folder: Path, part: str) -> Listing:
    """Return the images of ``train``, or of ``test`` (the folder ``test``, or else ``val``).

    Raises:
        EnvironmentLacksError: a part is missing, cannot be read, has no image, or has a class that training lacks.
    """
    found = image_files(folder, part)
    label_of = {name: label for label, name in enumerate(found.classes)}
    labels = [label_of[name] for name, files in found.files.items() for _ in files]
    files = tuple(file for files in found.files.values() for file in files)
    return Listing(found.base, files, torch.tensor(labels), found.classes, tuple(found.remarks))


def open_image(file: Path) -> Image.Image:
    """Return a file's image in RGB with 8 bits a channel, whatever its own colour mode.

    Of 16 bits the higher 8 remain, for grey images as for colours.

    Raises:
        EnvironmentLacksError: it is not an image, not a complete one, or its pixels have no known range.
    """
    with image_header(file) as image:
        if image.mode in _NARROW:
            return image.convert("RGB")
        if image.mode in _GREY_16 or (image.mode == "I" and image.format in _AT_MOST_16):
            values = np.asarray(image).astype(np.int32)
            return Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
        raise EnvironmentLacksError(
            f"The image '{file}' has pixels of Pillow's mode '{image.mode}', whose range of values is not known.",
            "Convert it to 8 or 16 bits a channel; a retraining can also skip it (broken_images=skip).",
        )


def is_narrow(file: Path) -> bool:
    """Return whether an image's pixels have 8 bits or fewer; true if the file is broken. Only its header is read."""
    try:
        with image_header(file) as image:
            return image.mode in _NARROW
    except EnvironmentLacksError:
        return True


@contextlib.contextmanager
def image_header(file: Path) -> Iterator[Image.Image]:
    """Open an image without decoding it, and turn the errors of decoders into one.

    Raises:
        EnvironmentLacksError: it is not a file, or not an image; or the block failed to decode it.
    """
    try:
        with open_regular(file) as stream, Image.open(stream) as image:
            yield image
    # Decoders raise all of these errors for broken files.
    except (OSError, ValueError, SyntaxError, EOFError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise EnvironmentLacksError(
            f"The image '{file}' is broken ({type(error).__name__}).",
            "Repair or remove it; a retraining can also skip it (broken_images=skip).",
        ) from error


def _version(file: Path) -> str:
    """Return a text that changes with a file; a missing one has its own, and is reported when it is opened."""
    try:
        found = file.stat()
    except OSError:
        return "missing"
    return f"{found.st_size}\0{found.st_mtime_ns}"
