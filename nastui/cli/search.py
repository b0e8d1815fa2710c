"""``nastui search``: check the settings, create the run, start its engine and follow it."""

from __future__ import annotations

from typing import Annotated

import typer

from nastui.cli import completion
from nastui.cli.starting import (
    RUN,
    Assignments,
    Config,
    Dataset,
    Detach,
    Device,
    DryRun,
    Follow,
    Gpus,
    GridOption,
    Json,
    Name,
    Nodes,
    PerDevice,
    Queued,
    Seed,
    Seeds,
    Slurm,
    StopWhen,
    SweepFile,
    Tags,
    Yes,
)


def search(
    method: Annotated[
        str, typer.Argument(help="The search method: see `nastui methods`.", autocompletion=completion.methods)
    ],
    space: Annotated[
        str | None,
        typer.Option(
            help="Choose the search space: see `nastui spaces`. Default: the method's first.",
            autocompletion=completion.spaces,
            rich_help_panel=RUN,
        ),
    ] = None,
    dataset: Dataset = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Choose named settings: `paper` (default), `quick` and others; see `nastui presets`.",
            autocompletion=completion.presets,
            rich_help_panel=RUN,
        ),
    ] = None,
    set_: Assignments = None,
    gpus: Gpus = None,
    config: Config = None,
    seed: Seed = None,
    device: Device = None,
    seeds: Seeds = None,
    grid: GridOption = None,
    sweep: SweepFile = None,
    queue: Queued = False,
    per_device: PerDevice = None,
    stop_when: StopWhen = None,
    slurm: Slurm = None,
    nodes: Nodes = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    name: Name = None,
    tag: Tags = None,
    detach: Detach = False,
    follow: Follow = False,
    as_json: Json = False,
) -> None:
    """Start a search and follow it to its end.

    The engine is a process of its own: the run continues when this command is interrupted or the terminal closes.
    """
    from nastui.cli.on_slurm import SlurmOptions
    from nastui.cli.starting import Many, begin, gathered

    typed = {"space": space, "dataset": dataset, "preset": preset, "seed": seed, "device": device, "name": name}
    given = gathered(config, typed | {"method": method, "stop_when": stop_when}, tag, set_, sweep)
    if gpus is not None:
        given["options"]["gpus"] = gpus
    many, slurm_options = Many(seeds, grid, sweep, queue, per_device, yes), SlurmOptions(slurm, nodes, dry_run)
    begin(given, many, slurm_options, detach=detach, follow=follow, as_json=as_json)
