"""``nastui runs note``, ``rename`` and ``tag``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import completion
from nastui.cli.selection import Run, Where, open_store
from runs.home import short_id

if TYPE_CHECKING:
    from runs.store.record import Record
    from runs.store.run_store import RunStore


def note(run: Run, text: Annotated[str, typer.Argument(help="The note; an empty text removes it.")]) -> None:
    """Attach a note to a run."""
    _label(run, lambda labels: setattr(labels, "note", text))


def rename(run: Run, name: Annotated[str, typer.Argument(help="The name; an empty text removes it.")]) -> None:
    """Name a run, or remove its name."""
    _label(run, lambda labels: setattr(labels, "name", name))


def tag(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|FILTER",
            help="A run, several with commas between them, or a filter in quotes.",
            autocompletion=completion.runs,
        ),
    ] = None,
    add: Annotated[list[str] | None, typer.Argument(metavar="TAG...", help="Tags to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Remove this tag. Repeatable.")] = None,
    where: Where = None,
) -> None:
    """Add tags to runs, or remove them.

    With --where, all words are tags: `nastui runs tag --where 'status:lost' again`.
    """
    from nastui.cli.selection import act_on_each, select

    words = [*([] if run is None else [run]), *(add or ())]
    tags = words if where is not None else words[1:]
    store = open_store()
    named = [] if where is not None or not words else [words[0]] if ":" in words[0] else words[0].split(",")

    def change(labels: Any) -> None:
        labels.tags = [name for name in (*labels.tags, *tags) if name not in (remove or ())]

    act_on_each(select(store, named, where).records, lambda record: _labelled(store, record, change))


def _label(run: str, change: Any) -> None:
    from nastui.cli import output

    store = open_store()
    output.say(_labelled(store, store.find(run), change))


def _labelled(store: RunStore, record: Record, change: Any) -> str:
    """Change the labels of a run and return them as a line.

    Raises:
        NastuiError: as :meth:`runs.store.run_store.RunStore.label`.
    """
    labels = store.label(record, change)
    return f"{short_id(record.id)}  name '{labels.name}'  tags {' '.join(labels.tags) or '-'}  note '{labels.note}'"
