"""The filter of the Runs screen and of commands that take several runs.

Words match any field, ``field:word`` one field, ``best>90`` a number.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from runs.errors import UsageError, closest
from runs.store.record import Record
from runs.store.status import Status

_STATUS = "status"
_FIELDS: dict[str, Callable[[Record], str]] = {
    _STATUS: lambda record: f"{record.status} {record.shown_status}",
    "id": lambda record: record.id,
    "name": lambda record: record.labels.name,
    "kind": lambda record: str(record.head["kind"]),
    "method": lambda record: str(record.head["method"]),
    "space": lambda record: str(record.head["space"]),
    "dataset": lambda record: str(record.head["dataset"]),
    "preset": lambda record: str(record.head["preset"]),
    "seed": lambda record: str(record.head["seed"]),
    "device": lambda record: str(record.head["device"]),
    "origin": lambda record: str(record.head["origin"]),
    "tag": lambda record: " ".join(record.labels.tags),
    "note": lambda record: record.labels.note,
    "sweep": lambda record: str(record.head.get("sweep", "")),
    "group": lambda record: str(record.head["group"]),
}
"""The fields that can be followed by a colon."""
# Words do not look for these: the status changes, and no person types a digest.
_NOT_IN_TEXTS = (_STATUS, "group")
_ALSO = {"data": "dataset", "tags": "tag"}

_FIGURES: dict[str, Callable[[Record], float | None]] = {
    "best": lambda record: record.summary.best_accuracy,
    "bench": lambda record: record.benchmark_accuracy,
    "epoch": lambda record: record.summary.epoch,
    "epochs": lambda record: record.summary.epochs,
    "seed": lambda record: record.head["seed"],
}
"""The numbers that can be compared. A run without the number does not pass."""
_SIGNS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "=": operator.eq}
_COMPARISON = re.compile(rf"({'|'.join(_FIGURES)})(>=|<=|>|<|=)(-?[0-9]+(?:\.[0-9]*)?)")
# What is meant as a field or a comparison, whether or not it is one.
_FIELD_LIKE = re.compile(r"([a-z_]+):(.*)")
_COMPARISON_LIKE = re.compile(r"([a-z_]+)(>=|<=|>|<|=)(.*)")


class Texts:
    """The searchable text of each run, cached: for ten thousand runs it takes a fifth of a second."""

    def __init__(self) -> None:
        self._cache: dict[str, tuple[Record, str]] = {}

    def of(self, record: Record) -> str:
        """Return the text of the fields of a run that words look for, except its status, which changes."""
        cached = self._cache.get(record.id)
        if cached is None or cached[0] is not record:  # a change of labels makes a new record
            texts = (read(record) for name, read in _FIELDS.items() if name not in _NOT_IN_TEXTS)
            cached = self._cache[record.id] = (record, "\n".join(texts).casefold())
        return cached[1]


@dataclass(frozen=True)
class RunFilter:
    """A parsed filter; all its parts must match.

    Attributes:
        words: words that occur in any field, ignoring case.
        fields: (field, word) pairs: the field contains the word.
        figures: (name, operator, number): the comparison holds.
    """

    words: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    figures: tuple[tuple[str, str, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> RunFilter:
        """Parse a filter. A colon or an operator after an unknown name is part of a word."""
        words, fields, figures = [], [], []
        for part in text.casefold().split():
            name, colon, word = part.partition(":")
            name = _ALSO.get(name, name)
            if colon and name in _FIELDS:
                fields += [(name, word)] if word else []
            elif found := _COMPARISON.fullmatch(part):
                figures.append((found[1], found[2], float(found[3])))
            else:
                words.append(part)
        return cls(tuple(words), tuple(fields), tuple(figures))

    @classmethod
    def parse_strictly(cls, text: str) -> RunFilter:
        """Parse a filter of a command, which may act on all runs that pass: a slip must not widen it.

        Raises:
            UsageError: it is empty, or has a field, a comparison or a number that does not exist.
        """
        for part in text.casefold().split():
            if (found := _FIELD_LIKE.fullmatch(part)) and not found[2].startswith("//"):
                if _ALSO.get(found[1], found[1]) not in _FIELDS:
                    raise UsageError(f"The filter has no field '{found[1][:80]}'.", closest(found[1], _FIELDS))
                if not found[2]:
                    raise UsageError(f"The filter's '{part[:80]}' has no value.", f"It accepts {EXAMPLE}.")
            elif (found := _COMPARISON_LIKE.fullmatch(part)) and not _COMPARISON.fullmatch(part):
                if found[1] not in _FIGURES:
                    raise UsageError(f"The filter compares no '{found[1][:80]}'.", closest(found[1], _FIGURES))
                raise UsageError(f"'{part[:80]}' compares with no number.", f"For example: {found[1]}{found[2]}90")
        parsed = cls.parse(text)
        if not parsed:
            raise UsageError("The filter is empty.", f"It accepts {EXAMPLE}.")
        return parsed

    @staticmethod
    def is_meant(word: str) -> bool:
        """Return whether a word of a command line is a filter rather than the id of a run."""
        return any(sign in word for sign in (":", " ", *_SIGNS))

    def __bool__(self) -> bool:
        return bool(self.words or self.fields or self.figures)

    def matches(self, record: Record, texts: Texts) -> bool:
        """Return whether a run passes the filter."""
        for field, word in self.fields:
            if word not in _FIELDS[field](record).casefold():
                return False
        for name, sign, number in self.figures:
            figure = _FIGURES[name](record)
            if figure is None or not _SIGNS[sign](figure, number):
                return False
        text = texts.of(record) if self.words else ""
        # Not with all(): it takes 1.5 times as long, at every letter and for every run.
        for word in self.words:
            if word not in text and word not in record.status and (record.stall is None or word not in Status.STALLED):
                return False
        return True


EVERYTHING = RunFilter()
"""The filter that every run passes."""
EXAMPLE = "words, method:drnas, status:lost, tag:paper, dataset:cifar10, best>90"
