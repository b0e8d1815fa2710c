"""The typer application, and the one place where an error becomes an exit code."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import nastui
from nastui.cli import common_options, old_names, standard_streams
from nastui.cli.command_help import Commands, Group
from runs.errors import NastuiError, UsageError
from runs.user_path import user_path

if TYPE_CHECKING:
    from runs.home import Home

# Name, module of nastui.cli, what it has of that command, panel, first line of the help. A command is loaded when it is
# used. Keep in step with the docstrings: tests/house/test_command_help.py
_TREE = (
    ("search", "search", "search", "Start", "Start a search and follow it to its end."),
    ("retrain", "retrain", "retrain", "Start", "Train the network of a genotype from scratch and test it."),
    ("import", "imports", "import_", "Start", "Import results of a public repository as a run."),
    ("status", "status", "status", "Follow and control", "Show what runs and waits now, and on which device."),
    ("runs", "runs.commands", "app", "Follow and control", "List, follow, stop, resume, compare and remove runs."),
    ("sweep", "sweep", "app", "Follow and control", "List, follow, stop, resume, extend, remove and restore sweeps."),
    ("queue", "queue", "app", "Follow and control", "List and arrange the runs that wait for a device."),
    ("methods", "catalogue", "methods", "Look up", "List the search methods, or one with its hyperparameters."),
    ("spaces", "catalogue", "spaces", "Look up", "List the search spaces, or one with its edges and operations."),
    ("presets", "catalogue", "presets", "Look up", "List the presets, or those of one name with their values."),
    ("dataset", "dataset", "app", "Look up", "List, check and download data sets."),
    ("genotype", "genotype", "app", "Look up", "List, show, score and convert genotypes: the cells of networks."),
    ("benchmark", "benchmark", "app", "Look up", "Import benchmark tables and look up genotypes in them."),
    ("config", "config", "config", "This machine", "Show the settings in force, and where each comes from."),
    ("doctor", "doctor", "doctor", "This machine", "Check versions, GPUs, terminal, store, Slurm and data sets."),
    ("profile", "profile", "profile", "This machine", "Measure throughput and memory of presets on this device."),
    ("keys", "keys", "keys", "This machine", "List the dashboard's keys."),
    ("notify", "notify", "app", "This machine", "Send messages when runs finish, fail, are lost or stall."),
    ("serve", "serve", "serve", "This machine", "Show the dashboard in a browser."),
)


class _Loaded(MutableMapping[str, Any]):
    """The commands by name; each is imported and built when it is first asked for."""

    def __init__(self) -> None:
        self._tree = {entry[0]: entry for entry in _TREE}
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            _, module, attribute, _, _ = self._tree[name]
            found = getattr(importlib.import_module(f"nastui.cli.{module}"), attribute)
            if not isinstance(found, typer.Typer):
                function, found = found, Commands()
                found.command(name)(function)
            self._built[name] = typer.main.get_command(found)
            self._built[name].name = name
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._tree[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tree)

    def __len__(self) -> int:
        return len(self._tree)


class _Nastui(Group):
    """``nastui`` itself, whose help loads no command."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": None})
        self.commands = _Loaded()

    def summaries(self, ctx: Any) -> Iterable[tuple[str, str, str]]:
        """Return the name, the panel and the first line of the help of each command."""
        return ((name, panel, help_) for name, _, _, panel, help_ in _TREE)


app = Commands(
    cls=_Nastui,
    name="nastui",
    epilog="Exit codes: 0 success, 1 the run failed, 2 wrong usage, 3 not found, 4 busy, 5 missing data set, device or "
    "package, 130 interrupted. Runs are stored in $NASTUI_HOME, or in the folder given by --home.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    add_completion=True,
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"nastui {nastui.__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def dashboard(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Store runs in this folder instead of $NASTUI_HOME. *")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only results and errors. *")] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print every event of a run that is followed, and causes of errors. *"),
    ] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
    readonly: Annotated[
        bool, typer.Option("--readonly", help="Disable every action that starts, stops or changes a run.")
    ] = False,
    slow_line: Annotated[
        bool, typer.Option("--slow-line", help="Send less over a slow connection: fewer redraws, 16 colours.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Run, watch and retrain neural architecture searches. Without a command, open the dashboard.

    Options marked * may stand anywhere on the line.
    """
    if context.invoked_subcommand is None:
        from runs.home import Home

        raise typer.Exit(_dashboard(Home.locate(), ascii_only, readonly, slow_line))


def _dashboard(home: Home, ascii_only: bool, readonly: bool, slow_line: bool) -> int:
    """Open the dashboard; options of the command line override ``config.toml``."""
    from nastui import settings

    chosen, complaints = settings.read(home.configuration)
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
            kept = _take_common(arguments)
            current, note = old_names.renewed(kept)
            sys.argv[1:] = _complete_slurm(current)
            if note:
                from nastui.cli import output

                output.say(note)
            code = app(standalone_mode=False)
        finally:
            sys.stdout.flush()
    except NastuiError as error:
        _report(error, as_json="--json" in arguments)
        sys.exit(error.exit_code)
    except typer.TyperException as error:  # what typer has to say of the line
        from nastui.cli import suggestions

        if suggestions.is_help(error):
            sys.stderr.write(error.format_message() + "\n")
        else:
            _report(suggestions.explained(error, sys.argv[1:]), as_json="--json" in arguments)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.stderr.write("Aborted!\n")
        sys.exit(1)
    except BrokenPipeError:
        standard_streams.abandon_stdout()  # the reader of the pipe has exited, as `head` does
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _take_common(arguments: list[str]) -> list[str]:
    """Take out the options that may stand anywhere: --home goes to the environment, which engines inherit."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--home" or word.startswith("--home="):
            folder = word.partition("=")[2] or next(words, "")
            if not folder:
                raise UsageError("--home needs a folder.", "For example: --home ~/nas-runs")
            os.environ["NASTUI_HOME"] = str(user_path(folder))
            common_options.home_given = True
        elif word in ("-q", "--quiet"):
            common_options.quiet = True
        elif word in ("-v", "--verbose"):
            common_options.verbose = True
        elif word == "--":
            return [*kept, word, *words]
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
        output.warn(f"nastui: {error}")
    if common_options.verbose and error.__cause__ is not None:
        import traceback

        traceback.print_exception(error.__cause__)
