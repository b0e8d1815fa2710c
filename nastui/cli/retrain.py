"""``nastui retrain``: train the network of a genotype by its paper's recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nastui.cli import completion
from nastui.cli.selection import open_store
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


def retrain(
    genotype: Annotated[
        str,
        typer.Argument(
            help="A library name, a run, a file, a NAS-Bench-201 string, Genotype(...) text or JSON.",
            autocompletion=completion.genotypes,
        ),
    ],
    epoch: Annotated[
        int | None,
        typer.Option(help="Take a run's genotype after this epoch, not its last.", min=1, rich_help_panel=RUN),
    ] = None,
    dataset: Dataset = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Choose a recipe: see `nastui presets`. Default: that of the cell's paper for the data.",
            autocompletion=completion.presets,
            rich_help_panel=RUN,
        ),
    ] = None,
    set_: Assignments = None,
    gpus: Gpus = None,
    weights: Annotated[
        Path | None, typer.Option(help="Start from the weights in this file.", rich_help_panel=RUN)
    ] = None,
    evaluate: Annotated[
        bool,
        typer.Option("--evaluate", help="Test the weights of --weights, without training.", rich_help_panel=RUN),
    ] = False,
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
    """Train the network of a genotype from scratch and test it.

    The default is the recipe of the genotype's paper for the data set, which is that of its search, unless --dataset
    names another. Every epoch ends with the accuracy on the whole test set.
    The engine is a process of its own: the run continues when this command is interrupted or the terminal closes.
    """
    from nastui.cli.on_slurm import SlurmOptions
    from nastui.cli.starting import Many, begin, gathered
    from runs.errors import UsageError
    from runs.store.find_genotype import find
    from runs.store.retraining import asked
    from runs.user_path import user_path

    if evaluate and weights is None:
        raise UsageError("--evaluate needs --weights.", "Name a .safetensors or .pt file: --weights FILE.")
    found = find(genotype, open_store(), epoch=epoch)
    typed = {"dataset": dataset, "preset": preset, "seed": seed, "device": device, "name": name}
    given = gathered(config, typed | {"stop_when": stop_when}, tag, set_, sweep)
    if gpus is not None:
        given["options"]["gpus"] = gpus
    if evaluate:
        given["options"]["evaluate_only"] = True
    given |= asked(found, epoch) | {"weights": weights and user_path(weights)}
    many, slurm_options = Many(seeds, grid, sweep, queue, per_device, yes), SlurmOptions(slurm, nodes, dry_run)
    begin(given, many, slurm_options, detach=detach, follow=follow, as_json=as_json)
