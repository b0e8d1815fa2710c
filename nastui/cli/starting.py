"""Options that `search` and `retrain` share, and starting a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from runs.errors import UsageError

Dataset = Annotated[
    str | None, typer.Option(help="Choose a data set (see `nastui datasets`), or give the path of an image folder.")
]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a hyperparameter. Repeatable.")
]
Config = Annotated[Path | None, typer.Option(help="Read settings from a TOML file; command-line options override it.")]
Seed = Annotated[int | None, typer.Option(help="Set the seed. Default: the preset's seed.")]
Device = Annotated[str | None, typer.Option(help="Run on this device: auto, cpu, cuda or cuda:<number>.")]
Gpus = Annotated[
    int | None, typer.Option(help="Split each batch over this many GPUs (on the CPU: over processes).", min=1)
]
Name = Annotated[str | None, typer.Option(help="Name the run.")]
Tags = Annotated[list[str] | None, typer.Option(help="Tag the run. Repeatable.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return as soon as the engine runs, and print the run's id.")]
Follow = Annotated[bool, typer.Option("--follow", help="Show the progress to the end (default).")]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON: one event per line, then the result; with --detach only the run.")
]


def gathered(
    config: Path | None, typed: dict[str, Any], tags: list[str] | None, assignments: list[str] | None
) -> dict[str, Any]:
    """Return the values of a draft: those of the file, overridden by those of the command line.

    Raises:
        UsageError: the file or an assignment is invalid.
    """
    from runs.configuration import read_toml

    given: dict[str, Any] = {} if config is None else read_toml(config)
    given |= {key: value for key, value in typed.items() if value is not None}
    if not isinstance(given.get("tags", []), list):
        raise UsageError(f"'tags' in '{config}' must be a list.", 'For example: tags = ["first", "trial"]')
    given["tags"] = (*given.get("tags", ()), *(tags or ()))
    if "options" in given and not isinstance(given["options"], dict):
        raise UsageError(f"'options' in '{config}' must be a table.", "Write it as [options], with one key per line.")
    given["options"] = {**given.get("options", {}), **assigned(assignments or [])}
    given["source"] = "--set" if config is None else f"{config} or --set"
    return given


def begin(given: dict[str, Any], *, detach: bool, follow: bool, as_json: bool) -> None:
    """Start the run of a draft; unless detached, follow it to its end and exit with its exit code.

    Raises:
        NastuiError: the draft is invalid, or the engine did not start.
    """
    from nastui.cli import output
    from nastui.cli.following import follow_run
    from runs.configuration import draft_from
    from runs.home import Home, short_id
    from runs.store.run_store import RunStore
    from runs.supervision.launcher import start

    if detach and follow:
        raise UsageError("--detach and --follow cannot be used together.", "Leave one out.")
    store = RunStore(Home.locate())
    run, _ = start(store, draft_from(given), output.say)
    if detach:
        if as_json:
            output.data(store.find(run.id).to_json())
        else:
            sys.stdout.write(run.id + "\n")
            sys.stdout.flush()
            output.say(f"Run {run.id} is running.")
            output.say(f"Follow it: nastui runs follow {short_id(run.id)}, or open the dashboard: nastui")
        return
    if not as_json:
        what = f"{run.origin} with recipe {run.preset}" if run.origin else f"{run.method} in space {run.space}"
        output.say(f"Run {run.id}: {what}, data set {run.dataset}, device {run.device}, seed {run.seed}.")
    raise typer.Exit(follow_run(store, run.id, as_json=as_json))


def assigned(words: list[str]) -> dict[str, str]:
    """Return the values of ``--set`` by key.

    Raises:
        UsageError: an argument without a key or an equals sign.
    """
    values = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--set takes KEY=VALUE, got '{word[:80]}'.", "For example: --set epochs=50")
        values[key.strip()] = value.strip()
    return values
