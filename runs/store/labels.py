"""What a user attached to a run: its name, its tags and its note."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field

from runs.configuration import checked_label
from runs.errors import UsageError
from runs.files import MEBIBYTE, read_regular, replace_text
from runs.home import RunPaths


@dataclass
class Labels:
    """The labels of a run. They are kept in its directory, so they survive a lost index."""

    name: str = ""
    tags: list[str] = field(default_factory=list)
    note: str = ""

    @classmethod
    def read(cls, paths: RunPaths) -> Labels:
        """Read the labels; empty ones if the file is missing or damaged."""
        try:
            raw = json.loads(read_regular(paths.labels, MEBIBYTE))
            return cls(str(raw["name"]), [str(tag) for tag in raw["tags"]], str(raw["note"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return cls()

    def write(self, paths: RunPaths) -> None:
        """Check the labels and replace the file.

        Raises:
            UsageError: as :meth:`checked`.
        """
        replace_text(paths.labels, json.dumps(dataclasses.asdict(self.checked()), ensure_ascii=False) + "\n")

    def checked(self) -> Labels:
        """Return the labels as they are stored.

        Raises:
            UsageError: a label has control characters, or is too long.
        """
        if len(self.tags) > 50:
            raise UsageError(f"A run can have at most 50 tags, got {len(self.tags)}.", "Remove some.")
        return Labels(
            checked_label(self.name),
            sorted({checked_label(tag, "tag", 40) for tag in self.tags}),
            checked_label(self.note, "note", 2000),
        )
