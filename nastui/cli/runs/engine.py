"""What concerns the engine of one run: ``nastui runs inspect``, ``kill``, ``checkpoint`` and ``ask``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nastui.cli.json_option import Json
from nastui.cli.selection import Run, open_store
from runs.formatting import duration
from runs.home import short_id


def inspect(run: Run, as_json: Json = False) -> None:
    """Inspect the engine of a run: last progress, processes, Python stacks.

    The stacks are also kept in the folder of the run.
    """
    from nastui.cli import output
    from runs.supervision.inspection import inspect as inspected

    record = open_store().find(run)
    found = inspected(record)
    if as_json:
        output.data(
            {
                "id": record.id,
                "status": record.status,
                "stalled": record.stall and record.stall.to_json(),
                **found.to_json(),
            }
        )
        return
    last = found.activity
    output.fields(
        [
            ("id", record.id),
            ("status", record.shown_status),
            ("does", last and last.description()),
            ("since", last and f"{duration(found.seconds)} ago"),
            ("usually", None if last is None or last.usual is None else f"{last.usual:.3g} s"),
            ("stalled after", last and duration(last.limit)),
        ]
    )
    if found.processes:
        sys.stdout.write("\n")
        output.table(
            ["pid", "state", "cpu", "memory", "threads", "command"],
            (
                [f.pid, f.doing, duration(f.cpu_seconds), f"{f.memory / 1e6:.0f} MB", f.threads or "-", f.command]
                for f in found.processes
            ),
        )
    for name, text in found.stacks.items():
        sys.stdout.write(output.clean(f"\n{name}\n{text}\n"))
    for remark in found.remarks:
        output.warn(remark)


def kill(run: Run) -> None:
    """Kill the engine of a stalled run, with all its helpers.

    Without a checkpoint: `nastui runs resume` continues from the last one. To stop a run that answers, use `runs stop`.
    """
    from nastui.cli import output
    from runs.supervision import stopping

    record = open_store().find(run)
    output.say(f"{short_id(record.id)} is {stopping.kill(record)}.")


def checkpoint(run: Run) -> None:
    """Write a checkpoint of a running run now."""
    from nastui.cli import output
    from runs.supervision import engine_requests

    record = open_store().find(run)
    engine_requests.checkpoint(record)
    output.say(f"Requested a checkpoint of {short_id(record.id)}.")


def ask(
    run: Run,
    request: Annotated[
        str, typer.Argument(help="A request that the method supports, such as `more-draws`: see `nastui methods NAME`.")
    ],
) -> None:
    """Send a method's own request to a running search."""
    from nastui.cli import output
    from runs.supervision import engine_requests

    record = open_store().find(run)
    engine_requests.ask(record, request)
    output.say(f"Sent the request '{request}' to {short_id(record.id)}.")
