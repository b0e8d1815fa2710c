"""``nastui genotype``: look at an architecture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runs.errors import UsageError

if TYPE_CHECKING:
    from runs.genotypes.genotype import Genotype

app = typer.Typer(help="Look at architectures.", no_args_is_help=True)


@app.command()
def show(
    genotype: Annotated[str, typer.Argument(help="A NAS-Bench-201 string, a genotype file, or a run.")],
    channels: Annotated[int, typer.Option(help="Channels of the first stage.", min=1, max=4096)] = 16,
    layers: Annotated[int, typer.Option(help="Cells in each of the three stages.", min=1, max=100)] = 5,
    classes: Annotated[int, typer.Option(help="Classes of the data set.", min=1, max=100_000)] = 10,
    size: Annotated[int, typer.Option(help="Side of the images in pixels.", min=1, max=4096)] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Draw the cell; count parameters and multiply-accumulates of its network."""
    from nastui.cli import output
    from runs.catalogue.spaces.nasbench201 import SPACE
    from runs.genotypes import nasbench201
    from runs.genotypes.text import format_text

    name, found = _find(genotype)
    if found.space != SPACE.name:
        raise UsageError(f"A genotype of the space '{found.space}' cannot be counted yet.")
    shape = {"channels": channels, "cells": layers, "classes": classes}
    parameters = nasbench201.parameters(found, **shape)
    macs = nasbench201.macs(found, size=size, **shape)
    text = format_text(found)
    if as_json:
        output.data(
            {
                "name": name,
                "space": found.space,
                "genotype": found.to_json(),
                "string": text,
                "parameters": parameters,
                "auxiliary_parameters": 0,
                "macs": macs,
                "macs_counter": "convolutions and linear layers",
                "channels": channels,
                "layers": layers,
                "classes": classes,
                "stem": "cifar",
                "size": size,
                "connected": nasbench201.is_connected(found),
            }
        )
        return
    from screens.widgets.wiring import lines

    for cell in found.cells.values():
        for line in lines(cell, ascii=not output.is_utf8()):
            output.console().print(line)
    output.fields(
        [
            ("name", name),
            ("genotype", text),
            ("parameters", f"{parameters:,}"),
            ("macs", f"{macs:,} (convolutions and linear layers)"),
            ("network", f"{channels} channels, {layers} cells a stage, {classes} classes, {size} x {size} pixels"),
            ("note", "" if nasbench201.is_connected(found) else "no path leads from the input to the output"),
        ]
    )


def _find(text: str) -> tuple[str, Genotype]:
    from runs.genotypes import text as texts
    from runs.genotypes.genotype import Genotype
    from runs.home import Home
    from runs.store import RunStore

    if text.lstrip().startswith(("|", "{")):
        return "", texts.parse_text(text)
    path = Path(text).expanduser()
    if path.is_file():
        return path.name, texts.read(path)
    record = RunStore(Home.locate()).find(text)
    if record.summary.genotype is None:
        raise UsageError(f"Run '{record.id}' has no genotype yet.", "It has one after its first epoch.")
    return record.id, Genotype.from_json(record.summary.genotype)
