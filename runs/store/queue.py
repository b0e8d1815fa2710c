"""The queue of a home: the runs that wait for a device, in order, and those that were given one.

It is the only place that knows the order, so it is kept twice. If the file is damaged or gone, the copy takes its
place; if both are damaged, every entry that can still be read does. The damaged file is kept beside it.
"""

from __future__ import annotations

import contextlib
import errno
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from runs.errors import NotFoundError
from runs.files import MEBIBYTE, fingerprint, read_regular, replace_text
from runs.formatting import count
from runs.home import Home, short_id
from runs.store.store_lock import changing

VERSION = 1
MOST_BYTES = 256 * MEBIBYTE


class Entry(BaseModel):
    """A run in the queue.

    Attributes:
        run: its id.
        device: ``cpu``, ``cuda`` for any GPU, or one such as ``cuda:1``.
        gpus: how many GPUs it needs.
        per_device: how many runs may share its GPU.
        starts: how often its engine had started when it was queued; an engine starts only if that is still so.
        held: it waits until it is released.
        reason: what it waits for, in words.
        placed: what it was given, GPUs such as ``cuda:1`` or a slot of the CPU such as ``cpu:0``; empty while it waits.
        launched: whether its engine has been started since.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    run: str = Field(pattern=r"^\w[\w.-]*$")
    device: str = "cpu"
    gpus: int = Field(default=1, ge=1)
    per_device: int = Field(default=1, ge=1)
    starts: int = Field(default=0, ge=0)
    held: bool = False
    reason: str = ""
    placed: tuple[str, ...] = ()
    launched: bool = False

    def with_(self, **changes: Any) -> Entry:
        """Return the entry with some values changed."""
        return self.model_copy(update=changes)


class Document(BaseModel):
    """The content of the queue's file.

    Attributes:
        entries: in the order in which they are to start.
        cpu_slots: how many runs share the cores; 0 for the default.
    """

    model_config = ConfigDict(extra="ignore", defer_build=True)

    version: int = VERSION
    entries: list[Entry] = Field(default_factory=list)
    cpu_slots: int = Field(default=0, ge=0)
    _damage: str = PrivateAttr(default="")

    @property
    def damage(self) -> str:
        """What was wrong with the file and how much was recovered, in words; empty if nothing was wrong."""
        return self._damage

    @property
    def waiting(self) -> list[Entry]:
        """The runs without a device, in order."""
        return [entry for entry in self.entries if not entry.placed]

    @property
    def placed(self) -> list[Entry]:
        """The runs that were given a device."""
        return [entry for entry in self.entries if entry.placed]

    @property
    def to_launch(self) -> list[Entry]:
        """The runs whose engines a dispatcher has yet to start; one may have been killed when it had placed some."""
        return [entry for entry in self.entries if not entry.held and not entry.launched]

    def replace(self, run: str, **changes: Any) -> None:
        """Change the entry of a run, if it has one."""
        self.entries = [entry.with_(**changes) if entry.run == run else entry for entry in self.entries]

    def text(self) -> str:
        """Return the content of the file: one entry a line, so that most of a damaged file can still be read."""
        head = self.model_dump_json(exclude={"entries"}).removesuffix("}")
        lines = ",\n".join(entry.model_dump_json() for entry in self.entries)
        return f'{head},"entries":[\n{lines}\n]}}\n'

    def drop(self, runs: set[str]) -> None:
        """Remove the entries of runs."""
        self.entries = [entry for entry in self.entries if entry.run not in runs]


class Queue:
    """The queue of a home. Every process may change it; only the dispatcher starts runs."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._copy = home.queue / "queue.copy.json"
        self._seen: tuple[list[int] | None, Document] = (None, _empty())
        self._pending: tuple[Document, frozenset[str]] = (self._seen[1], frozenset())

    def read(self) -> Document:
        """Return the current content; do not change it. Of a damaged file, it is what :meth:`change` would recover."""
        signature = fingerprint(self._home.queue_file)
        if signature != self._seen[0]:
            try:
                self._seen = signature, self._loaded()
            except OSError as error:
                self._seen = signature, _recovered([self._copy], f"it cannot be read: {error.strerror}")
        return self._seen[1]

    def damaged_files(self) -> list[Path]:
        """Return the damaged files that were kept when the queue was recovered."""
        return sorted(self._home.queue.glob("queue.damaged-*.json"))

    def pending(self) -> frozenset[str]:
        """Return the ids of the runs that have not been started yet."""
        document = self.read()
        if document is not self._pending[0]:
            self._pending = document, frozenset(entry.run for entry in document.entries if not entry.launched)
        return self._pending[1]

    @contextlib.contextmanager
    def change(self) -> Iterator[Document]:
        """Yield the content, and write what it has become if it has changed. One process at a time.

        Raises:
            BusyError: another process held the queue for half a minute.
            EnvironmentLacksError: the queue cannot be written.
        """
        busy = f"Another process is changing the queue of '{self._home.root}'."
        unwritable = f"The queue '{self._home.queue}' cannot be written"
        with changing(self._home.queue / "queue.lock", busy, unwritable):
            document = self._loaded()
            before = document.text()
            yield document
            if (after := document.text()) != before or document.damage:
                if document.damage:
                    replace_text(self._copy, after)  # before the damaged file goes: we may be killed at any time
                    self._keep_damaged()
                replace_text(self._home.queue_file, after)
                with contextlib.suppress(OSError):
                    replace_text(self._copy, after)

    def add(self, entries: list[Entry]) -> None:
        """Add runs at the end. A run that is waiting already keeps its place."""
        with self.change() as document:
            there = {entry.run for entry in document.entries if not entry.launched}
            fresh = [entry for entry in entries if entry.run not in there]
            document.drop({entry.run for entry in fresh})  # what an earlier start of it has left
            document.entries += fresh

    def remove(self, runs: set[str]) -> set[str]:
        """Remove runs that wait, and return which ones did."""
        if not runs & self.pending():
            return set()
        with self.change() as document:
            gone = {entry.run for entry in document.waiting} & runs
            document.drop(gone)
        return gone

    def move(self, run: str, place: int) -> None:
        """Move a waiting run to a place, counted from 1.

        Raises:
            NotFoundError: it does not wait.
        """
        with self.change() as document:
            _move(document, run, lambda _: place - 1)

    def shift(self, run: str, by: int) -> None:
        """Move a waiting run by some places towards the end, or towards the front if ``by`` is negative.

        Raises:
            NotFoundError: it does not wait.
        """
        with self.change() as document:
            _move(document, run, lambda index: index + by)

    def hold(self, runs: set[str], *, held: bool) -> set[str]:
        """Hold waiting runs back, or release them; return which ones wait."""
        with self.change() as document:
            waiting = {entry.run for entry in document.waiting} & runs
            for run in waiting:
                document.replace(run, held=held, reason="held" if held else "")
        return waiting

    def _loaded(self) -> Document:
        """Return the content, recovered if it is damaged.

        Raises:
            OSError: the file is there and cannot be read, as when it belongs to somebody else.
        """
        file = self._home.queue_file
        try:
            return _parsed(read_regular(file, MOST_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return _recovered([self._copy], "it is gone") if self._copy.exists() else _empty()
        except ValidationError:
            return _recovered([self._copy, file], "it is damaged")
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EISDIR, errno.EFBIG):
                raise
            return _recovered([self._copy], str(error.strerror))

    def _keep_damaged(self) -> None:
        """Give the damaged file another name, if it is not gone."""
        with contextlib.suppress(FileNotFoundError):
            self._home.queue_file.rename(self._home.queue / f"queue.damaged-{secrets.token_hex(4)}.json")


def _empty() -> Document:
    """Return an empty document. Without the checks, a command in a home without a queue starts sooner."""
    return Document.model_construct(version=VERSION, entries=[], cpu_slots=0)


def _parsed(content: bytes) -> Document:
    """Return the document of a file's content; of a run that occurs twice, the first entry.

    Raises:
        ValidationError: it is not one.
    """
    document = Document.model_validate_json(content)
    document.entries = _distinct(document.entries)
    return document


def _distinct(entries: Iterable[Entry]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(entry.run, entry)
    return list(found.values())


_ENTRY = re.compile(rb'\{"run":[^\n{}]*\}')


def _recovered(files: list[Path], why: str) -> Document:
    """Return what can be recovered: the first of these files that is whole, or else every entry that can be read.

    Args:
        files: the copy, and then the damaged file.
        why: what is wrong with the queue's file.
    """
    contents = []
    for file in files:
        with contextlib.suppress(OSError):
            contents.append(read_regular(file, MOST_BYTES))
    document = Document()
    for content in contents:
        with contextlib.suppress(ValidationError):
            document = _parsed(content)
            break
    else:
        found = []
        for raw in (raw for content in contents for raw in _ENTRY.findall(content)):
            with contextlib.suppress(ValidationError):
                found.append(Entry.model_validate_json(raw))
        document.entries = _distinct(found)
    document._damage = f"{why}; {count(len(document.entries), 'run')} recovered"
    return document


def _move(document: Document, run: str, place: Callable[[int], int]) -> None:
    """Move a waiting run to the index that ``place`` returns for its current one."""
    waiting = document.waiting
    index = next((index for index, entry in enumerate(waiting) if entry.run == run), None)
    if index is None:
        raise NotFoundError(f"Run '{short_id(run)}' is not waiting.", "See `nastui queue list`.")
    entry = waiting.pop(index)
    waiting.insert(max(0, place(index)), entry)
    document.entries = [*document.placed, *waiting]
