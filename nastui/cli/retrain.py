"""``nastui retrain``: train the network of a genotype by the recipe of its paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nastui.cli.starting import Assignments, Config, Dataset, Detach, Device, Follow, Json, Name, Seed, Tags


def retrain(
    genotype: Annotated[
        str, typer.Argument(help="A library name, a run, a file, a NAS-Bench-201 string or Genotype(...) text.")
    ],
    epoch: Annotated[int | None, typer.Option(help="Of a run: the genotype after this epoch.", min=1)] = None,
    dataset: Dataset = None,
    preset: Annotated[
        str | None, typer.Option(help="A recipe: see `nastui presets`; that of the genotype's paper unless given.")
    ] = None,
    set_: Assignments = None,
    gpus: Annotated[int | None, typer.Option(help="GPUs that share each batch; processes on a CPU.", min=1)] = None,
    weights: Annotated[Path | None, typer.Option(help="Begin with the weights of this file.")] = None,
    evaluate: Annotated[bool, typer.Option("--evaluate", help="Only test the weights of --weights.")] = False,
    config: Config = None,
    seed: Seed = None,
    device: Device = None,
    name: Name = None,
    tag: Tags = None,
    detach: Detach = False,
    follow: Follow = False,
    as_json: Json = False,
) -> None:
    """Train a discrete network, afresh and by a paper's recipe; test it after every epoch on the whole test set."""
    from nastui.cli.starting import begin, gathered
    from runs.errors import UsageError
    from runs.home import Home
    from runs.store.find_genotype import find
    from runs.store.retraining import asked
    from runs.store.run_store import RunStore

    if evaluate and weights is None:
        raise UsageError("--evaluate needs --weights.", "Name a .safetensors or .pt file.")
    found = find(genotype, RunStore(Home.locate()), epoch=epoch)
    typed = {"dataset": dataset, "preset": preset, "seed": seed, "device": device, "name": name}
    given = gathered(config, typed, tag, set_)
    if gpus is not None:
        given["options"]["gpus"] = gpus
    if evaluate:
        given["options"]["evaluate_only"] = True
    given |= asked(found, epoch) | {"weights": weights and weights.expanduser().absolute()}
    begin(given, detach=detach, follow=follow, as_json=as_json)
