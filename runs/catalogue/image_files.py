"""Which files of an image folder are its images, in the same order on every machine, and what is left out.

Linked folders are followed. Hidden files and folders are not data. Whatever else is left out is counted.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runs.errors import EnvironmentLacksError

LAYOUT = "An image folder has train/<class>/*.jpg and test/<class>/*.jpg (or val/)."

# The endings that torchvision opens, and others that Pillow always decodes.
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"),
    *(".gif", ".jfif", ".jpe", ".pbm", ".pnm", ".dib"),
)

_DEAD_LINKS = "links that lead nowhere"
_KNOWN_LINKS = "linked folders whose images are already listed"
_SPECIAL = "pipes, sockets or devices"
_STRAY = "files outside of the class folders"
_MOST_ENDINGS = 4


@dataclass(frozen=True)
class ImageFiles:
    """The images of one part of an image folder.

    Attributes:
        base: the part's folder.
        classes: class names, by label: the folders of the training part.
        files: by class, paths below ``base`` in the order of their parts; only classes that the part has.
        endings: how many files were left out because of their ending, by ending; "" for none.
        others: how many files and folders were left out for another reason, by reason.
        unused: the folder that could have been this part, too, but is not used; empty if there is none.
    """

    base: Path
    classes: tuple[str, ...]
    files: dict[str, list[str]]
    endings: Counter[str]
    others: Counter[str]
    unused: str = ""

    def __len__(self) -> int:
        """Return the number of images."""
        return sum(map(len, self.files.values()))

    @property
    def remarks(self) -> list[str]:
        """Sentences about what was left out; none if nothing was."""
        said = []
        if self.endings:
            common = self.endings.most_common(_MOST_ENDINGS)
            listed = [f"{ending or 'none'} {count:,}" for ending, count in common]
            listed += ["..."] if len(self.endings) > _MOST_ENDINGS else []
            said.append(f"files without an image's ending: {self.endings.total():,} ({', '.join(listed)})")
        said += [f"{reason}: {count:,}" for reason, count in sorted(self.others.items())]
        remarks = [f"Left out of '{self.base}': {'; '.join(said)}."] if said else []
        if self.unused:
            remarks.append(f"'{self.unused}' is not used, because there is '{self.base.name}'.")
        return remarks


def image_files(folder: Path, part: str, *, strict: bool = True) -> ImageFiles:
    """Return the images of ``train``, or of ``test`` (the folder ``test``, or else ``val``).

    Args:
        folder: has the parts.
        part: ``train`` or ``test``.
        strict: whether the part must be usable.

    Raises:
        EnvironmentLacksError: a part is missing or cannot be read; or ``strict`` and the part has no image, or has a
            class that training lacks.
    """
    train = folder / "train"
    base = train if part == "train" else testing_folder(folder)
    endings: Counter[str] = Counter()
    others: Counter[str] = Counter()
    try:
        classes = class_names(train)
        files: dict[str, list[str]] = {}
        for name in class_names(base, others):
            if strict and name not in classes:
                raise EnvironmentLacksError(f"The class '{name}' of '{base}' is not in '{train}'.")
            files[name] = sorted(_images(base, name, endings, others), key=_parts)
    except OSError as error:
        raise EnvironmentLacksError(f"'{error.filename or base}' cannot be read: {error.strerror}.", LAYOUT) from error
    if strict and not any(files.values()):
        raise EnvironmentLacksError(f"'{base}' has no images.", LAYOUT)
    unused = "val" if base.name == "test" and (folder / "val").is_dir() else ""
    return ImageFiles(base, tuple(classes), files, endings, others, unused)


def has_images(base: Path, name: str) -> bool:
    """Return whether there is an image below a class folder, without looking for more than one.

    Raises:
        OSError: it cannot be read.
    """
    return any(True for _ in _images(base, name, Counter(), Counter()))


def testing_folder(folder: Path) -> Path:
    """Return the folder of the test images.

    Raises:
        EnvironmentLacksError: there is none.
    """
    for name in ("test", "val"):
        if (folder / name).is_dir():
            return folder / name
    raise EnvironmentLacksError(f"'{folder}' has neither 'test' nor 'val'.", LAYOUT)


def class_names(base: Path, others: Counter[str] | None = None) -> list[str]:
    """Return the names of the class folders, sorted; what else the folder has is added to ``others``.

    Raises:
        OSError: the folder cannot be read.
    """
    names = []
    with os.scandir(base) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if _is_folder(entry):
                names.append(entry.name)
            elif others is not None:
                others[_DEAD_LINKS if _leads_nowhere(entry) else _STRAY] += 1
    return sorted(names)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is not data: ``._0.png``, ``.ipynb_checkpoints``, ``__MACOSX``."""
    return name.startswith(".") or name == "__MACOSX"


def _images(base: Path, name: str, endings: Counter[str], others: Counter[str]) -> Iterator[str]:
    """Yield the paths of the images below a class folder, at any depth, in no particular order.

    A class lists a folder only once, however many links lead to it, so that a loop ends. Real folders come first and
    links in the order of their paths, so that the paths do not depend on the order of the file system.
    """
    known = {_identity(base / name)}
    folders, links = [name], list[str]()
    while folders or links:
        if folders:
            inside = folders.pop()
        else:
            inside = min(links, key=_parts)
            links.remove(inside)
            if (identity := _identity(base / inside)) in known:
                others[_KNOWN_LINKS] += 1
                continue
            known.add(identity)
        with os.scandir(base / inside) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                path = f"{inside}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if (identity := _identity(base / path)) in known:
                        others[_KNOWN_LINKS] += 1
                        continue
                    known.add(identity)
                    folders.append(path)
                elif _is_folder(entry):
                    links.append(path)
                elif not entry.name.lower().endswith(IMAGE_SUFFIXES):
                    if _leads_nowhere(entry):
                        others[_DEAD_LINKS] += 1
                    else:
                        endings[os.path.splitext(entry.name)[1].lower()] += 1  # noqa: PTH122 - a million names
                elif _is_file(entry) or _leads_nowhere(entry):  # an image that is missing is reported as broken
                    yield path
                else:
                    others[_SPECIAL] += 1


def _parts(path: str) -> list[str]:
    return path.split("/")


# The methods of an entry raise for a loop of links.


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()  # noqa: PTH112


def _is_file(entry: os.DirEntry[str]) -> bool:
    return os.path.isfile(entry.path) if entry.is_symlink() else entry.is_file()  # noqa: PTH113


def _leads_nowhere(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino
