"""Matrices as torch and NumPy print them. Every element is printed: there are fewer than a thousand.

Since version 0.4, torch prints ``tensor([[0.1, 0.2], [0.3, 0.4]], device='cuda:0')``, over several lines. Before, it
printed rows without brackets between ``Variable containing:`` and ``[torch.FloatTensor of size 2x2]``, with wide
matrices cut into ranges of columns, and a common factor in a line of its own.
"""

from __future__ import annotations

import math
import re

from runs.imports.findings import Matrix

MOST_ROWS, MOST_COLUMNS = 100, 100
# A row of 100 numbers may be wrapped into a dozen lines.
MOST_LINES = 1500
_BRACKETED = re.compile(r"(?:tensor\(|array\()?\s*\[\s*\[")
_TOKEN = re.compile(r"\[|\]|[^\s,\[\]]+")
_OLD_START = re.compile(r"Variable containing:")
_OLD_END = re.compile(r"\[torch\.\S*Tensor of size ")
_OLD_COLUMNS = re.compile(r"Columns \d+ to (\d+)")
_OLD_FACTOR = re.compile(r"(\S+)\s*\*")


class MatrixReader:
    """Collects the lines of one matrix.

    Args:
        line: the first line.

    Attributes:
        done: whether the matrix is complete.
    """

    def __init__(self, line: str) -> None:
        self.done = False
        self._is_old = _OLD_START.match(line) is not None
        self._lines: list[str] = []
        self._depth = 0
        self.add(line)

    @staticmethod
    def starts(line: str) -> bool:
        """Return whether a matrix begins with a line."""
        return _BRACKETED.match(line) is not None or _OLD_START.match(line) is not None

    @property
    def is_too_long(self) -> bool:
        """Whether it has more lines than a matrix of a search can have."""
        return len(self._lines) > MOST_LINES

    def add(self, line: str) -> None:
        """Take the next line."""
        self._lines.append(line)
        if self._is_old:
            self.done = _OLD_END.match(line.strip()) is not None
            return
        for token in line:
            self._depth += {"[": 1, "]": -1}.get(token, 0)
            if token == "]" and self._depth == 0:
                self.done = True

    def rows(self) -> list[Matrix]:
        """Return the matrix, or one for each slice of a tensor of three dimensions; none if these are not numbers."""
        try:
            found = [_old_rows(self._lines)] if self._is_old else _slices("\n".join(self._lines))
        except ValueError:
            return []
        return [rows for rows in found if _is_matrix(rows)]


def _is_matrix(rows: Matrix) -> bool:
    columns = len(rows[0]) if rows else 0
    return 0 < len(rows) <= MOST_ROWS and 0 < columns <= MOST_COLUMNS and all(len(row) == columns for row in rows)


def _slices(text: str) -> list[Matrix]:
    """Return the matrices in bracketed text; a flat list is one row.

    Raises:
        ValueError: it is not bracketed numbers.
    """
    slices: list[Matrix] = []
    rows: Matrix = []
    row: list[float] = []
    depth = 0
    for token in _TOKEN.findall(text[text.index("[") :]):
        if token == "[":
            depth += 1
        elif token == "]":
            if row:
                rows.append(row)
                row = []
            elif rows and depth < 3:
                slices.append(rows)
                rows = []
            depth -= 1
            if depth == 0:
                break
        else:
            row.append(_number(token))
    return [*slices, rows] if rows else slices


def _old_rows(lines: list[str]) -> Matrix:
    blocks: list[Matrix] = [[]]
    factor = 1.0
    for line in map(str.strip, lines[1:-1]):
        if found := _OLD_COLUMNS.match(line):
            if blocks[-1]:
                blocks.append([])
        elif found := _OLD_FACTOR.fullmatch(line):
            factor = _number(found[1])
        elif line:
            blocks[-1].append([factor * _number(word) for word in line.split()])
    return [[value for row in parts for value in row] for parts in zip(*blocks, strict=True)]


def _number(word: str) -> float:
    if word in ("True", "False"):
        return float(word == "True")
    value = float(word)
    if math.isfinite(value) and abs(value) > 1e30:
        raise ValueError("larger than any weight")
    return value
