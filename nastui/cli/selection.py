"""The runs that a command acts on: those that it names, or all that pass a filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from nastui.cli import completion
from runs.errors import NastuiError, NotFoundError, UsageError
from runs.formatting import count
from runs.home import short_id

if TYPE_CHECKING:
    from runs.store.record import Record
    from runs.store.run_store import RunStore

Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="The run's id, a unique prefix of it, or `latest`.", autocompletion=completion.runs
    ),
]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN...|FILTER",
        help="Runs: ids, unique prefixes, or `latest`. Or a filter in quotes: 'method:drnas status:lost best<90'.",
        autocompletion=completion.runs,
    ),
]
Where = Annotated[
    str | None,
    typer.Option(metavar="FILTER", help="Take the runs that pass this filter, as `/` does on the Runs screen."),
]
# More are counted, not named.
_MOST_NAMED = 8


@dataclass(frozen=True)
class Selection:
    """Runs that a command acts on; at least one.

    Attributes:
        records: the runs, each once.
        filter: the filter that they pass; empty if they were named.
    """

    records: list[Record]
    filter: str = ""

    @property
    def several(self) -> bool:
        """Whether several runs may be meant, even if there is only one."""
        return bool(self.filter) or len(self.records) > 1

    def __str__(self) -> str:
        """Return the short ids, or the number of runs if they are many."""
        if len(self.records) > _MOST_NAMED:
            return count(len(self.records), "run")
        named = ", ".join(short_id(record.id) for record in self.records)
        return f"{count(len(self.records), 'run')} ({named})" if self.several else named

    def narrowed(self, applies: Callable[[Record], bool], what: str) -> list[Record]:
        """Return the runs to which a command applies; of runs that were named, all, so that each is answered.

        Args:
            applies: whether the command can do something with a run.
            what: says of the others why they are left alone, such as ``not running``.
        """
        from nastui.cli import output

        if not self.filter:
            return self.records
        kept = [record for record in self.records if applies(record)]
        if left := len(self.records) - len(kept):
            output.say(f"Left alone: {count(left, 'run')} ({what}).")
        return kept


def open_store() -> RunStore:
    """Return the runs of the home that --home or $NASTUI_HOME names."""
    from runs.home import Home
    from runs.store.run_store import RunStore

    return RunStore(Home.locate())


def named(store: RunStore, names: Sequence[str]) -> list[Record]:
    """Return the runs of these names; a run that is named twice, once.

    Raises:
        NotFoundError: there is no such run.
        UsageError: a run cannot be read.
    """
    return list({record.id: record for record in map(store.find, names)}.values())


def select(store: RunStore, words: Sequence[str] | None, where: str | None = None) -> Selection:
    """Return the runs that a command line means.

    Args:
        store: the runs.
        words: ids of runs, or a filter.
        where: a filter; then there are no words.

    Raises:
        UsageError: nothing is named, both runs and a filter are, or the filter is invalid.
        NotFoundError: there is no such run, or no run passes the filter.
    """
    from runs.store.filter import EXAMPLE, RunFilter, Texts

    words = list(words or ())
    filters = [word for word in words if RunFilter.is_meant(word)]
    if where is None and not words:
        raise UsageError("Name runs or a filter.", f"See `nastui runs list`. A filter accepts {EXAMPLE}.")
    if where is not None and words:
        raise UsageError(f"--where and '{words[0][:80]}' cannot be used together.", "Name runs, or give a filter.")
    if filters and len(filters) < len(words):
        run = next(word for word in words if word not in filters)
        raise UsageError(
            f"'{filters[0][:80]}' is a filter and '{run[:80]}' a run.", "Name runs, or put the filter into quotes."
        )
    if where is None and not filters:
        return Selection(named(store, words))
    text = " ".join(filters) if where is None else where
    wanted, texts = RunFilter.parse_strictly(text), Texts()
    found = [record for record in store.records() if wanted.matches(record, texts)]
    if not found:
        raise NotFoundError(f"No run matches '{text[:80]}'.", "See `nastui runs list`.")
    return Selection(found, text)


def act_on_each(records: Sequence[Record], act: Callable[[Record], str]) -> None:
    """Act on runs one after another and say what has become of each. A run that fails does not stop the others.

    Raises:
        NastuiError: the only run has failed.
        typer.Exit: of several runs, some have failed; the exit code is that of the first failure.
    """
    from nastui.cli import output

    failed: list[NastuiError] = []
    for record in records:
        try:
            output.say(act(record))
        except NastuiError as error:
            if len(records) == 1:
                raise
            output.warn(f"{short_id(record.id)}: {error}")
            failed.append(error)
    if failed:
        output.warn(f"{len(failed)} of {count(len(records), 'run')} failed.")
        raise typer.Exit(failed[0].exit_code)
