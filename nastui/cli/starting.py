"""Options that `search` and `retrain` share, and starting one run or a sweep of many."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import completion
from nastui.cli.on_slurm import SlurmOptions
from nastui.cli.selection import open_store
from runs.errors import UsageError

if TYPE_CHECKING:
    from runs.configuration import Draft
    from runs.fleet.grid import Grid
    from runs.slurm.profile import Target
    from runs.store.run_store import RunStore

MOST_PER_DEVICE = 1000

RUN, WHERE, MANY, SLURM, OUTPUT = "The run", "Device", "Several runs, and the queue", "Slurm", "Output"

Dataset = Annotated[
    str | None,
    typer.Option(
        help="Choose a data set (see `nastui dataset list`), or give the path of an image folder.",
        autocompletion=completion.datasets,
        rich_help_panel=RUN,
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set a hyperparameter, such as epochs=50. Repeatable.",
        autocompletion=completion.settings,
        rich_help_panel=RUN,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(help="Read settings from a TOML file; command-line options override it.", rich_help_panel=RUN),
]
Seed = Annotated[int | None, typer.Option(help="Set the seed. Default: the preset's seed.", rich_help_panel=RUN)]
Device = Annotated[
    str | None,
    typer.Option(
        help="Run on this device: auto, cpu, cuda or cuda:<number>.",
        autocompletion=completion.devices,
        rich_help_panel=WHERE,
    ),
]
Gpus = Annotated[
    int | None,
    typer.Option(
        help="Split each batch over this many GPUs (on the CPU: over processes).", min=1, rich_help_panel=WHERE
    ),
]
Name = Annotated[str | None, typer.Option(help="Name the run.", rich_help_panel=RUN)]
Tags = Annotated[list[str] | None, typer.Option(help="Tag the run. Repeatable.", rich_help_panel=RUN)]
Detach = Annotated[
    bool,
    typer.Option("--detach", help="Return as soon as the engine runs, and print the run's id.", rich_help_panel=OUTPUT),
]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Show the progress to the end (default).", rich_help_panel=OUTPUT)
]
Seeds = Annotated[
    str | None,
    typer.Option(metavar="SEEDS", help="Queue one run for each seed: 0-9 or 0,3,7-9.", rich_help_panel=MANY),
]
GridOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grid",
        metavar="KEY=VALUE,...",
        help="Queue one run for each value. Several: each combination.",
        rich_help_panel=MANY,
    ),
]
SweepFile = Annotated[
    Path | None,
    typer.Option(
        "--sweep",
        metavar="FILE",
        help="Read a sweep from a TOML file: seeds, [grid], settings.",
        rich_help_panel=MANY,
    ),
]
StopWhen = Annotated[
    str | None,
    typer.Option(
        metavar="RULE",
        help="Stop early: collapse, plateau:N (epochs) or below-median:EPOCH (of a sweep).",
        rich_help_panel=RUN,
    ),
]
Queued = Annotated[
    bool,
    typer.Option("--queue", help="Start when a device is free, after the runs that wait.", rich_help_panel=MANY),
]
PerDevice = Annotated[
    int | None,
    typer.Option(
        "--per-device",
        help="Let this many queued runs share a GPU. Default: 1.",
        min=1,
        max=MOST_PER_DEVICE,
        rich_help_panel=MANY,
    ),
]
Slurm = Annotated[
    str | None,
    typer.Option(
        "--slurm",
        metavar="[PROFILE]",
        help="Submit to Slurm, with this profile of config.toml. Default: `default`, or the only one.",
        rich_help_panel=SLURM,
    ),
]
Nodes = Annotated[
    int | None,
    typer.Option("--nodes", help="With --slurm: share out --gpus among this many nodes.", min=1, rich_help_panel=SLURM),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="With --slurm: only print the script of the job.", rich_help_panel=SLURM),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Start even more than 1,000 runs without asking.", rich_help_panel=MANY),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON: one event per line, then the result; with --detach only the run.",
        rich_help_panel=OUTPUT,
    ),
]


@dataclass(frozen=True)
class Many:
    """What the command line says about several runs, and about the queue.

    Attributes:
        seeds: the text of ``--seeds``.
        grid: the words of ``--grid``.
        file: that of ``--sweep``.
        queue: whether a single run waits for a free device.
        per_device: how many runs may share a GPU.
        yes: whether any number of runs may be started without asking.
    """

    seeds: str | None = None
    grid: list[str] | None = None
    file: Path | None = None
    queue: bool = False
    per_device: int | None = None
    yes: bool = False

    def taken_from(self, given: dict[str, Any]) -> tuple[tuple[int, ...], Grid, int] | None:
        """Return seeds, grid and runs per GPU of a sweep; None for a single run. Those of its file leave ``given``.

        Raises:
            UsageError: they are not seeds or a grid.
        """
        from runs.fleet import grid as grids

        of_file = {key: given.pop(key) for key in _OF_SWEEPS if key in given}
        seeds: tuple[int, ...] = ()
        if self.seeds is not None:
            seeds = grids.seeds_of(self.seeds)
        elif of_file.get("seeds") == []:
            raise UsageError(f"'seeds' in '{self.file}' is empty.", "For example: seeds = [0, 1, 2]")
        elif isinstance(listed := of_file.get("seeds", []), list):
            seeds = grids.checked_seeds(listed)
        else:
            seeds = grids.seeds_of(str(listed))
        grid = of_file.get("grid", {})
        if not isinstance(grid, dict):
            raise UsageError(f"'grid' in '{self.file}' must be a table.", "Write it as [grid], with one key per line.")
        grid |= grids.grid_of(self.grid or [])
        per_device = self.per_device or of_file.get("per_device", 1)
        if not isinstance(per_device, int) or isinstance(per_device, bool) or not 1 <= per_device <= MOST_PER_DEVICE:
            raise UsageError(f"'per_device' in '{self.file}' must be a whole number from 1 to {MOST_PER_DEVICE:,}.")
        return (seeds, grid, per_device) if seeds or grid or self.file else None


_OF_SWEEPS = ("seeds", "grid", "per_device")


def gathered(
    config: Path | None,
    typed: dict[str, Any],
    tags: list[str] | None,
    assignments: list[str] | None,
    sweep: Path | None = None,
) -> dict[str, Any]:
    """Return the values of a draft: those of the file, overridden by those of the command line.

    The file of a sweep may also have seeds, a grid and the number of runs per GPU.

    Raises:
        UsageError: a file or an assignment is invalid.
    """
    from runs.configuration import read_toml

    if config is not None and sweep is not None:
        raise UsageError("--config and --sweep cannot be used together.", "A sweep's file has the settings, too.")
    given: dict[str, Any] = {} if config is None else read_toml(config)
    if sweep is not None:
        given, config = read_toml(sweep, _OF_SWEEPS), sweep
    given |= {key: value for key, value in typed.items() if value is not None}
    if not isinstance(given.get("tags", []), list):
        raise UsageError(f"'tags' in '{config}' must be a list.", 'For example: tags = ["first", "trial"]')
    given["tags"] = (*given.get("tags", ()), *(tags or ()))
    if "options" in given and not isinstance(given["options"], dict):
        raise UsageError(f"'options' in '{config}' must be a table.", "Write it as [options], with one key per line.")
    if given.get("stop_when") == "":
        raise UsageError("stop_when is empty.", "Leave it out, or choose a rule, such as plateau:10.")
    given["options"] = {**given.get("options", {}), **assigned(assignments or [])}
    given["source"] = "--set" if config is None else f"{config} or --set"
    return given


def begin(
    given: dict[str, Any], many: Many, slurm_options: SlurmOptions, *, detach: bool, follow: bool, as_json: bool
) -> None:
    """Start the run of a draft, queue it or submit it to Slurm, or a sweep; unless detached, follow it to its end.

    The exit code is that of the run; of a sweep it is 0 if all its runs have finished.

    Raises:
        NastuiError: the draft is invalid, or the engine did not start.
    """
    from nastui.cli import output
    from nastui.cli.following import follow_run
    from runs.configuration import draft_from
    from runs.home import short_id
    from runs.supervision import new_run

    if detach and follow:
        raise UsageError("--detach and --follow cannot be used together.", "Leave one out.")
    store = open_store()
    sweep = many.taken_from(given)
    draft = draft_from(given)
    target = slurm_options.target(store.home, queued=many.queue, per_device=many.per_device)
    if sweep is not None:
        from nastui.cli.sweep import begin_sweep

        dry_run = slurm_options.dry_run
        begin_sweep(store, draft, *sweep, target, dry_run=dry_run, yes=many.yes, detach=detach, as_json=as_json)
        return
    if many.per_device is not None and not many.queue:
        raise UsageError(
            "--per-device is for runs in the queue, and this one starts now.", "Add --queue, or leave it out."
        )
    if target is not None and slurm_options.dry_run:
        _print_script(store, draft, target)
        return
    if target is not None:
        from runs.fleet.run_starting import start_submitted

        run, _ = start_submitted(store, draft, target, output.say)
    elif many.queue:
        from runs.fleet.run_starting import start_queued

        run, _ = start_queued(store, draft, output.say, per_device=many.per_device or 1)
    else:
        run, _ = new_run.start(store, draft, output.say)
    if detach:
        if as_json:
            output.data(store.find(run.id).to_json())
        else:
            sys.stdout.write(run.id + "\n")
            sys.stdout.flush()
            state = "submitted to Slurm" if target else "queued" if many.queue else "running"
            output.say(f"Run {run.id} is {state}.")
            output.say(f"Follow it: nastui runs follow {short_id(run.id)}, or open the dashboard: nastui")
        return
    if not as_json:
        what = f"{run.origin} with recipe {run.preset}" if run.origin else f"{run.method} in space {run.space}"
        output.say(f"Run {run.id}: {what}, data set {run.dataset}, device {run.device}, seed {run.seed}.")
    raise typer.Exit(follow_run(store, run.id, as_json=as_json))


def _print_script(store: RunStore, draft: Draft, target: Target) -> None:
    """Print the script of a run's job.

    Raises:
        NastuiError: the draft is invalid, or the processes cannot be shared out.
    """
    from runs.slurm import submission
    from runs.supervision.checking import configured

    request = target.request([configured(draft, target.device(draft.device))])
    sys.stdout.write(submission.script_of(store.home, request, submission.new_name(), None))


def assigned(words: list[str]) -> dict[str, str]:
    """Return the values of ``--set`` by key.

    Raises:
        UsageError: an argument without a key or an equals sign.
    """
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--set takes KEY=VALUE, got '{word[:80]}'.", "For example: --set epochs=50")
        values[key.strip()] = value.strip()
    return values
