"""``nastui import``: results of the public repositories as runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nastui.cli.json_option import Json
from nastui.cli.selection import open_store
from runs.imports.formats import NAMES


def import_(
    file: Annotated[
        Path, typer.Argument(help="A log, what a script has printed, alphas (.pt, .npy) or weights (.pt, .pth).")
    ],
    repository: Annotated[
        str, typer.Option("--as", metavar="|".join(NAMES), help="Name the repository that wrote the file.")
    ],
    name: Annotated[str, typer.Option(help="Name the run.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="Tag the run; may be repeated.")] = None,
    dataset: Annotated[str, typer.Option(help="Name the data set, or the path of an image folder.")] = "",
    genotype: Annotated[str, typer.Option(help="Name the cell of weights, if no cell of the library fits them.")] = "",
    as_json: Json = False,
) -> None:
    """Import results of a public repository as a run.

    The run has the epochs, metrics, architecture weights and genotypes of the file. It can be shown, compared and
    exported, and its cell can be retrained. Nothing in the file is executed.
    """
    from nastui.cli import output
    from runs.home import short_id
    from runs.imports.formats.registry import format_named
    from runs.imports.importing import import_file
    from runs.store.labels import Labels
    from runs.user_path import user_path

    labels, store = Labels(name, list(tag or ())), open_store()
    imported = import_file(
        user_path(file), format_named(repository), store, labels=labels, dataset=dataset, genotype=genotype
    )
    findings = imported.findings
    for remark in findings.remarks:
        output.warn(remark)
    if as_json:
        output.data(store.find(imported.config.id).to_json() | {"remarks": findings.remarks})
        return
    weighed = sum(bool(epoch.weights) for epoch in findings.epochs)
    has_network = imported.paths.network.exists()
    facts = [
        f"{len(findings.epochs):,} epoch{'s' * (len(findings.epochs) != 1)}" if not has_network else "",
        f"{weighed:,} of them with weights" if weighed else "",
        f"a network of {imported.parameters:,} parameters" if has_network and imported.parameters else "",
        "and a genotype" if findings.genotype else "and no genotype",
    ]
    short = short_id(imported.config.id)
    output.say(f"Imported '{file.name}' as run {short}: {', '.join(filter(None, facts))}.")
    train = f"; to train its cell: nastui retrain {short}" if findings.genotype else ""
    output.say(f"To see it: nastui runs show {short}{train}")
    if has_network:
        output.say(f"To test its weights: {imported.test_command()}")
