"""``nastui queue``: the runs that wait for a device, or for Slurm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import completion
from nastui.cli.command_help import Commands
from nastui.cli.confirmation import confirm
from nastui.cli.json_option import Json
from nastui.cli.selection import open_store
from runs.errors import UsageError
from runs.formatting import count
from runs.home import short_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runs.fleet.grid import Combination
    from runs.store.record import Record

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
def list_(as_json: Json = False) -> None:
    """List the runs that have a device, those that wait, in order and for what, and those that Slurm has."""
    from nastui.cli import output
    from runs.fleet.queueing import cpu_slots, ensure_dispatcher
    from runs.fleet.sweep_store import SweepStore
    from runs.store.lock import is_held
    from runs.store.queue import Queue
    from runs.store.slurm_jobs import SlurmJobs, order_of

    store = open_store()
    queue = Queue(store.home)
    if damage := queue.read().damage:
        output.warn(f"'{store.home.queue_file}': {damage}.")
    for file in queue.damaged_files():
        output.warn(f"The queue was damaged and has been recovered: check it, then delete '{file}'.")
    ensure_dispatcher(store.home)
    document = queue.read()
    records = {record.id: record for record in store.records()}
    placed = [entry for entry in document.placed if is_held(store.home.run(entry.run).lock)]
    jobs = [(record, record.job) for record in records.values() if record.job is not None and record.is_in_slurm]
    jobs.sort(key=lambda pair: (not pair[0].status.live, order_of(pair[1])))
    if jobs and (fault := SlurmJobs(store.home).read().fault):
        output.warn(f"{fault} Its last answer is shown.")
    shown = [*(entry.run for entry in (*placed, *document.waiting)), *(record.id for record, _ in jobs)]
    varied = SweepStore(store).varied(records[run] for run in shown if run in records)
    if as_json:
        told = {run: _told_apart(run, records, varied) for run in shown}
        output.data(
            {
                "running": [{"run": entry.run, "devices": list(entry.placed), **told[entry.run]} for entry in placed],
                "waiting": [
                    {"place": place, **entry.model_dump(include={"run", "device", "held", "reason"}), **told[entry.run]}
                    for place, entry in enumerate(document.waiting, 1)
                ],
                "slots": {"cpu": cpu_slots(document)},
                "slurm": [
                    {"run": record.id, "status": str(record.status), **job.to_json(), **told[record.id]}
                    for record, job in jobs
                ],
            }
        )
        return
    if not shown:
        output.say("No run waits. To queue one: nastui search drnas --preset quick --queue")
        return
    values = {run: " ".join(f"{key}={value}" for key, value in _values(run, varied).items()) for run in shown}
    titles = ["id", "method", "data", "seed", *(["values"] if any(values.values()) else [])]

    def described(run: str) -> list[str]:
        return [*_described(run, records), *([values[run] or "-"] if "values" in titles else [])]

    if placed or document.waiting:
        rows = [("running", entry, " ".join(entry.placed)) for entry in placed]
        rows += [(str(place), entry, entry.reason or "-") for place, entry in enumerate(document.waiting, 1)]
        output.table(
            ["place", *titles, "device", "waits for"],
            ([place, *described(entry.run), entry.device, what] for place, entry, what in rows),
        )
    if jobs:
        if placed or document.waiting:
            sys.stdout.write("\n")
        output.table(
            ["job", *titles, "profile", "slurm"],
            (
                [job.job_id or "-", *described(record.id), job.profile, record.job_text or "running"]
                for record, job in jobs
            ),
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

    store = open_store()
    found = store.find(run)
    Queue(store.home).move(found.id, place)
    output.say(f"Moved {short_id(found.id)}.")
    list_()


@app.command()
def hold(runs: Runs) -> None:
    """Hold waiting runs back until they are released."""
    from nastui.cli import output
    from runs.fleet.queueing import hold as held

    store = open_store()
    held(store.home, {store.find(run).id for run in runs}, held=True)
    output.say(f"Held {count(len(runs), 'run')}.")


@app.command()
def release(runs: Runs) -> None:
    """Release runs that were held, or that could not be started."""
    from nastui.cli import output
    from runs.fleet.queueing import hold as held

    store = open_store()
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

    store = open_store()
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

    store = open_store()
    waiting = {entry.run for entry in Queue(store.home).read().waiting}
    if waiting and not yes:
        confirm("clear", f"Take {count(len(waiting), 'run')} out of the queue?")
    output.say(f"Took {count(len(Queue(store.home).remove(waiting)), 'run')} out of the queue.")


def _described(run: str, records: dict[str, Record]) -> list[str]:
    head = records[run].head if run in records else {}
    data = Path(head["dataset"]).name if head else "-"
    return [short_id(run), str(head.get("method", "-")), data, str(head.get("seed", "-"))]


def _told_apart(run: str, records: dict[str, Record], varied: Mapping[str, Combination]) -> dict[str, Any]:
    """Return the seed of a run, and what its sweep varies beside it."""
    return {"seed": records[run].head["seed"] if run in records else None, "values": _values(run, varied)}


def _values(run: str, varied: Mapping[str, Combination]) -> Combination:
    return {key: value for key, value in varied.get(run, {}).items() if key != "seed"}
