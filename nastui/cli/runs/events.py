"""``nastui runs events`` and ``follow``: what an engine reports."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nastui.cli.json_option import Json
from nastui.cli.selection import Run, open_store
from runs.errors import UsageError


def events(
    run: Run,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing new events until the engine exits.")
    ] = False,
    kind: Annotated[str | None, typer.Option("--type", help="Print only events of this type.")] = None,
    as_json: Json = False,
) -> None:
    """Print the event log of a run, one event per line."""
    import datetime
    import time

    from nastui.cli import output
    from nastui.cli.following import LOOK_SECONDS, event_line
    from runs.errors import closest
    from runs.log.event_log import EventLogReader
    from runs.log.events import EVENT_TYPES, printed

    if kind is not None and kind not in EVENT_TYPES:
        raise UsageError(f"Unknown event type '{kind[:80]}'.", closest(kind, EVENT_TYPES))
    store = open_store()
    paths = store.find(run).paths
    reader = EventLogReader(paths.events)
    while True:
        live = store.find(paths.root.name).status.live
        for entry in reader.read():
            raw = printed(entry)
            if kind is not None and raw["type"] != kind:
                continue
            if as_json:
                output.line(raw)
            else:
                clock = datetime.datetime.fromtimestamp(entry.time).strftime("%H:%M:%S")
                sys.stdout.write(output.clean(f"{clock}  {raw['type']:<10}  {event_line(entry.event)}".rstrip()) + "\n")
        if not follow or not live:
            break
        time.sleep(LOOK_SECONDS)
    if reader.malformed:
        output.warn(f"Skipped {reader.malformed} lines of '{paths.events}' that are not valid events.")


def follow(
    run: Run,
    plain: Annotated[bool, typer.Option("--plain", help="Print lines only, without a progress bar.")] = False,
    as_json: Json = False,
) -> None:
    """Follow a run to its end, one line per epoch.

    The exit code is the run's. Ctrl+C stops following; the run continues.
    """
    from nastui.cli.following import follow_run

    store = open_store()
    raise typer.Exit(follow_run(store, store.find(run).id, as_json=as_json, plain=plain))
