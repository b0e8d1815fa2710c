"""``nastui queue``: the runs that wait for a device."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nastui.cli import completion
from nastui.cli.command_help import Commands
from runs.errors import UsageError
from runs.formatting import count
from runs.home import short_id

if TYPE_CHECKING:
    from runs.store.record import Record
    from runs.store.run_store import RunStore

app = Commands(help="List and arrange the runs that wait for a device.", invoke_without_command=True)

Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...", help="Ids of waiting runs, or unique prefixes of them.", autocompletion=completion.runs
    ),
]


@app.callback()
def queue(context: typer.Context) -> None:
    """List and arrange the runs that wait for a device. Without a command, list them."""
    if context.invoked_subcommand is None:
        list_()


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the runs that have a device and those that wait, in order, and what each waits for."""
    from nastui.cli import output
    from runs.fleet.queueing import cpu_slots, ensure_dispatcher
    from runs.store.lock import is_held
    from runs.store.queue import Queue

    store = _store()
    queue = Queue(store.home)
    if damage := queue.read().damage:
        output.warn(f"'{store.home.queue_file}': {damage}.")
    for file in queue.damaged_files():
        output.warn(f"The queue was damaged and has been recovered: check it, then delete '{file}'.")
    ensure_dispatcher(store.home)
    document = queue.read()
    records = {record.id: record for record in store.records()}
    placed = [entry for entry in document.placed if is_held(store.home.run(entry.run).lock)]
    if as_json:
        output.data(
            {
                "running": [{"run": entry.run, "devices": list(entry.placed)} for entry in placed],
                "waiting": [
                    {"place": place, **entry.model_dump(include={"run", "device", "held", "reason"})}
                    for place, entry in enumerate(document.waiting, 1)
                ],
                "slots": {"cpu": cpu_slots(document)},
            }
        )
        return
    if not placed and not document.waiting:
        output.say("No run waits. To queue one: nastui search drnas --preset quick --queue")
        return
    rows = [("running", entry, " ".join(entry.placed)) for entry in placed]
    rows += [(str(place), entry, entry.reason or "-") for place, entry in enumerate(document.waiting, 1)]
    output.table(
        ["place", "id", "method", "data", "seed", "device", "waits for"],
        ([place, *_described(entry.run, records), entry.device, what] for place, entry, what in rows),
    )


@app.command()
def move(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="The id of a waiting run, or a unique prefix of it.", autocompletion=completion.runs
        ),
    ],
    place: Annotated[int, typer.Argument(help="Its new place; 1 is the next to start.", min=1)],
) -> None:
    """Move a waiting run to another place."""
    from nastui.cli import output
    from runs.store.queue import Queue

    store = _store()
    found = store.find(run)
    Queue(store.home).move(found.id, place)
    output.say(f"Moved {short_id(found.id)}.")
    list_()


@app.command()
def hold(runs: Runs) -> None:
    """Hold waiting runs back until they are released."""
    from nastui.cli import output
    from runs.fleet.queueing import hold as held

    store = _store()
    held(store.home, {store.find(run).id for run in runs}, held=True)
    output.say(f"Held {count(len(runs), 'run')}.")


@app.command()
def release(runs: Runs) -> None:
    """Release runs that were held, or that could not be started."""
    from nastui.cli import output
    from runs.fleet.queueing import hold as held

    store = _store()
    held(store.home, {store.find(run).id for run in runs}, held=False)
    output.say(f"Released {count(len(runs), 'run')}.")


@app.command()
def slots(
    cpu: Annotated[
        int | None, typer.Argument(help="How many queued runs share the cores; 0 for the default.", min=0)
    ] = None,
) -> None:
    """Show or set how many queued runs share the cores of this machine."""
    from runs.fleet.queueing import cpu_slots, ensure_dispatcher
    from runs.machine import cores
    from runs.store.queue import Queue

    store = _store()
    store.home.prepare()
    if cpu is not None:
        if cpu > cores.allowed():
            raise UsageError(
                f"{cpu} runs cannot share {cores.allowed()} cores.", "Several on one core take longer than in turn."
            )
        with Queue(store.home).change() as document:
            document.cpu_slots = cpu
        ensure_dispatcher(store.home)
    sys.stdout.write(f"{cpu_slots(Queue(store.home).read())}\n")


@app.command()
def clear(yes: Annotated[bool, typer.Option("--yes", "-y", help="Clear without asking.")] = False) -> None:
    """Take all waiting runs out of the queue. The runs stay, and can be started later.

    `nastui sweep resume` queues those of a sweep again, and `nastui runs resume` any runs.
    """
    from nastui.cli import output
    from runs.store.queue import Queue

    store = _store()
    waiting = {entry.run for entry in Queue(store.home).read().waiting}
    if waiting and not yes:
        if not sys.stdin.isatty():
            raise UsageError("clear asks for confirmation, but stdin is not a terminal.", "Add --yes.")
        typer.confirm(f"Take {count(len(waiting), 'run')} out of the queue?", abort=True)
    output.say(f"Took {count(len(Queue(store.home).remove(waiting)), 'run')} out of the queue.")


def _described(run: str, records: dict[str, Record]) -> list[str]:
    head = records[run].head if run in records else {}
    data = Path(head["dataset"]).name if head else "-"
    return [short_id(run), str(head.get("method", "-")), data, str(head.get("seed", "-"))]


def _store() -> RunStore:
    from runs.home import Home
    from runs.store.run_store import RunStore

    return RunStore(Home.locate())
