"""``nastui search``: check, create, start, and follow unless told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from runs.errors import UsageError


def search(
    method: Annotated[str, typer.Argument(help="The method: see `nastui methods`.")],
    space: Annotated[str | None, typer.Option(help="The search space; the method's first unless given.")] = None,
    dataset: Annotated[str | None, typer.Option(help="A data set's name, or the path of an image folder.")] = None,
    preset: Annotated[str | None, typer.Option(help="Named settings: `paper` (default), `quick`, ...")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a hyperparameter; repeatable.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A TOML file; options on the line win over it.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed; the preset's unless given.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:<number>.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag; repeatable.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once the engine runs.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Show the progress to the end (the default).")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: events as lines and the result last; with --detach the run.")
    ] = False,
) -> None:
    """Start a search. The engine is a process of its own: it goes on when this command is interrupted."""
    from nastui.cli import output
    from nastui.cli.following import follow_run
    from runs.configuration import draft_from, read_toml
    from runs.home import Home, short_id
    from runs.launcher import start
    from runs.store import RunStore

    if detach and follow:
        raise UsageError("--detach and --follow exclude each other.")
    given: dict[str, Any] = {} if config is None else read_toml(config)
    typed = {"space": space, "dataset": dataset, "preset": preset, "seed": seed, "device": device, "name": name}
    given |= {key: value for key, value in typed.items() if value is not None}
    given["method"] = method
    given["tags"] = (*given.get("tags", ()), *(tag or ()))
    changed = _assignments(set_ or [])
    if "options" in given and not isinstance(given["options"], dict):
        raise UsageError(f"'options' in {config} must be a table.")
    given["options"] = {**given.get("options", {}), **changed}
    given["source"] = "--set" if config is None else f"{config} or --set"

    store = RunStore(Home.locate())
    run, _ = start(store, draft_from(given), output.say)
    if detach:
        record = store.find(run.id)
        if as_json:
            output.data(record.to_json())
        else:
            output.say(f"Run {run.id} is going.")
            output.say(f"Watch it: nastui runs follow {short_id(run.id)}, or open the dashboard: nastui")
        return
    if not as_json:
        output.say(f"Run {run.id}, {run.method} on {run.space} with {run.dataset}, {run.device}, seed {run.seed}.")
    raise typer.Exit(follow_run(store, run.id, as_json=as_json))


def _assignments(words: list[str]) -> dict[str, str]:
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--set takes KEY=VALUE, not '{word[:80]}'.")
        values[key.strip()] = value.strip()
    return values
