"""A benchmark as a CSV file: one architecture per line, plain or gzip-compressed.

The column ``arch`` has a genotype in any notation that nastui reads; ``index`` is skipped; every other column is named
``<data set>_<train|valid|test>_<epochs>``, with ``_error``, ``_loss`` or ``_seconds`` appended unless it is an
accuracy. An empty field is an unknown value.

Fields are separated by commas, semicolons or tabs, whichever the first line has outside quotes. With semicolons and
tabs, numbers may have a decimal comma. A first column without a name is the index of pandas, and is skipped.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import itertools
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from runs.benchmarks import addresses
from runs.benchmarks.table import Column
from runs.catalogue import CompleteTable, find_space
from runs.catalogue.genotype_text import parse_text
from runs.errors import NotFoundError, UsageError
from runs.files import open_regular
from runs.genotypes.genotype import Genotype
from runs.genotypes.topology import Topology

MOST_CHARACTERS = 100_000  # in one line
PERCENT = ("accuracy", "error")
_COLUMN = re.compile(
    r"([A-Za-z0-9][\w.-]{0,59})_(train|valid|test|x-valid|x-test|ori-test)_([0-9]{1,6})(?:_(accuracy|error|loss|seconds))?",
    re.ASCII,
)
# Benchmark dumps call some data sets by other names than the catalogue.
_DATASETS = {
    "imagenet16": "imagenet16_120",
    "imagenet16-120": "imagenet16_120",
    "imagenet16120": "imagenet16_120",
    "cifar-10": "cifar10",
    "cifar-100": "cifar100",
}

Address = int | bytes
Values = tuple[float, ...]


@dataclass
class Content:
    """The content of a benchmark file.

    Attributes:
        space: the space of its genotypes.
        topology: numbers the genotypes, if the space has complete tables; else None.
        columns: the description of each number of a row.
        rows: by number, see :meth:`runs.genotypes.topology.Topology.number`, or by key, see
            :mod:`runs.benchmarks.addresses`.
    """

    space: str = ""
    topology: Topology | None = None
    columns: tuple[Column, ...] = ()
    rows: dict[Address, Values] = field(default_factory=dict)


def read(path: Path) -> Content:
    """Read a file and check every line.

    Raises:
        NotFoundError: the file is missing or cannot be read.
        UsageError: it is not a benchmark file, is truncated, or has an invalid line, which the message names.
    """
    try:
        with _opened(path) as stream:
            return _read(path.name, stream)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"'{path}' ends in the middle or is damaged: {error}.", "Download it again.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not text: {error.reason} at byte {error.start}.") from error
    except OSError as error:
        raise NotFoundError(f"'{path}' cannot be read: {error.strerror or error}.") from error


def _opened(path: Path) -> TextIO:
    file = open_regular(path)
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return io.TextIOWrapper(gzip.GzipFile(fileobj=file) if packed else file, encoding="utf-8-sig", newline="")


def _read(name: str, stream: TextIO) -> Content:
    lines = _lines(name, stream)
    title = next(lines, "")
    separator = _separator(title)
    reader = csv.reader(itertools.chain([title], lines), strict=True, delimiter=separator)
    content = Content()
    first: dict[Address, int] = {}
    try:
        header = next(reader, [])
        arch, indices, content.columns = _columns(name, header)
        for fields in reader:
            if not fields:
                continue
            where = f"Line {reader.line_num} of '{name}'"
            if len(fields) != len(header):
                raise UsageError(f"{where} has {len(fields)} fields, not {len(header)} as the first line.")
            address = _address(where, fields[arch], content)
            values = tuple(
                _value(where, header[index], _with_point(fields[index], separator), column)
                for index, column in zip(indices, content.columns, strict=True)
            )
            if all(map(math.isnan, values)):
                continue
            if content.rows.setdefault(address, values) != values and not _same(content.rows[address], values):
                raise UsageError(f"{where} gives other values for the architecture of line {first[address]}.")
            first.setdefault(address, reader.line_num)
    except csv.Error as error:
        raise UsageError(f"Line {reader.line_num} of '{name}' is not valid CSV: {error}.") from error
    _check_scale(name, content)
    return content


def _separator(title: str) -> str:
    """Return what separates the fields of the first line: the one of comma, semicolon and tab that it has most of."""
    plain = re.sub(r'"[^"]*"', "", title)
    return max(",;\t", key=plain.count)


def _with_point(number: str, separator: str) -> str:
    return number.replace(",", ".") if separator != "," and number.count(",") == 1 and "." not in number else number


def _lines(name: str, stream: TextIO) -> Iterator[str]:
    number = 0
    while line := stream.readline(MOST_CHARACTERS):
        number += 1
        if len(line) == MOST_CHARACTERS:
            raise UsageError(f"Line {number} of '{name}' has {MOST_CHARACTERS:,} characters or more.")
        yield line


def _columns(name: str, header: list[str]) -> tuple[int, list[int], tuple[Column, ...]]:
    """Return the index of the architecture column, the indices of the value columns, and their descriptions."""
    names = [title.strip() for title in header]
    doubled = {title for title in names if names.count(title) > 1}
    if doubled:
        raise UsageError(f"'{name}' has the column '{min(doubled)[:80]}' twice.")
    if "arch" not in names:
        raise UsageError(f"'{name}' has no column 'arch'.", "Its first line names the columns.")
    indices = [index for index, title in enumerate(names) if title not in ("arch", "index") and (index or title)]
    columns = []
    for index in indices:
        match = _COLUMN.fullmatch(names[index])
        if match is None:
            raise UsageError(
                f"Column '{names[index][:80]}' of '{name}' is not named <data set>_<train|valid|test>_<epochs>.",
                "Rename it, for example to cifar10_test_200 or mydata_valid_50_loss, or remove it.",
            )
        split = match[2].rpartition("-")[2]
        # Trained on half of CIFAR-10, of which the other half validates it; its test accuracy is not that of cifar10.
        dataset = "cifar10" if (match[1], split) == ("cifar10-valid", "valid") else match[1]
        column = Column(_DATASETS.get(dataset.lower(), dataset), split, int(match[3]), match[4] or "accuracy")
        if column in columns:
            raise UsageError(
                f"Column '{names[index][:80]}' of '{name}' has the same results as one before it.", "Remove one."
            )
        columns.append(column)
    if not columns:
        raise UsageError(f"'{name}' has no column of results.", "Name one like cifar10_test_200.")
    return names.index("arch"), indices, tuple(columns)


def _address(where: str, text: str, content: Content) -> Address:
    try:
        genotype: Genotype = parse_text(text)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", error.hint) from error
    if not content.space:
        content.space = genotype.space
        known = find_space(genotype.space)
        if known is not None and known.complete_table is not None:
            content.topology = known.topology
            content.columns = tuple(_noted(column, known.complete_table) for column in content.columns)
    elif genotype.space != content.space:
        raise UsageError(
            f"{where} is of the space '{genotype.space[:80]}', the lines before it of '{content.space[:80]}'.",
            "A table has one space.",
        )
    return content.topology.number(genotype) if content.topology is not None else addresses.key(genotype)


def _noted(column: Column, complete: CompleteTable) -> Column:
    return dataclasses.replace(column, note=complete.note(column.dataset, column.split, column.epochs))


def _value(where: str, title: str, text: str, column: Column) -> float:
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{where}: '{text[:80]}' in column '{title[:80]}' is not a number.") from None
    if math.isinf(value) or (column.unit in PERCENT and not (0 <= value <= 100 or math.isnan(value))):
        allowed = "a percentage" if column.unit in PERCENT else "finite"
        raise UsageError(f"{where}: '{text[:80]}' in column '{title[:80]}' is not {allowed}.")
    return value


def _same(one: Values, other: Values) -> bool:
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(one, other, strict=True))


def _check_scale(name: str, content: Content) -> None:
    """Check that every column has a value, and that accuracies are percentages, not fractions."""
    for index, column in enumerate(content.columns):
        known = [values[index] for values in content.rows.values() if not math.isnan(values[index])]
        if not known:
            raise UsageError(f"'{name}' has no value for {column.dataset} {column.label}.")
        if column.unit == "accuracy" and len(known) > 1 and max(known) <= 1:
            raise UsageError(f"No accuracy of {column.dataset} {column.label} in '{name}' is above 1.", "Give percent.")
