"""The folders of runs: ``nastui runs path``, ``reindex``, ``restore`` and ``empty-trash``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nastui.cli import completion
from nastui.cli.confirmation import confirm
from nastui.cli.json_option import Json
from nastui.cli.selection import Run, open_store


def path(run: Run, as_json: Json = False) -> None:
    """Print the folder in which the files of a run are."""
    from nastui.cli import output

    record = open_store().find(run)
    if as_json:
        output.data({"id": record.id, "path": str(record.paths.root)})
    else:
        sys.stdout.write(output.clean(str(record.paths.root)) + "\n")


def reindex() -> None:
    """Rebuild the index of runs from their directories."""
    from nastui.cli import output

    store = open_store()
    output.say(f"Indexed {store.reindex()} runs.")
    for name, fault in store.unreadable.items():
        output.warn(f"Skipped {name}: {fault}")


def restore(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="The removed run's id, or a unique prefix of it.",
            autocompletion=completion.removed_runs,
        ),
    ],
) -> None:
    """Bring a removed run back from the trash."""
    from nastui.cli import output
    from runs.fleet import sweep_trash
    from runs.fleet.sweep_store import SweepStore

    output.say(f"Restored {sweep_trash.restore_run(SweepStore(open_store()), run).root.name}.")


def empty_trash(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
) -> None:
    """Delete removed runs, sweeps and tables for good.

    What has been deleted cannot be restored.
    """
    from nastui.cli import output
    from runs.home import Home
    from runs.store.trash import Trash

    trash = Trash.of(Home.locate())
    if not trash:
        output.say("The trash is empty.")
        return
    if not yes:
        confirm("empty-trash", f"Delete {trash} ({trash.size() / 1e6:,.1f} MB) for good?")
    trash.delete()
    output.say(f"Deleted {trash}.")
