"""What `search` and `retrain` share: the options of a run, and starting it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from runs.errors import UsageError

Dataset = Annotated[str | None, typer.Option(help="A data set's name, or the path of an image folder.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a hyperparameter; repeatable.")
]
Config = Annotated[Path | None, typer.Option(help="A TOML file; options on the line win over it.")]
Seed = Annotated[int | None, typer.Option(help="The seed; the preset's unless given.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:<number>.")]
Name = Annotated[str | None, typer.Option(help="A name for people.")]
Tags = Annotated[list[str] | None, typer.Option(help="A tag; repeatable.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return once the engine runs.")]
Follow = Annotated[bool, typer.Option("--follow", help="Show the progress to the end (the default).")]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON: events as lines and the result last; with --detach the run.")
]


def gathered(
    config: Path | None, typed: dict[str, Any], tags: list[str] | None, assignments: list[str] | None
) -> dict[str, Any]:
    """Return the values of a draft: those of the file, under those typed.

    Raises:
        UsageError: the file or an assignment is wrong.
    """
    from runs.configuration import read_toml

    given: dict[str, Any] = {} if config is None else read_toml(config)
    given |= {key: value for key, value in typed.items() if value is not None}
    given["tags"] = (*given.get("tags", ()), *(tags or ()))
    if "options" in given and not isinstance(given["options"], dict):
        raise UsageError(f"'options' in {config} must be a table.")
    given["options"] = {**given.get("options", {}), **assigned(assignments or [])}
    given["source"] = "--set" if config is None else f"{config} or --set"
    return given


def begin(given: dict[str, Any], *, detach: bool, follow: bool, as_json: bool) -> None:
    """Start the run of a draft; follow it to its end and exit as it did, unless it is to be left alone.

    Raises:
        NastuiError: a wrong draft, or an engine that did not start.
    """
    from nastui.cli import output
    from nastui.cli.following import follow_run
    from runs.configuration import draft_from
    from runs.home import Home, short_id
    from runs.store.run_store import RunStore
    from runs.supervision.launcher import start

    if detach and follow:
        raise UsageError("--detach and --follow exclude each other.")
    store = RunStore(Home.locate())
    run, _ = start(store, draft_from(given), output.say)
    if detach:
        if as_json:
            output.data(store.find(run.id).to_json())
        else:
            output.say(f"Run {run.id} is going.")
            output.say(f"Watch it: nastui runs follow {short_id(run.id)}, or open the dashboard: nastui")
        return
    if not as_json:
        what = f"{run.origin} by {run.preset}" if run.origin else f"{run.method} on {run.space}"
        output.say(f"Run {run.id}, {what} with {run.dataset}, {run.device}, seed {run.seed}.")
    raise typer.Exit(follow_run(store, run.id, as_json=as_json))


def assigned(words: list[str]) -> dict[str, str]:
    """Return the values of ``--set`` by name.

    Raises:
        UsageError: a word without a key or an equals sign.
    """
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--set takes KEY=VALUE, not '{word[:80]}'.")
        values[key.strip()] = value.strip()
    return values
