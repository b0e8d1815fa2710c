"""The filter of the Runs screen: words that match anything, ``field:word`` for one field, ``best>90`` for a figure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from runs.store.run_store import Record

_STATUS = "status"
_FIELDS: dict[str, Callable[[Record], str]] = {
    _STATUS: lambda record: str(record.status),
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
}
"""The names that may stand before a colon."""
_ALSO = {"data": "dataset", "tags": "tag"}

_FIGURES: dict[str, Callable[[Record], float | None]] = {
    "best": lambda record: record.summary.best_accuracy,
    "bench": lambda record: record.summary.benchmark_accuracy,
    "epoch": lambda record: record.summary.epoch,
    "epochs": lambda record: record.summary.epochs,
    "seed": lambda record: record.head["seed"],
}
"""The names that may stand before a sign of comparison. A run without the figure does not pass."""
_SIGNS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "=": operator.eq}
_COMPARISON = re.compile(rf"({'|'.join(_FIGURES)})(>=|<=|>|<|=)(-?[0-9]+(?:\.[0-9]*)?)")


class Texts:
    """What words are looked for in. Kept by run: of ten thousand it takes a fifth of a second to put together."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Record, str]] = {}

    def of(self, record: Record) -> str:
        """Return all that a run says in its fields, but for its status, which changes."""
        kept = self._kept.get(record.id)
        if kept is None or kept[0] is not record:  # new labels come with a new record
            said = (read(record) for name, read in _FIELDS.items() if name != _STATUS)
            kept = self._kept[record.id] = (record, "\n".join(said).casefold())
        return kept[1]


@dataclass(frozen=True)
class RunFilter:
    """A parsed filter; every part of it must match.

    Attributes:
        words: found in any field, without regard to case.
        fields: (field, word): found in that field.
        figures: (name, sign, number): the figure compares so.
    """

    words: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    figures: tuple[tuple[str, str, float], ...] = ()

    @classmethod
    def parse(cls, text: str) -> RunFilter:
        """Read what a person typed. A colon or a sign after no known name is part of a word."""
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

    def __bool__(self) -> bool:
        return bool(self.words or self.fields or self.figures)

    def matches(self, record: Record, texts: Texts) -> bool:
        """Say whether a run passes."""
        for field, word in self.fields:
            if word not in _FIELDS[field](record).casefold():
                return False
        for name, sign, number in self.figures:
            figure = _FIGURES[name](record)
            if figure is None or not _SIGNS[sign](figure, number):
                return False
        text = texts.of(record) if self.words else ""
        for word in self.words:  # noqa: SIM110 - all() takes half as long again, at every letter, for every run
            if word not in text and word not in record.status:
                return False
        return True


EVERYTHING = RunFilter()
"""The filter that every run passes."""
EXAMPLE = "words, method:drnas, status:lost, tag:paper, dataset:cifar10, best>90"
