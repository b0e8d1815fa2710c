"""The typer application, and the one place where an error becomes an exit code."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import nastui
from nastui.cli import (
    bench,
    benchmark,
    catalogue,
    doctor,
    genotype,
    genotypes,
    imports,
    keys,
    notify,
    queue,
    retrain,
    runs,
    search,
    serve,
    standard_streams,
    sweep,
)
from runs.errors import NastuiError, UsageError
from runs.user_path import user_path

if TYPE_CHECKING:
    from runs.home import Home

app = typer.Typer(
    name="nastui",
    help="Run, watch and retrain neural architecture searches. Without a command, open the dashboard.",
    epilog="Exit codes: 0 success, 1 the run failed, 2 wrong usage, 3 not found, 4 busy, 5 missing data set, device or "
    "package, 130 interrupted. Runs are stored in $NASTUI_HOME, or in the folder given by --home.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("search")(search.search)
app.command("retrain")(retrain.retrain)
app.command("import")(imports.import_)
app.add_typer(runs.app, name="runs")
app.add_typer(sweep.app, name="sweep")
app.add_typer(queue.app, name="queue")
for command in (catalogue.methods, catalogue.spaces, catalogue.datasets, catalogue.presets):
    app.command(command.__name__)(command)
app.command("genotypes")(genotypes.genotypes)
app.add_typer(genotype.app, name="genotype")
app.command("keys")(keys.keys)
app.command("serve")(serve.serve)
app.add_typer(notify.app, name="notify")
app.command("doctor")(doctor.doctor)
app.command("bench")(bench.bench)
app.add_typer(benchmark.app, name="benchmark")


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"nastui {nastui.__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def dashboard(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="Store runs in this folder instead of $NASTUI_HOME.")] = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
    readonly: Annotated[
        bool, typer.Option("--readonly", help="Disable every action that starts, stops or changes a run.")
    ] = False,
    slow_line: Annotated[
        bool, typer.Option("--slow-line", help="Send less over a slow connection: fewer redraws, 16 colours.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Run, watch and retrain neural architecture searches. Without a command, open the dashboard."""
    if context.invoked_subcommand is None:
        from runs.home import Home

        raise typer.Exit(_dashboard(Home.locate(), ascii_only, readonly, slow_line))


def _dashboard(home: Home, ascii_only: bool, readonly: bool, slow_line: bool) -> int:
    """Open the dashboard; options of the command line override ``config.toml``."""
    from nastui import settings

    chosen, complaints = settings.read(settings.path(home))
    chosen = dataclasses.replace(
        chosen,
        glyphs="ascii" if ascii_only else chosen.glyphs,
        readonly=readonly or chosen.readonly,
        slow_line=slow_line or chosen.slow_line,
    )
    if chosen.slow_line:
        os.environ.setdefault("TEXTUAL_FPS", "10")  # Textual reads it while it is imported
    from nastui.app import run_dashboard

    return run_dashboard(home, settings=chosen, complaints=complaints)


def main() -> None:
    """Run the command line and exit with the code of the outcome; the epilog of ``--help`` lists the codes."""
    arguments = sys.argv[1:]
    standard_streams.prepare()
    try:
        try:
            sys.argv[1:] = _complete_slurm(_take_home(arguments))
            app()
        finally:
            sys.stdout.flush()
    except NastuiError as error:
        _report(error, as_json="--json" in arguments)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        standard_streams.abandon_stdout()  # the reader of the pipe has exited, as `head` does
        sys.exit(1)


def _take_home(arguments: list[str]) -> list[str]:
    """Accept --home anywhere on the command line: move it into the environment, which engines inherit."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--home" or word.startswith("--home="):
            folder = word.partition("=")[2] or next(words, "")
            if not folder:
                raise UsageError("--home needs a folder.", "For example: --home ~/nas-runs")
            os.environ["NASTUI_HOME"] = str(user_path(folder))
        else:
            kept.append(word)
    return kept


def _complete_slurm(arguments: list[str]) -> list[str]:
    """Accept --slurm without a profile: typer knows no options whose value may be left out."""
    followers = [*arguments[1:], "-"]
    return [
        "--slurm=" if word == "--slurm" and following.startswith("-") else word
        for word, following in zip(arguments, followers, strict=False)
    ]


def _report(error: NastuiError, as_json: bool) -> None:
    from nastui.cli import output

    if as_json:
        content = {"error": error.message, "hint": error.hint, "exit": error.exit_code}
        sys.stderr.write(output.encoded(content) + "\n")
    else:
        output.say(f"nastui: {error}")
