"""``nastui keys``: list the keys of the dashboard, with the changes from config.toml."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nastui.cli.json_option import Json
from runs.errors import UsageError


def keys(
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option(help="Print the default keys as Markdown: docs/keys.md.")] = False,
) -> None:
    """List the dashboard's keys.

    The names are those by which the section [keys] of config.toml assigns other keys.
    """
    if as_json and markdown:
        raise UsageError("--json and --markdown cannot be used together.", "Leave one out.")
    from nastui import settings
    from nastui.cli import output
    from runs.home import Home
    from screens.actions.keymap import keys_of, remapped
    from screens.actions.page import keys_page
    from screens.actions.table import SCOPES, actions_of

    if markdown:
        sys.stdout.write(keys_page())
        return
    file = Home.locate().configuration
    chosen, complaints = settings.read(file)
    keymap, wrong = remapped(chosen.keys)
    for complaint in [*complaints, *(f"'{file}', [keys]: {what}" for what in wrong)]:
        output.warn(complaint)
    listed = [action for scope in SCOPES for action in actions_of(scope)]
    if as_json:
        output.data(
            [
                {
                    "name": action.id,
                    "place": SCOPES[action.scope],
                    "keys": keys_of(action, keymap),
                    "does": action.does,
                    "changes": action.changes,
                }
                for action in listed
            ]
        )
        return
    rows = ([action.id, " ".join(keys_of(action, keymap)), action.does] for action in listed)
    output.table(["name", "keys", "what it does"], rows)
