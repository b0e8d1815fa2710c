"""The settings of the dashboard that screens use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TICK_SECONDS = 0.5
SLOW_TICK_SECONDS = 2.0


@dataclass(frozen=True)
class Settings:
    """The settings of ``config.toml`` and of the command line.

    Attributes:
        theme: the name of a theme; empty to choose one for the terminal.
        glyphs: ``braille``, ``block`` or ``ascii``; empty to detect what the terminal supports.
        readonly: whether actions that change runs are off.
        slow_line: whether to redraw less often and animate nothing.
        keys: Textual's keymap, from the id of an action to its keys.
        desktop: the events of runs that are told to the desktop.
    """

    theme: str = ""
    glyphs: str = ""
    readonly: bool = False
    slow_line: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    desktop: tuple[str, ...] = ()

    @property
    def tick(self) -> float:
        """Seconds between two updates of live data."""
        return SLOW_TICK_SECONDS if self.slow_line else TICK_SECONDS


DEFAULT = Settings()


def of(app: Any) -> Settings:
    """Return the settings of a running app, or the defaults if it has none."""
    found = getattr(app, "settings", DEFAULT)
    return found if isinstance(found, Settings) else DEFAULT
