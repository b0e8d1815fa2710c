"""``nastui sweep``: list, follow, stop, resume, extend, remove and restore sweeps."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import completion
from nastui.cli.command_help import Commands
from nastui.cli.confirmation import Yes, confirm
from nastui.cli.json_option import Json
from nastui.cli.selection import open_store
from runs.errors import NastuiError, UsageError
from runs.formatting import count, duration
from runs.home import short_id

if TYPE_CHECKING:
    from runs.configuration import Draft
    from runs.fleet.grid import Combination, Grid
    from runs.fleet.sweep import Sweep
    from runs.fleet.sweep_results import Results
    from runs.fleet.sweep_store import SweepStore
    from runs.slurm.profile import Target
    from runs.store.record import Record
    from runs.store.run_store import RunStore

app = Commands(help="List, follow, stop, resume, extend, remove and restore sweeps.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP",
        help="The sweep's id, a unique prefix of it, its name, or `latest`.",
        autocompletion=completion.sweeps,
    ),
]
LOOK_SECONDS = 1.0


def begin_sweep(
    store: RunStore,
    draft: Draft,
    seeds: tuple[int, ...],
    grid: Grid,
    per_device: int,
    target: Target | None,
    *,
    dry_run: bool,
    yes: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Create a sweep and queue its runs or submit them to Slurm; unless detached, follow it to its end.

    Raises:
        NastuiError: a member is invalid; then nothing has been created.
    """
    from nastui.cli import output
    from runs.fleet import sweep_planning, sweep_starting
    from runs.fleet.sweep_store import SweepStore

    if draft.seed is not None and seeds:
        raise UsageError("--seed and --seeds cannot be used together.", "Leave one out.")
    at_most = sys.maxsize if yes else sweep_planning.MANY
    plan = sweep_planning.plan(
        store, draft, seeds, grid, per_device=per_device, slurm=target, at_most=at_most, say=output.say
    )
    if dry_run:
        _print_script(store, plan.sweep)
        return
    sweep = sweep_starting.start(SweepStore(store), plan)
    if detach:
        if as_json:
            output.data(_results(store, sweep).to_json())
            return
        sys.stdout.write(sweep.id + "\n")
        sys.stdout.flush()
    output.say(f"Sweep {sweep.id}: {count(len(sweep.members), 'run')} of {sweep.title}.")
    if detach:
        output.say(f"Follow it: nastui sweep follow {sweep.id}, or open the dashboard: nastui")
        return
    raise typer.Exit(_follow(store, sweep, as_json=as_json))


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List sweeps and the state of their runs, newest first."""
    from nastui.cli import output
    from runs.fleet.sweep_results import results
    from runs.store.queue import Queue
    from runs.store.slurm_jobs import SlurmJobs

    store, sweeps = _stores()
    _ensure_dispatcher(store)
    records, queue, jobs = store.records(), Queue(store.home).read(), SlurmJobs(store.home).active()
    found = [results(sweep, records, queue, jobs) for sweep in sweeps.all()]
    for folder, fault in sweeps.unreadable.items():
        output.warn(f"Skipped {folder}: {fault}")
    if as_json:
        output.data([result.to_json() for result in found])
        return
    if not found:
        output.say("No sweeps. Start one: nastui search drnas --preset quick --seeds 0-4")
        return
    output.table(["id", "runs", "best", "bench", "left", "sweep"], (_list_row(result) for result in found))


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show a sweep: its runs by values and seed, mean and deviation, and how far their genotypes agree."""
    from nastui.cli import output

    store, sweeps = _stores()
    _ensure_dispatcher(store)
    found = _results(store, sweeps.find(name))
    if as_json:
        output.data(found.to_json())
        return
    left = found.seconds_left()
    output.fields(
        [
            ("id", found.sweep.id),
            ("sweep", found.sweep.title),
            ("created", found.sweep.created),
            ("runs", _statuses(found)),
            ("time left", None if not left else f"about {duration(left)}"),
            ("best", found.best and f"{short_id(found.best.id)}  {_figures(found.best)}"),
        ]
    )
    sys.stdout.write("\n")
    output.table(
        [*found.sweep.grid, "best", "bench", "seeds"],
        (
            [
                *(row.values.get(key, "") for key in found.sweep.grid),
                "-" if row.best is None else row.best.text(len(row.cells)),
                "-" if row.benchmark is None else row.benchmark.text(len(row.cells)),
                "  ".join(_member(cell.seed, cell.run, cell.record) for cell in row.cells),
            ]
            for row in found.rows
        ),
    )
    if early := [record for record in found.records if record.summary.early_stop]:
        sys.stdout.write("\n")
        output.table(
            ["stopped early", "seed", "reason"],
            ([short_id(record.id), record.head["seed"], record.summary.early_stop] for record in early),
        )
    for space, kinds in found.agreement().items():
        for kind, votes in kinds.items():
            sys.stdout.write("\n")
            output.table(
                [f"{space} {kind}", "chosen by the finished runs"],
                (
                    [f"{vote.target}←{vote.source}", "  ".join(f"{name} {number}" for name, number in vote.chosen)]
                    for vote in votes
                ),
            )


@app.command()
def follow(name: Name, as_json: Json = False) -> None:
    """Follow a sweep to its end, one line per run that ends.

    The exit code is 0 if all its runs have finished. Ctrl+C stops following; the sweep continues.
    """
    store, sweeps = _stores()
    raise typer.Exit(_follow(store, sweeps.find(name), as_json=as_json))


@app.command()
def stop(name: Name) -> None:
    """Take the waiting runs of a sweep out of the queue, and stop the others after writing a checkpoint."""
    from nastui.cli import output
    from nastui.cli.runs.bulk import stop_all
    from runs.slurm.submission import cancel
    from runs.store.queue import Queue

    store, sweeps = _stores()
    sweep = sweeps.find(name)
    queue = Queue(store.home)
    waiting = queue.remove({member.run for member in sweep.members})
    waiting |= cancel(store.home, {record.id for record in sweeps.records(sweep) if not record.status.live})
    live = [record for record in sweeps.records(sweep) if record.status.live or record.id in queue.pending()]
    verb = "waits" if len(waiting) == 1 else "wait"
    output.say(f"{count(len(waiting), 'run')} no longer {verb}; {count(len(live), 'run')} to stop.")
    stop_all(store, live)


@app.command()
def resume(name: Name) -> None:
    """Queue the runs of a sweep that are missing, never started, were lost or failed, and no others.

    Runs that were stopped stay stopped: `nastui runs resume` continues them.
    """
    from nastui.cli import output
    from runs.fleet import sweep_starting

    _, sweeps = _stores()
    sweep = sweeps.find(name)
    queued, created = sweep_starting.resume(sweeps, sweep)
    more = f", {created} of them created" if created else ""
    output.say(f"Queued {count(queued, 'run')} of sweep {sweep.id}{more}.")


@app.command("add-seeds")
def add_seeds(
    name: Name, seeds: Annotated[str, typer.Argument(help="The new seeds, for each combination: 10-19 or 10,12.")]
) -> None:
    """Extend a sweep by further seeds, and queue their runs."""
    from nastui.cli import output
    from runs.fleet import sweep_starting
    from runs.fleet.grid import seeds_of

    _, sweeps = _stores()
    sweep = sweeps.find(name)
    added = sweep_starting.add_seeds(sweeps, sweep, seeds_of(seeds), output.say)
    output.say(f"Queued {count(added, 'run')} more of sweep {sweep.id}.")


@app.command("rm")
def remove(name: Name, yes: Yes = False) -> None:
    """Move a sweep and all its runs to the trash.

    `nastui sweep restore` brings them back.
    """
    from nastui.cli import output
    from runs.fleet import sweep_trash

    _, sweeps = _stores()
    sweep = sweeps.find(name)
    if not yes:
        confirm("rm", f"Move sweep {sweep.id} and {count(len(sweep.members), 'run')} to the trash?")
    removed = sweep_trash.remove(sweeps, sweep)
    output.say(f"Moved sweep {sweep.id} and {count(len(removed), 'run')} to the trash.")


@app.command()
def restore(
    sweep: Annotated[
        str,
        typer.Argument(
            metavar="SWEEP",
            help="The removed sweep's id, or a unique prefix of it.",
            autocompletion=completion.removed_sweeps,
        ),
    ],
) -> None:
    """Bring a removed sweep back from the trash, with its runs."""
    from nastui.cli import output
    from runs.fleet import sweep_trash

    _, sweeps = _stores()
    found, number = sweep_trash.restore(sweeps, sweep)
    output.say(f"Restored sweep {found.id} with {number} of its {count(len(found.members), 'run')}.")


def _stores() -> tuple[RunStore, SweepStore]:
    from runs.fleet.sweep_store import SweepStore

    store = open_store()
    return store, SweepStore(store)


def _print_script(store: RunStore, sweep: Sweep) -> None:
    from runs.slurm.profile import Request
    from runs.slurm.submission import new_name, script_of

    number = len(sweep.members)
    request = Request.model_validate(sweep.slurm)
    sys.stdout.write(script_of(store.home, request, new_name(), number if number > 1 else None))


def _results(store: RunStore, sweep: Sweep) -> Results:
    from runs.fleet.sweep_results import results
    from runs.store.queue import Queue
    from runs.store.slurm_jobs import SlurmJobs

    return results(sweep, store.records(), Queue(store.home).read(), SlurmJobs(store.home).active())


def _ensure_dispatcher(store: RunStore) -> None:
    """Start a dispatcher if one is missing; if it cannot be started, say why and go on."""
    from nastui.cli import output
    from runs.fleet.queueing import ensure_dispatcher

    try:
        ensure_dispatcher(store.home)
    except NastuiError as error:
        output.warn(str(error))


def _follow(store: RunStore, sweep: Sweep, *, as_json: bool) -> int:
    from nastui.cli import output

    told: set[str] = set()
    try:
        while True:
            _ensure_dispatcher(store)
            found = _results(store, sweep)
            for row in found.rows:
                for cell in row.cells:
                    if cell.record and cell.run not in told and _has_ended(cell.record, found):
                        told.add(cell.run)
                        _tell(cell.record, row.values, len(told), len(sweep.members), as_json=as_json)
            if found.ended:
                break
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        output.say(f"The sweep continues in the background. Stop it: nastui sweep stop {sweep.id}")
        return 130
    if as_json:
        output.line({"type": "result", **found.to_json()})
    else:
        sys.stdout.write(f"{_statuses(found)}\n")
        for row in found.rows:
            figures = [
                f"{name} {spread.text(len(row.cells))}"
                for name, spread in (("best", row.best), ("bench", row.benchmark))
                if spread is not None
            ]
            sys.stdout.write(output.clean("  ".join(filter(None, [_values(row.values), *figures]))) + "\n")
    return 0 if found.succeeded else 1


def _has_ended(record: Record, found: Results) -> bool:
    return not record.status.live and record.id not in found.waiting and not record.status.before_start


def _tell(record: Record, values: Combination, number: int, of: int, *, as_json: bool) -> None:
    from nastui.cli import output

    if as_json:
        output.line({"type": "member", **record.to_json()})
        return
    parts = [f"{number}/{of}", short_id(record.id), _values(values), f"seed {record.head['seed']}", str(record.status)]
    text = "  ".join([*filter(None, parts), _figures(record)])
    sys.stdout.write(output.clean(f"{text} {record.summary.problem or record.summary.early_stop}".rstrip()) + "\n")
    sys.stdout.flush()


def _values(values: Combination) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items())


def _figures(record: Record) -> str:
    shown = (("best", record.summary.best_accuracy), ("bench", record.benchmark_accuracy))
    return "  ".join(f"{name} {value:.2f}" for name, value in shown if value is not None)


def _statuses(found: Results) -> str:
    return ", ".join(f"{number} {status}" for status, number in found.statuses.items())


def _member(seed: int, run: str, record: Record | None) -> str:
    return f"{seed}:{record.status if record else 'missing'}" + (f" {short_id(run)}" if record else "")


def _list_row(found: Results) -> list[Any]:
    from runs.store.groups import Spread

    done = [record for row in found.rows for record in row.finished]
    best = Spread.of(record.summary.best_accuracy for record in done)
    benchmark = Spread.of(record.benchmark_accuracy for record in done)
    left = found.seconds_left()
    return [
        found.sweep.id,
        f"{len(done)}/{len(found.sweep.members)} ({_statuses(found)})",
        *("-" if spread is None else spread.text(len(done)) for spread in (best, benchmark)),
        duration(left) if left else "-",
        found.sweep.title,
    ]
