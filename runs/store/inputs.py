"""What a run learns from, as it was at its start: ``inputs.json`` in the run's directory, and what has changed since.

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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runs import catalogue
from runs.benchmarks import store as tables
from runs.benchmarks.tabular_queries import asks_table
from runs.catalogue.image_files import ImageFiles, image_files
from runs.configuration import RunConfig
from runs.errors import ChangedDataError, EnvironmentLacksError
from runs.files import MEBIBYTE, read_regular, replace_text
from runs.home import Home, RunPaths, short_id

SCHEMA_VERSION = 1
# Sets that are no larger are recorded file by file, with checksums: reading them takes less than a second.
MOST_LISTED, MOST_READ = 20_000, 128 * MEBIBYTE
_MOST_BYTES = 64 * MEBIBYTE
_MOST_NAMED = 3
# A set that has grown to so many times these sizes is no longer compared file by file.
_MOST_GROWTH = 10
_PARTS = ("train", "test")


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
    if not _asks_table(config):
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


@dataclass(frozen=True)
class Verified:
    """The inputs of a run that may go on.

    Attributes:
        before: the record of the run; None if there is none that can be read.
        now: as they are now.
        changed: what has changed and was accepted, as parts of a sentence.
        accepted: whether other data than those of the start are accepted.
    """

    before: Inputs | None
    now: Inputs
    changed: list[str]
    accepted: bool = False

    @property
    def other_table(self) -> str:
        """How the table of the run's space differs from the one of the start, as a part of a sentence; or empty."""
        before = None if self.before is None else self.before.table
        now = self.now.table
        return "" if before is None or now is None or before == now else table_change(before, now)

    def accept(self, paths: RunPaths) -> None:
        """Leave a note for the next engine of a run: it may go on with these data, and with no others.

        Raises:
            EnvironmentLacksError: the note cannot be written.
        """
        try:
            replace_text(paths.accepted, self.now.fingerprint + "\n")
        except OSError as error:
            raise EnvironmentLacksError(f"'{paths.accepted}' cannot be written: {error.strerror}.") from error


def verify(paths: RunPaths, config: RunConfig, home: Home, *, accept_changed: bool = False) -> Verified:
    """Check that a run goes on with the data that it began with.

    A run without a checkpoint has learned nothing yet and may begin with any data.

    Args:
        paths: of the run.
        config: of the run.
        home: of the run.
        accept_changed: go on with other data, if the classes are as many; otherwise only if :meth:`Verified.accept`
            has left a note about them.

    Raises:
        ChangedDataError: the data have changed, and that is not accepted.
        EnvironmentLacksError: it is not possible.
        NastuiError: the data set cannot be used.
    """
    before, changed = None, list[str]()
    try:
        before = read(paths.inputs)
    except ValueError as error:
        changed = [f"the record '{paths.inputs}' cannot be read: {error}"]
    now = examine(config, home, before)
    if not os.path.lexists(paths.checkpoint):
        return Verified(None, now, [])
    if before is not None:
        changed = changes(before, now, asks_table=_asks_table(config))
        if changed and len(before.classes) != len(now.classes):
            raise EnvironmentLacksError(
                f"{_sentence(config, changed)} Its checkpoint is of {len(before.classes)} classes, so it cannot go on "
                f"with {len(now.classes)}.",
                "Restore the data, or start a new run.",
            )
    accepted = accept_changed or _note(paths) == now.fingerprint
    if changed and not accepted:
        raise ChangedDataError(
            _sentence(config, changed),
            "Restore the data, or go on with the changed ones: "
            f"nastui runs resume {short_id(config.id)} --accept-changed-data",
        )
    if changed:
        _check_usable(config, home)
    return Verified(before, now, changed, accepted)


def changes(before: Inputs, now: Inputs, *, asks_table: bool) -> list[str]:
    """Return what differs between two records, as parts of a sentence; empty if nothing does.

    Args:
        before: the record of the start.
        now: as it is now.
        asks_table: whether the run learns from the table; otherwise it is not compared.
    """
    found = _folder_changes(before, now)
    for name in sorted(before.files.keys() | now.files.keys()):
        if before.files.get(name) != now.files.get(name):
            found.append(f"the file '{name}' is another one")
    if asks_table and before.table != now.table and before.table is not None:
        found.append(table_change(before.table, now.table))
    return found


def table_change(before: TableRecord, now: TableRecord | None) -> str:
    """Return how a table differs from the one of the start, as a part of a sentence."""
    if now is None:
        return f"the benchmark table '{before.name}' is gone"
    if now.name != before.name:
        return f"the benchmark table is now '{now.name}' and was '{before.name}'"
    return (
        f"the benchmark table '{now.name}' has other values, now from '{now.source}' and before from '{before.source}'"
    )


def _check_usable(config: RunConfig, home: Home) -> None:
    """Check that changed data can be opened at all.

    Raises:
        EnvironmentLacksError: they cannot.
    """
    if not _asks_table(config) and (folder := catalogue.dataset(config.dataset).images(home.datasets)) is not None:
        for part in _PARTS:
            image_files(folder, part)


def _note(paths: RunPaths) -> str:
    try:
        return read_regular(paths.accepted, 1024).decode(errors="replace").strip()
    except OSError:
        return ""


def _sentence(config: RunConfig, changed: Iterable[str]) -> str:
    return f"The data of run '{config.id}' have changed since it started: {'; '.join(changed)}."


def _asks_table(config: RunConfig) -> bool:
    return asks_table(catalogue.method(config.method), config.options)


# Image folders -------------------------------------------------------------------------------------------------------


def _of_folder(folder: Path, listed: bool | None) -> dict[str, object]:
    """Return the fields of a record that describe an image folder.

    Args:
        folder: the folder.
        listed: whether to list files with their checksums; None to decide by the size of the set.
    """
    parts = {part: image_files(folder, part, strict=False) for part in _PARTS}
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


def _folder_changes(first: Inputs, second: Inputs) -> list[str]:
    before, now = first.parts, second.parts
    if first.listed != second.listed:
        return [
            f"'{part}' has {second.images[part]:,} images and had {first.images[part]:,}, or their files are larger"
            for part in _PARTS
        ]
    found: list[str] = []
    added: list[tuple[str, str]] = []
    removed: list[tuple[str, str]] = []
    replaced: list[str] = []
    marks: dict[tuple[str, str, bool], str] = {}
    for part in sorted(before.keys() & now.keys(), reverse=True):
        old, new = before[part].classes, now[part].classes
        if old == new:
            continue
        if before[part].folder != now[part].folder:
            found.append(f"the images of '{part}' are those of '{now[part].folder}', not of '{before[part].folder}'")
        renamed = _renamed(old, new)
        found += [f"the class '{was}' of '{part}' is now called '{name}'" for name, was in renamed.items()]
        gone = sorted(old.keys() - new.keys() - set(renamed.values()))
        found += [f"'{part}' no longer has the class '{name}' ({old[name].images:,} images)" for name in gone]
        extra = sorted(new.keys() - old.keys() - renamed.keys())
        found += [f"'{part}' also has the class '{name}' ({new[name].images:,} images)" for name in extra]
        for name in sorted((old.keys() & new.keys()) - renamed.keys()):
            was, is_ = old[name], new[name]
            if was.digest == is_.digest:
                continue
            if not first.listed:
                found.append(_counted(f"{part}/{name}", was.images, is_.images))
                continue
            added += [(part, f"{name}/{file}") for file in is_.files.keys() - was.files.keys()]
            removed += [(part, f"{name}/{file}") for file in was.files.keys() - is_.files.keys()]
            both = was.files.keys() & is_.files.keys()
            replaced += [f"{part}/{name}/{file}" for file in both if was.files[file] != is_.files[file]]
            marks |= {(part, f"{name}/{file}", True): mark for file, mark in is_.files.items()}
            marks |= {(part, f"{name}/{file}", False): mark for file, mark in was.files.items()}
    gone_from = {(file, marks[part, file, False]): part for part, file in removed}
    moved = [(part, file) for part, file in added if gone_from.get((file, marks[part, file, True]), part) != part]
    origins = {(gone_from[file, marks[part, file, True]], file) for part, file in moved}
    found += _named("moved to the other part", [f"{part}/{file}" for part, file in moved])
    found += _named("added", [f"{part}/{file}" for part, file in set(added) - set(moved)])
    found += _named("removed", [f"{part}/{file}" for part, file in set(removed) - origins])
    return found + _named("replaced by another of the same name", replaced)


def _renamed(old: Mapping[str, ClassFiles], new: Mapping[str, ClassFiles]) -> dict[str, str]:
    """Return, by the name of a class, which other class had exactly its files before and has not kept them."""
    lost = {files.digest: name for name, files in old.items() if name not in new or new[name].digest != files.digest}
    return {
        name: lost[files.digest]
        for name, files in sorted(new.items())
        if files.images and files.digest in lost and (name not in old or old[name].digest != files.digest)
    }


def _counted(what: str, before: int, now: int) -> str:
    if before == now:
        return f"some of the {now:,} images of '{what}' are other ones"
    return f"'{what}' has {now:,} images and had {before:,}"


def _named(what: str, files: list[str]) -> list[str]:
    """Return how many files have changed in a way, with the names of the first."""
    if not files:
        return []
    shown = ", ".join(sorted(files)[:_MOST_NAMED]) + (", ..." if len(files) > _MOST_NAMED else "")
    return [f"{len(files):,} file{'s' * (len(files) > 1)} {what} ({shown})"]


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
