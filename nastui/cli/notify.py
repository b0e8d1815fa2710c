"""``nastui notify``: messages about runs."""

from __future__ import annotations

import sys

import typer

from nastui.cli.command_help import Commands
from nastui.cli.json_option import Json
from runs.errors import UsageError

app = Commands(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Send messages when runs finish, fail, are lost or stall.

    A search that raises an alarm sends one, too. The table [notify] of config.toml says which messages are sent, and
    how: see docs/notifications.md.
    """


@app.command()
def test(as_json: Json = False) -> None:
    """Send a test message by every configured channel, and report each.

    The exit code is 1 if a channel did not accept it.
    """
    from nastui.cli import output
    from runs.home import Home
    from runs.notify import settings, telling

    home = Home.locate()
    chosen = settings.read(home)
    if not chosen.tells:
        raise UsageError(
            f"'{home.configuration}' configures no messages.",
            'Add a table [notify] to it, for example with webhook = "https://..." or desktop = true.',
        )
    results = telling.send_test(home)
    if chosen.desktop:
        results["desktop"] = _ring()
    if as_json:
        output.data({"channels": [{"name": name, "problem": problem} for name, problem in results.items()]})
    else:
        for name, problem in results.items():
            sys.stdout.write(output.clean(f"{name}: {problem or 'accepted'}") + "\n")
    if any(results.values()):
        raise typer.Exit(1)


def _ring() -> str:
    """Write a message to the terminal; return what is wrong, or an empty text."""
    import os

    from runs.notify.desktop import sequences

    try:
        with open("/dev/tty", "w", encoding="utf-8") as terminal:  # noqa: PTH123
            terminal.write(sequences("This is a test message.", os.environ))
    except OSError:
        return "there is no terminal here"
    return ""
