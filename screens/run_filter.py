"""The filter of the Runs screen: words that match anything, and ``field:word`` for one field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runs.store import Record

_FIELDS: dict[str, Callable[[Record], str]] = {
    "status": lambda record: str(record.status),
    "id": lambda record: record.id,
    "name": lambda record: record.labels.name,
    "method": lambda record: str(record.head["method"]),
    "space": lambda record: str(record.head["space"]),
    "data": lambda record: str(record.head["dataset"]),
    "preset": lambda record: str(record.head["preset"]),
    "seed": lambda record: str(record.head["seed"]),
    "device": lambda record: str(record.head["device"]),
    "tag": lambda record: " ".join(record.labels.tags),
    "note": lambda record: record.labels.note,
}
"""The names that may stand before a colon."""


@dataclass(frozen=True)
class RunFilter:
    """A parsed filter; every part of it must match.

    Attributes:
        words: found in any field, without regard to case.
        fields: (field, word): found in that field.
    """

    words: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> RunFilter:
        """Read what a person typed. A colon after no known field is part of a word."""
        words, fields = [], []
        for part in text.casefold().split():
            field, colon, word = part.partition(":")
            if colon and field in _FIELDS:
                fields.append((field, word))
            else:
                words.append(part)
        return cls(tuple(words), tuple(fields))

    def __bool__(self) -> bool:
        return bool(self.words or self.fields)

    def matches(self, record: Record) -> bool:
        """Say whether a run passes."""
        if not all(word in _FIELDS[field](record).casefold() for field, word in self.fields):
            return False
        if not self.words:
            return True
        text = "\n".join(read(record) for read in _FIELDS.values()).casefold()
        return all(word in text for word in self.words)


EVERYTHING = RunFilter()
"""The filter that every run passes."""
