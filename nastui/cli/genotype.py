"""``nastui genotype``: list, show, convert and score genotypes."""

from __future__ import annotations

import dataclasses
import enum
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import completion
from nastui.cli.command_help import Commands
from nastui.cli.genotype_list import list_
from nastui.cli.json_option import Json
from nastui.cli.selection import open_store
from nastui.cli.starting import Assignments

if TYPE_CHECKING:
    from runs.genotypes.costs import Shape
    from runs.store.find_genotype import Found

app = Commands(help="List, show, score and convert genotypes: the cells of networks.", no_args_is_help=True)
app.command("list")(list_)

Genotype = Annotated[
    str,
    typer.Argument(
        help="A library name, a run, a file, a NAS-Bench-201 string, Genotype(...) text, or JSON.",
        autocompletion=completion.genotypes,
    ),
]
Epoch = Annotated[int | None, typer.Option(help="Take a run's genotype after this epoch, not its last.", min=1)]
Measured = Annotated[
    str,
    typer.Option(help="Measure on this device: auto, cpu, cuda or cuda:<number>.", autocompletion=completion.devices),
]


class Stem(enum.StrEnum):
    """The first layers of a network."""

    CIFAR = "cifar"
    IMAGENET = "imagenet"


class Norms(enum.StrEnum):
    """Which operations without weights are followed by batch norm."""

    PLAIN = "plain"
    POOL = "pool"
    AFFINE_POOL = "affine_pool"
    ALL = "all"


class Form(enum.StrEnum):
    """The formats that a genotype can be written in."""

    JSON = "json"
    PYTHON = "python"
    STRING = "string"
    DOT = "dot"
    SVG = "svg"


@app.command()
def show(
    genotype: Genotype,
    epoch: Epoch = None,
    channels: Annotated[
        int | None, typer.Option(help="Count with this many channels in the first cells.", min=1, max=4096)
    ] = None,
    layers: Annotated[
        int | None, typer.Option(help="Count with this many cells (NAS-Bench-201: cells per stage).", min=1, max=100)
    ] = None,
    classes: Annotated[int | None, typer.Option(help="Count with this many classes.", min=1, max=100_000)] = None,
    size: Annotated[int | None, typer.Option(help="Count with images of this side in pixels.", min=1, max=4096)] = None,
    stem: Annotated[
        Stem | None, typer.Option(help="Choose the first layers; the paper's size for them is the default.")
    ] = None,
    norms: Annotated[
        Norms | None, typer.Option(help="Put batch norm after pools and skips. Default: as in the cell's paper.")
    ] = None,
    auxiliary_norm: Annotated[
        bool | None, typer.Option(help="Use the second batch norm in the auxiliary head of the ImageNet stem.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw the cells and count parameters and MACs of the network.

    The network has the size of the cell's paper unless the options say otherwise.
    """
    from nastui.cli import output

    found = _find(genotype, epoch)
    given = {
        "channels": channels,
        "layers": layers,
        "classes": classes,
        "size": size,
        "norms": norms and norms.value,
        "auxiliary_norm": auxiliary_norm,
    }
    shape = _shape(found, stem and stem.value, given)
    if as_json:
        output.data(_data(found, shape))
    else:
        _print(found, shape)


@app.command()
def convert(
    genotype: Genotype,
    to: Annotated[
        Form, typer.Option(help="Choose the format: 'string' is the space's usual text, 'python' a Python literal.")
    ],
    output: Annotated[Path | None, typer.Option(help="Write to this file instead of stdout.")] = None,
    epoch: Epoch = None,
) -> None:
    """Convert a genotype to JSON, text, Graphviz dot or SVG."""
    from runs.catalogue.genotype_text import convert as converted
    from runs.errors import EnvironmentLacksError
    from runs.user_path import user_path

    written = converted(_find(genotype, epoch).genotype, to.value) + "\n"
    if output is None:
        sys.stdout.write(written)
        return
    try:
        user_path(output).write_text(written, encoding="utf-8")
    except OSError as error:
        raise EnvironmentLacksError(f"'{output}' cannot be written: {error.strerror}.", "Name another file.") from error


@app.command()
def score(
    genotype: Genotype,
    dataset: Annotated[
        str,
        typer.Option(
            help="Take images from this data set or image folder; labels are not read.",
            autocompletion=completion.datasets,
        ),
    ],
    epoch: Epoch = None,
    repeats: Annotated[int, typer.Option(help="Draw weights and images this many times.", min=1, max=1000)] = 8,
    seed: Annotated[int, typer.Option(help="Set the seed of the draws.", min=0)] = 0,
    set_: Assignments = None,
    device: Measured = "auto",
    as_json: Json = False,
) -> None:
    """Compute the zero-cost scores of TE-NAS, without training.

    The scores are the condition number of the neural tangent kernel (NTK) and the number of linear regions.
    """
    from nastui.cli import output
    from nastui.cli.starting import assigned
    from runs import catalogue
    from runs.catalogue.proxies import ScoreSettings
    from runs.catalogue.settings import validate
    from runs.home import Home
    from runs.machine import devices
    from runs.store import datasets
    from runs.subprocess_task import run_task

    found, images, home = _find(genotype, epoch), catalogue.dataset(dataset), Home.locate()
    settings = validate(ScoreSettings, {"repeats": repeats, **assigned(set_ or [])}, "--set")
    datasets.see_that_it_is_here(images, home)
    request = {
        "genotype": found.genotype.to_json(),
        "dataset": images.name,
        "root": str(home.datasets),
        "seed": seed,
        "device": devices.resolve(device),
        "settings": settings.model_dump(),
    }
    scores = run_task("engine.tools.score", json.dumps(request))
    result = {"name": found.name, "space": found.genotype.space, **request, **scores}
    if as_json:
        output.data(result)
    else:
        _print_score(result)


def _find(text: str, epoch: int | None) -> Found:
    from runs.store.find_genotype import find

    return find(text, open_store(), epoch=epoch)


def _shape(found: Found, stem: str | None, given: dict[str, Any]) -> Shape:
    from runs.catalogue.costs import standard_shape

    usual = found.published.shape(stem) if found.published else standard_shape(found.genotype.space, stem or "cifar")
    return dataclasses.replace(usual, **{name: value for name, value in given.items() if value is not None})


def _data(found: Found, shape: Shape) -> dict[str, Any]:
    from runs.catalogue.costs import count
    from runs.catalogue.genotype_text import format_text
    from runs.genotypes.costs import COUNTER

    costs = count(found.genotype, shape)
    published = found.published
    return {
        "name": found.name,
        "space": found.genotype.space,
        "genotype": found.genotype.to_json(),
        "string": format_text(found.genotype),
        "parameters": costs.parameters,
        "auxiliary_parameters": costs.auxiliary_parameters,
        "macs": costs.macs,
        "macs_counter": COUNTER,
        "macs_with_norms": costs.macs_with_norms,
        **dataclasses.asdict(shape),
        "connected": _is_connected(found),
        "title": published.title if published else "",
        "method": published.method if published else "",
        "source": published.source if published else "",
        "recipe": found.recipe,
        "figures": [dataclasses.asdict(figure) for figure in published.figures] if published else [],
    }


def _print(found: Found, shape: Shape) -> None:
    from nastui.cli import output
    from runs.catalogue.costs import count
    from runs.catalogue.genotype_text import format_text
    from runs.genotypes.costs import COUNTER, COUNTER_WITH_NORMS
    from screens.widgets.wiring import lines

    costs, published = count(found.genotype, shape), found.published
    for kind, cell in found.genotype.cells.items():
        if len(found.genotype.cells) > 1:
            sys.stdout.write(f"{output.clean(kind)}\n")
        for line in lines(cell, ascii=not output.is_utf8()):
            output.console().print(line)
    norms = costs.macs_with_norms
    output.fields(
        [
            ("name", found.name),
            ("title", published.title if published else ""),
            ("paper", published.source if published else ""),
            ("recipe", found.recipe),
            ("genotype", format_text(found.genotype)),
            ("parameters", f"{costs.parameters:,}"),
            ("auxiliary", f"{costs.auxiliary_parameters:,}" if costs.auxiliary_parameters else ""),
            ("macs", f"{costs.macs:,} ({COUNTER})"),
            ("", f"{norms:,} ({COUNTER_WITH_NORMS})" if norms else ""),
            ("network", str(shape)),
            ("note", "" if _is_connected(found) else "no path leads from the input to the output"),
            *(("printed", figure.in_full()) for figure in (published.figures if published else ())),
        ]
    )


def _print_score(result: dict[str, Any]) -> None:
    from nastui.cli import output

    settings, kappa, regions = result["settings"], result["log10_kappa"], result["regions_spread"]
    share = regions["mean"] / result["samples"]
    norm = settings["ntk_norm"]
    norms = "frozen statistics, centred" if norm == "centred" else f"{norm} statistics"
    output.fields(
        [
            ("name", result["name"]),
            ("data set", result["dataset"]),
            ("kappa", f"{10 ** kappa['mean']:.4g} (log10 {_spread(kappa, '.3f')})" if kappa else "infinite"),
            ("regions", f"{_spread(regions, '.1f')} of {result['samples']:,} samples ({100 * share:.1f} %)"),
            ("draws", f"{len(result['regions'])}, seed {result['seed']}"),
            (
                "kernel",
                f"{settings['ntk']} over outputs, {norms}, {settings['init']} weights",
            ),
            ("batch", f"{result['batch_size']} images"),
            ("infinite", f"kappa is infinite in {result['infinite']} draws" if result["infinite"] and kappa else ""),
            ("note", "the network is dead: its output does not depend on the images" if result["dead"] else ""),
            ("note", "saturated: raise region_samples" if result["saturated"] else ""),
            ("time", f"{result['seconds']:.1f} s"),
        ]
    )


def _spread(values: dict[str, float | None], form: str) -> str:
    return f"{values['mean']:{form}}" + ("" if values["std"] is None else f" ± {values['std']:{form}}")


def _is_connected(found: Found) -> bool:
    return all(cell.is_connected() for cell in found.genotype.cells.values())
