"""``nastui genotype``: look at an architecture."""

from __future__ import annotations

import dataclasses
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
    channels: Annotated[int | None, typer.Option(help="Channels of the first stage.", min=1, max=4096)] = None,
    layers: Annotated[int | None, typer.Option(help="Cells; of each stage in NAS-Bench-201.", min=1, max=100)] = None,
    classes: Annotated[int, typer.Option(help="Classes of the data set.", min=1, max=100_000)] = 10,
    size: Annotated[int, typer.Option(help="Side of the images in pixels.", min=1, max=4096)] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Draw the cells; count parameters and multiply-accumulates of the network, at the papers' size unless told."""
    from nastui.cli import output
    from runs.genotypes.costs import COUNTER, count, standard_shape
    from runs.genotypes.text import format_text

    name, found = _find(genotype)
    usual = standard_shape(found.space)
    shape = dataclasses.replace(
        usual, channels=channels or usual.channels, layers=layers or usual.layers, classes=classes, size=size
    )
    costs, connected = count(found, shape), all(cell.is_connected() for cell in found.cells.values())
    if as_json:
        output.data(
            {
                "name": name,
                "space": found.space,
                "genotype": found.to_json(),
                "string": format_text(found),
                **dataclasses.asdict(costs),
                "macs_counter": COUNTER,
                **dataclasses.asdict(shape),
                "connected": connected,
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
            ("genotype", format_text(found)),
            ("parameters", f"{costs.parameters:,}"),
            ("auxiliary", f"{costs.auxiliary_parameters:,}" if costs.auxiliary_parameters else ""),
            ("macs", f"{costs.macs:,} ({COUNTER})"),
            ("network", str(shape)),
            ("note", "" if connected else "no path leads from the input to the output"),
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
