"""``nastui search``: check, create, start, and follow unless told otherwise."""

from __future__ import annotations

from typing import Annotated

import typer

from nastui.cli.starting import Assignments, Config, Dataset, Detach, Device, Follow, Json, Name, Seed, Tags


def search(
    method: Annotated[str, typer.Argument(help="The method: see `nastui methods`.")],
    space: Annotated[str | None, typer.Option(help="The search space; the method's first unless given.")] = None,
    dataset: Dataset = None,
    preset: Annotated[str | None, typer.Option(help="Named settings: `paper` (default), `quick`, ...")] = None,
    set_: Assignments = None,
    config: Config = None,
    seed: Seed = None,
    device: Device = None,
    name: Name = None,
    tag: Tags = None,
    detach: Detach = False,
    follow: Follow = False,
    as_json: Json = False,
) -> None:
    """Start a search. The engine is a process of its own: it goes on when this command is interrupted."""
    from nastui.cli.starting import begin, gathered

    typed = {"space": space, "dataset": dataset, "preset": preset, "seed": seed, "device": device, "name": name}
    given = gathered(config, typed | {"method": method}, tag, set_)
    begin(given, detach=detach, follow=follow, as_json=as_json)
