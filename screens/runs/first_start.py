"""What an empty store shows: how to start a run, and at the first start a hint about the most important keys."""

from __future__ import annotations

import contextlib
import json
from functools import partial

from rich.text import Text
from textual.widgets import Static

from runs.errors import NastuiError
from runs.files import MEBIBYTE, read_regular, replace_text
from runs.home import Home
from screens import settings
from screens.actions.screen import ActionScreen

_FILE = "dashboard.json"
_DISMISSED = {"version": 1, "hint": "dismissed"}
_READONLY_WELCOME = "No runs yet, and with --readonly none can be started here."


def welcome(screen: ActionScreen[None]) -> Text:
    """Return what to do in an empty store, with the keys of a screen."""
    if settings.of(screen.app).readonly:
        return Text(_READONLY_WELCOME)
    text = Text("No runs yet.\n")
    for action, does in (
        ("runs.new", "start a search: its method, preset and every hyperparameter"),
        ("runs.demonstrate", "start the demonstration: the preset 'quick' on the embedded digits"),
    ):
        text.append(f"\n{screen.key_of(action):>3}", "bold").append(f"  {does}")
    return text.append("\n     about a minute, nothing to download", "dim")


class FirstStartHint(Static):
    """A line about keys, shown until it is dismissed or the first run exists. The home remembers that.

    Args:
        screen: the screen whose keys it explains.
        home: the home.

    Attributes:
        shown: whether it is visible; None as long as nobody knows whether this is a first start.
    """

    DEFAULT_CSS = "FirstStartHint { height: auto; padding: 0 1; display: none; }"

    def __init__(self, screen: ActionScreen[None], home: Home) -> None:
        super().__init__(id="hint")
        self._owner, self._home = screen, home
        self.shown: bool | None = None

    def show(self, *, first_start: bool) -> None:
        """Appear if this is a first start."""
        self.shown = self.display = first_start
        if not first_start:
            return
        starts = [("runs.new", "starts a run")] if not settings.of(self.app).readonly else []
        parts = [*starts, ("everywhere.keys", "explains the keys"), ("runs.quit", "quits, runs continue")]
        parts.append(("runs.clear", "hides this"))
        line = Text(style="dim")
        for action, does in parts:
            line.append(" · " if line else "").append(self._owner.key_of(action), "bold not dim").append(f" {does}")
        self.update(line)

    def dismiss(self) -> None:
        """Disappear for good."""
        self.shown = self.display = False
        self._owner.refresh_bindings()
        if not settings.of(self.app).readonly:
            self._owner.in_background(partial(_dismiss, self._home), group="hint")


def is_first(home: Home) -> bool:
    """Return whether the hint was not yet dismissed in a home."""
    try:
        raw = json.loads(read_regular(home.root / _FILE, MEBIBYTE))
    except (OSError, ValueError, RecursionError):
        return True
    return not isinstance(raw, dict) or raw.get("hint") != _DISMISSED["hint"]


def _dismiss(home: Home) -> None:
    """Remember that the hint was dismissed; in a home that cannot be written, it appears again at the next start."""
    with contextlib.suppress(NastuiError, OSError):
        home.prepare()
        replace_text(home.root / _FILE, json.dumps(_DISMISSED) + "\n")
