"""``nastui dataset``: list, check and download data sets."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nastui.cli import completion
from nastui.cli.command_help import Commands
from nastui.cli.json_option import Json

if TYPE_CHECKING:
    from runs.catalogue import Dataset
    from runs.home import Home

app = Commands(help="List, check and download data sets.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(
        metavar="DATASET",
        help="A data set of the catalogue, or the path of an image folder.",
        autocompletion=completion.datasets,
    ),
]


@app.command("list")
def list_(
    name: Annotated[
        str | None,
        typer.Argument(metavar="DATASET", help="Show only this one.", autocompletion=completion.datasets),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the data sets, whether they are on this machine, and where to get them.

    DATASET may be the path of an image folder: its images are counted, and what is left out is named.
    """
    from nastui.cli import output
    from runs import catalogue
    from runs.home import Home

    home = Home.locate()
    chosen = [_counted(catalogue.dataset(name))] if name else list(catalogue.datasets().values())
    if not as_json:
        _print(chosen, home)
        return
    content = [_described(entry, home) for entry in chosen]
    output.data(content[0] if name else content)


@app.command()
def check(name: Name, as_json: Json = False) -> None:
    """Check that a data set is complete: open all its images.

    Of ImageNet, which is streamed from its files, only the files are listed. The exit code is 5 if something is missing
    or broken.
    """
    from nastui.cli import output
    from runs import catalogue
    from runs.home import Home
    from runs.store.datasets import verify

    home = Home.locate()
    chosen = _counted(catalogue.dataset(name))
    remarks = verify(chosen, home)
    if as_json:
        output.data(_described(chosen, home) | {"remarks": remarks})
        return
    for remark in remarks:
        output.warn(remark)
    output.say(f"{chosen.title} is complete.")


@app.command()
def fetch(name: Name, as_json: Json = False) -> None:
    """Download a data set into the store, or say where to get it.

    CIFAR-10, CIFAR-100 and SVHN can be downloaded. The exit code is 5 without a network.
    """
    from nastui.cli import output
    from runs import catalogue
    from runs.home import Home
    from runs.store.datasets import download, is_here

    home, chosen = Home.locate(), catalogue.dataset(name)
    if chosen.requires or not is_here(chosen, home):
        download(chosen, home)
    if as_json:
        output.data(_described(chosen, home))
    else:
        _print([chosen], home)


def _counted(entry: Dataset) -> Dataset:
    """Return a data set with the number of its images; of a folder, they are counted."""
    from nastui.cli import output
    from runs.catalogue.image_files import image_files

    if entry.folder is None:
        return entry
    train, test = image_files(entry.folder, "train"), image_files(entry.folder, "test")
    for remark in (*train.remarks, *test.remarks):
        output.warn(remark)
    return dataclasses.replace(entry, train=len(train), test=len(test))


def _print(entries: list[Dataset], home: Home) -> None:
    from nastui.cli import output
    from runs.store.datasets import is_here

    output.table(
        ["data set", "classes", "images", "size", "here", "what it is"],
        (
            [
                *(entry.name, entry.classes, output.number(entry.train), entry.size or "-"),
                "yes" if is_here(entry, home) else entry.obtain,
                entry.summary,
            ]
            for entry in entries
        ),
    )


def _described(entry: Dataset, home: Home) -> dict[str, Any]:
    from runs.store.datasets import is_here

    names = ("name", "title", "summary", "classes", "size", "train", "test", "mean", "std", "obtain")
    return {key: getattr(entry, key) for key in names} | {"here": is_here(entry, home)}
