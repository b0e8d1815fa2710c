"""The configuration file: its settings, and complaints about invalid ones, which never stop the app."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from runs import toml_file
from runs.errors import NastuiError, closest
from runs.notify import settings as notify_settings
from screens.settings import Settings

GLYPHS = ("braille", "block", "ascii")
_WORDS = {str: "text in quotes", bool: "true or false", dict: "a table"}
_TYPES: dict[str, type] = {"theme": str, "glyphs": str, "readonly": bool, "slow_line": bool, "keys": dict}


def read(file: Path) -> tuple[Settings, list[str]]:
    """Return the settings of a file, and a complaint about each invalid one; a missing file has no settings.

    The names of themes and the keys are not checked here, as that needs Textual.
    """
    try:
        content = toml_file.read(file)
    except FileNotFoundError:
        return Settings(), []
    except OSError as error:
        return Settings(), [f"'{file}' cannot be read: {error.strerror}. It is ignored."]
    except ValueError as error:
        return Settings(), [f"'{file}' is not valid TOML: {error}. It is ignored."]
    good: dict[str, Any] = {}
    complaints = []
    for name, value in content.items():
        if name == "slurm":  # runs/slurm/profile.py reads it
            continue
        if name == "notify":
            try:
                chosen = notify_settings.parsed(value, file)
            except NastuiError as error:
                complaints.append(f"{error} No messages are sent.")
            else:
                good["desktop"] = chosen.events if chosen.desktop else ()
        elif name not in _TYPES:
            complaints.append(f"'{file}': there is no setting '{name}'. {closest(name, _TYPES)}")
        elif type(value) is not _TYPES[name]:
            complaints.append(f"'{file}': '{name}' must be {_WORDS[_TYPES[name]]}.")
        elif name == "glyphs" and value not in GLYPHS:
            complaints.append(f"'{file}': there are no glyphs '{value}'. {closest(str(value), GLYPHS)}")
        else:
            good[name] = value
    return dataclasses.replace(Settings(), **good), complaints
