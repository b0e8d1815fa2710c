"""The table ``[notify]`` of ``config.toml``: about what to send a message, and how."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runs import toml_file
from runs.errors import EnvironmentLacksError, UsageError, closest
from runs.home import Home

EVENTS = ("finished", "failed", "lost", "stalled", "alarm")
KEYS = ("events", "webhook", "command", "apprise", "desktop")


@dataclass(frozen=True)
class NotifySettings:
    """What to tell, and how.

    Attributes:
        events: about which to send a message; all of :data:`EVENTS` unless named.
        webhooks: addresses that receive JSON; they may contain secrets, so no message or file of ours repeats them.
        command: a program and its arguments; empty for none.
        apprise: addresses in the form of Apprise; secret too.
        desktop: whether dashboards tell the terminal.
    """

    events: tuple[str, ...] = EVENTS
    webhooks: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    apprise: tuple[str, ...] = ()
    desktop: bool = False

    @property
    def tells(self) -> bool:
        """Whether anything is told by any channel."""
        return bool(self.events) and bool(self.webhooks or self.command or self.apprise or self.desktop)


def read(home: Home) -> NotifySettings:
    """Return the settings of a home; without a file or a table, nothing is sent.

    Raises:
        UsageError: the file cannot be read, or the table is invalid.
        EnvironmentLacksError: it names a program or package that is not installed.
    """
    file = home.configuration
    try:
        content = toml_file.read(file)
    except FileNotFoundError:
        return NotifySettings()
    except OSError as error:
        raise UsageError(f"'{file}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"'{file}' is not valid TOML: {error}.") from error
    return parsed(content.get("notify", {}), file)


def parsed(table: object, file: Path) -> NotifySettings:
    """Return the settings of a table. Values of addresses are not repeated in errors, as they may be secret.

    Raises:
        UsageError: the table is invalid.
        EnvironmentLacksError: it names a program or package that is not installed.
    """
    where = f"'{file}', [notify]"
    if not isinstance(table, Mapping):
        raise UsageError(f"'{file}': 'notify' must be a table.", "Write it as [notify], with one key per line.")
    for key in table:
        if key not in KEYS:
            raise UsageError(f"{where}: there is no setting '{key[:80]}'. {closest(key, KEYS)}")
    settings = NotifySettings(
        events=_texts(table, "events", where, EVENTS),
        webhooks=_texts(table, "webhook", where),
        command=_texts(table, "command", where),
        apprise=_texts(table, "apprise", where),
        desktop=table.get("desktop", False),
    )
    for event in settings.events:
        if event not in EVENTS:
            raise UsageError(f"{where}: there is no event '{event[:80]}'. {closest(event, EVENTS)}")
    if not isinstance(settings.desktop, bool):
        raise UsageError(f"{where}: 'desktop' must be true or false.")
    if not all(map(_is_address, settings.webhooks)):
        raise UsageError(f"{where}: 'webhook' must be an address that begins with http:// or https://.")
    if isinstance(table.get("command", []), str):
        raise UsageError(f"{where}: 'command' must be a list.", 'For example: command = ["notify-send", "nastui"]')
    if settings.command and shutil.which(settings.command[0]) is None:
        raise EnvironmentLacksError(f"{where}: there is no program '{settings.command[0][:80]}'.", "Give its path.")
    if settings.apprise and not _has_apprise():
        raise EnvironmentLacksError(
            f"{where}: 'apprise' needs the package of that name, which is not installed.",
            "Get it: pip install 'nastui[notify]'",
        )
    return settings


def _texts(table: Mapping[str, Any], key: str, where: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    given = table.get(key, default)
    values = [given] if isinstance(given, str) else given
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) and value for value in values):
        raise UsageError(f"{where}: '{key}' must be a list of texts.")
    if any("\0" in value for value in values):
        raise UsageError(f"{where}: '{key}' contains a null character.")
    return tuple(values)


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    plain = address.isascii() and address.isprintable() and " " not in address
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname)


def _has_apprise() -> bool:
    from importlib.util import find_spec

    return find_spec("apprise") is not None
