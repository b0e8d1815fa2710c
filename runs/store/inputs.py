"""What a run learns from, as it was at its start: the record ``inputs.json`` in the run's directory.

Image folders are recorded by the names and sizes of their files, class by class, and small ones also by checksums of
the contents. A file of a larger folder that is replaced by one of the same name and size is not noticed. Published data
sets are recorded by the sizes of their files; their loaders verify the contents. A search that looks up its results in
a benchmark table is recorded by the checksum of the file from which the table was imported.

Runs of version 0.2 and before have no record. They resume on the data that they find, which are recorded then.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runs import catalogue
from runs.benchmarks import store as tables
from runs.catalogue.image_files import ImageFiles, image_files
from runs.configuration import RunConfig
from runs.files import MEBIBYTE, read_regular, replace_text
from runs.home import Home

SCHEMA_VERSION = 1
# Sets that are no larger are recorded file by file, with checksums: reading them takes less than a second.
MOST_LISTED, MOST_READ = 20_000, 128 * MEBIBYTE
_MOST_BYTES = 64 * MEBIBYTE
# A set that has grown to so many times these sizes is no longer compared file by file.
_MOST_GROWTH = 10
PARTS = ("train", "test")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ClassFiles(_Record):
    """The files of one class in one part of an image folder.

    Attributes:
        images: the number of files.
        digest: of their names and marks.
        files: the mark of each file, by its path below the class folder; empty unless the set is small.
    """

    images: int
    digest: str
    files: dict[str, str] = Field(default_factory=dict)


class Part(_Record):
    """A part of an image folder: its own folder, and its classes."""

    folder: str
    classes: dict[str, ClassFiles]


class TableRecord(_Record):
    """A benchmark table: its name, the number of its architectures, and name and checksum of the imported file."""

    name: str
    rows: int
    source: str
    sha256: str


class Inputs(_Record):
    """What a run learns from.

    Attributes:
        classes: class names by label; empty for published data sets, whose files have them.
        images: the number of images of each part, as far as it is known.
        fingerprint: of everything below.
        listed: whether the parts have the files one by one, with checksums.
        parts: of an image folder.
        files: the sizes of the files of a published data set.
        table: the table of the run's space, if the home has one.
        remarks: sentences about what the data set leaves out. They are no part of the fingerprint.
    """

    version: int = SCHEMA_VERSION
    dataset: str
    classes: tuple[str, ...] = ()
    images: dict[str, int] = Field(default_factory=dict)
    fingerprint: str = ""
    listed: bool = False
    parts: dict[str, Part] = Field(default_factory=dict)
    files: dict[str, int] = Field(default_factory=dict)
    table: TableRecord | None = None
    remarks: list[str] = Field(default_factory=list, exclude=True)

    def write(self, path: Path) -> None:
        """Write the record to a file.

        Raises:
            OSError: it cannot be written.
        """
        replace_text(path, self.model_dump_json(indent=1) + "\n")


def examine(config: RunConfig, home: Home, like: Inputs | None = None) -> Inputs:
    """Return what a run learns from, as it is now. No image is decoded.

    Args:
        config: of the run.
        home: of the run.
        like: an earlier record that the result will be compared with.

    Raises:
        NastuiError: the data set cannot be used.
    """
    found = tables.for_space(home, config.space)
    record = Inputs(dataset=config.dataset)
    if found is not None:
        header = found.header
        table = TableRecord(name=found.name, rows=header.rows, source=header.source, sha256=header.sha256)
        record = record.model_copy(update={"table": table})
    if not config.asks_table():
        dataset = catalogue.dataset(config.dataset)
        folder = dataset.images(home.datasets)
        if folder is not None:
            record = record.model_copy(update=_of_folder(folder, None if like is None else like.listed))
        else:
            known = {"train": dataset.train, "test": dataset.test}
            images = {part: number for part, number in known.items() if number is not None}
            files = {name: _size(home.datasets / name) for name in dataset.requires}
            record = record.model_copy(update={"images": images, "files": files})
    text = record.model_dump_json(exclude={"version", "fingerprint"})
    return record.model_copy(update={"fingerprint": hashlib.blake2b(text.encode(), digest_size=16).hexdigest()})


def read(path: Path) -> Inputs | None:
    """Return the record of a run; None if it has none.

    Raises:
        ValueError: the file is damaged, or cannot be read.
    """
    try:
        return Inputs.model_validate_json(read_regular(path, _MOST_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(error.strerror) from error
    except ValidationError as error:
        raise ValueError("it is damaged") from error


# Image folders -------------------------------------------------------------------------------------------------------


def _of_folder(folder: Path, listed: bool | None) -> dict[str, object]:
    """Return the fields of a record that describe an image folder.

    Args:
        folder: the folder.
        listed: whether to list files with their checksums; None to decide by the size of the set.
    """
    parts = {part: image_files(folder, part, strict=False) for part in PARTS}
    sizes = {part: _sizes(found) for part, found in parts.items()}
    measured = [size for of_part in sizes.values() for of_class in of_part.values() for size in of_class.values()]
    times = 1 if listed is None else _MOST_GROWTH
    fits = len(measured) <= times * MOST_LISTED and sum(size or 0 for size in measured) <= times * MOST_READ
    listed = fits and listed is not False
    records = {}
    for part, found in parts.items():
        classes = {}
        for name, files in sizes[part].items():
            marks = {file: _mark(found.base / name / file, size, listed) for file, size in files.items()}
            digest = hashlib.blake2b(digest_size=16)
            for file, mark in marks.items():
                digest.update(os.fsencode(f"{file}\0{mark}\0"))
            shown = {_text(file): mark for file, mark in marks.items()} if listed else {}
            classes[_text(name)] = ClassFiles(images=len(files), digest=digest.hexdigest(), files=shown)
        records[part] = Part(folder=found.base.name, classes=classes)
    return {
        "classes": tuple(map(_text, parts["train"].classes)),
        "images": {part: len(found) for part, found in parts.items()},
        "listed": listed,
        "parts": records,
        "remarks": [remark for found in parts.values() for remark in found.remarks],
    }


def _sizes(found: ImageFiles) -> dict[str, dict[str, int | None]]:
    """Return the sizes in bytes, by class and by path below the class folder; None for what cannot be examined."""
    base = f"{found.base}/"  # a million paths are joined as text
    return {
        name: {file[len(name) + 1 :]: _size_or_none(base + file) for file in files}
        for name, files in found.files.items()
    }


def _mark(file: Path, size: int | None, read_it: bool) -> str:
    """Return a text that changes with a file: its size, and its checksum if it is read."""
    if size is None:
        return "missing"
    if not read_it:
        return str(size)
    try:
        return f"{size}:{zlib.crc32(read_regular(file, 2 * MOST_READ)):08x}"
    except OSError:
        return f"{size}:unreadable"


def _text(name: str) -> str:
    """Return a file name as text that JSON can hold, whatever bytes it has."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _size_or_none(file: str) -> int | None:
    try:
        return os.stat(file).st_size  # noqa: PTH116 - a million files
    except OSError:
        return None


def _size(file: Path) -> int:
    """Return the size of a file; 0 for a folder, and -1 if there is none."""
    try:
        found = file.stat()
    except OSError:
        return -1
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
