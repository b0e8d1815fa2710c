"""``nastui runs log``: what an engine printed."""

from __future__ import annotations

import codecs
import itertools
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from nastui.cli.selection import Run, open_store
from runs.errors import NotFoundError

if TYPE_CHECKING:
    from runs.home import RunPaths
    from runs.store.run_store import RunStore

_LOOK_SECONDS = 0.2
_BLOCK = 1 << 16
_LONGEST_LINE = 1 << 20  # a progress bar may never end its line


def log(
    run: Run,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing new lines until the engine exits.")
    ] = False,
    last: Annotated[
        int | None, typer.Option("--lines", "-n", metavar="N", help="Print only the last N lines.", min=0)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as a JSON object.")] = False,
) -> None:
    """Print what the engine of a run printed: its log.

    For metrics and warnings, see `nastui runs events`.
    """
    from runs.configuration import IMPORTED

    store = open_store()
    record = store.find(run)
    if not follow and not record.paths.log.exists():
        why = "It was imported." if record.head["kind"] == IMPORTED else "Its engine has not started."
        raise NotFoundError(f"Run '{record.id}' has no log.", why)
    reader = _Reader(record.paths)
    before: Iterable[str] = reader.lines() if follow else itertools.chain(reader.lines(), reader.rest())
    if last is not None:
        before = deque(before, maxlen=last)
    _print(before, as_json)
    try:
        while follow and _goes_on(store, record.id):
            _print(reader.lines(), as_json)
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    _print(reader.lines(), as_json)
    _print(reader.rest(), as_json)


class _Reader:
    """Reads the lines of a log that grows."""

    def __init__(self, paths: RunPaths) -> None:
        self._path = paths.log
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._part = ""

    def lines(self) -> Iterator[str]:
        """Yield the lines that have been completed since the last call."""
        from runs.files import open_regular

        try:
            with open_regular(self._path) as file:
                file.seek(self._offset)
                while block := file.read(_BLOCK):
                    self._offset += len(block)
                    *whole, self._part = (self._part + self._decoder.decode(block)).split("\n")
                    yield from whole
                    if len(self._part) > _LONGEST_LINE:
                        yield from self.rest()
        except FileNotFoundError:
            return
        except OSError as error:
            raise NotFoundError(f"'{self._path}' cannot be read: {error.strerror}.") from error

    def rest(self) -> Iterator[str]:
        """Yield a last line without an end."""
        if self._part:
            yield self._part
        self._part = ""


def _print(lines: Iterable[str], as_json: bool) -> None:
    from nastui.cli import output

    for text in lines:
        if as_json:
            output.line({"text": text})
        else:
            sys.stdout.write(output.clean(text.rpartition("\r")[2] or text.rstrip("\r")) + "\n")
    sys.stdout.flush()


def _goes_on(store: RunStore, run: str) -> bool:
    from runs.store.queue import Queue

    return store.find(run).status.live or run in Queue(store.home).pending()
