"""What a person has set for the whole dashboard, as far as screens care."""

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
        theme: a theme's name; empty for one that suits the terminal.
        glyphs: ``braille``, ``block`` or ``ascii``; empty for those that the terminal has.
        readonly: nothing that changes a run is offered or works.
        slow_line: less is sent: fewer redraws, nothing animated.
        keys: Textual's keymap, from an action's id to its keys.
    """

    theme: str = ""
    glyphs: str = ""
    readonly: bool = False
    slow_line: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def tick(self) -> float:
        """Seconds between two looks at what is live."""
        return SLOW_TICK_SECONDS if self.slow_line else TICK_SECONDS


DEFAULT = Settings()


def of(app: Any) -> Settings:
    """Return the settings of a running app; an app of a test may have none."""
    found = getattr(app, "settings", DEFAULT)
    return found if isinstance(found, Settings) else DEFAULT
