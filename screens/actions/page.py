"""The page of the documentation that lists all keys."""

from __future__ import annotations

from collections.abc import Mapping

from screens.actions.keymap import keys_of
from screens.actions.table import SCOPES, actions_of


def keys_page(keymap: Mapping[str, str] | None = None) -> str:
    """Return all keys as a page of Markdown."""
    lines = [
        "# Keys",
        "",
        "Made by `nastui keys --markdown` from the one table of actions. `?` shows those of where you are, `:` finds",
        "one by its words. Other keys go into `config.toml` under `[keys]`, by the names in the last column:",
        '`"runs.stop" = "ctrl+x"`. With `--readonly` those marked "changes" are not to be had.',
    ]
    for scope, title in SCOPES.items():
        lines += ["", f"## {title}", "", "| Keys | | | Name |", "|---|---|---|---|"]
        for action in actions_of(scope):
            keys = " ".join(_code(key) for key in keys_of(action, keymap or {}))
            lines.append(f"| {keys} | {action.does} | {'changes' if action.changes else ''} | `{action.id}` |")
    return "\n".join(lines) + "\n"


def _code(key: str) -> str:
    return f"`` {key} ``" if "`" in key else "`\\|`" if key == "|" else f"`{key}`"
