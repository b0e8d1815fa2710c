"""The files of an image folder and their classes, in the same order on every machine."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from runs.catalogue.datasets import IMAGE_SUFFIXES, is_hidden
from runs.errors import EnvironmentLacksError

_LAYOUT = "An image folder has train/<class>/*.jpg and test/<class>/*.jpg (or val/)."


@dataclass(frozen=True)
class Listing:
    """The files of one part of an image folder, class by class.

    Attributes:
        base: the part's folder.
        files: paths below it.
        labels: int64 [N].
        classes: class names, by label: the folders of the training part.
    """

    base: Path
    files: tuple[str, ...]
    labels: Tensor
    classes: tuple[str, ...]

    def only(self, indices: Tensor) -> Listing:
        """Return the listing of these files, in this order."""
        return replace(self, files=tuple(self.files[index] for index in indices.tolist()), labels=self.labels[indices])

    def fingerprint(self, *more: object) -> str:
        """Return a name for the current files and for whatever else matters; a changed folder gets another name."""
        digest = hashlib.sha256("/".join(map(str, more)).encode())
        for name in self.files:
            stat = (self.base / name).stat()
            digest.update(os.fsencode(f"{self.base / name}\0{stat.st_size}\0{stat.st_mtime_ns}\0"))
        return digest.hexdigest()[:32]


def list_images(folder: Path, part: str) -> Listing:
    """Return the images of ``train``, or of ``test`` (the folder ``test``, or else ``val``).

    Raises:
        EnvironmentLacksError: a part is missing, cannot be read, has no image, or has a class that training lacks.
    """
    train = folder / "train"
    base = train if part == "train" else _test_folder(folder)
    try:
        classes = tuple(_class_names(train))
        labels = {name: label for label, name in enumerate(classes)}
        files, numbers = [], []
        for name in _class_names(base):
            if name not in labels:
                raise EnvironmentLacksError(f"The class '{name}' of '{base}' is not in '{train}'.")
            found = _images(base, name)
            files += found
            numbers += [labels[name]] * len(found)
    except OSError as error:
        raise EnvironmentLacksError(f"'{error.filename or base}' cannot be read: {error.strerror}.", _LAYOUT) from error
    if not files:
        raise EnvironmentLacksError(f"'{base}' has no images.", _LAYOUT)
    return Listing(base, tuple(files), torch.tensor(numbers), classes)


def open_image(file: Path) -> Image.Image:
    """Return a file's image in RGB, whatever its own colour mode.

    Raises:
        EnvironmentLacksError: it is not an image, or not a complete one.
    """
    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    # Decoders raise all of these errors for broken files.
    except (OSError, ValueError, SyntaxError, EOFError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise EnvironmentLacksError(
            f"The image '{file}' is broken ({type(error).__name__}).",
            "Repair or remove it; a retraining can also skip it (broken_images=skip).",
        ) from error


def _test_folder(folder: Path) -> Path:
    for name in ("test", "val"):
        if (folder / name).is_dir():
            return folder / name
    raise EnvironmentLacksError(f"'{folder}' has neither 'test' nor 'val'.", _LAYOUT)


def _class_names(base: Path) -> list[str]:
    with os.scandir(base) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not is_hidden(entry.name))


def _images(base: Path, name: str) -> list[str]:
    """Return the images below a class folder, at any depth, in the order of their paths; hidden ones are skipped."""

    def refuse(error: OSError) -> None:
        raise error

    found = []
    for folder, folders, files in os.walk(base / name, onerror=refuse):
        folders[:] = [inner for inner in folders if not is_hidden(inner)]
        inside = Path(folder).relative_to(base)
        images = (file for file in files if Path(file).suffix.lower() in IMAGE_SUFFIXES)
        found += [str(inside / file) for file in images if not is_hidden(file)]
    return sorted(found, key=lambda path: Path(path).parts)
