"""``nastui config``: the settings in force, and where each comes from."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nastui.cli.json_option import Json

if TYPE_CHECKING:
    from runs.home import Home
    from screens.settings import Settings

_SECRET = "set, not shown"


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting, its value, and where it comes from.

    Attributes:
        source: ``option``, ``environment``, ``file`` or ``default``.
        where: the name of the option or of the environment variable, or the path of the file; empty for a default.
    """

    name: str
    value: Any
    source: str = "default"
    where: str = ""


def config(as_json: Json = False) -> None:
    """Show the settings in force, and where each comes from.

    A setting comes from an option, an environment variable, the file config.toml, or is a default. Addresses and tokens
    are not shown. Settings of a run are its own: see `nastui runs show`.
    """
    from nastui import settings
    from nastui.cli import output
    from runs.home import Home

    home = Home.locate()
    chosen, complaints = settings.read(home.configuration)
    shown = [*_places(home), *_dashboard(chosen, home), *_notify(home)]
    shown += [*_slurm(home, complaints), *_environment(home)]
    for complaint in complaints:
        output.warn(complaint)
    if as_json:
        listed = [dataclasses.asdict(setting) for setting in shown]
        output.data({"file": str(home.configuration), "settings": listed, "complaints": complaints})
        return
    rows = [[setting.name, _text(setting.value), setting.where or setting.source] for setting in shown]
    output.table(["setting", "value", "from"], rows)


def _places(home: Home) -> Iterator[Setting]:
    from nastui.cli import common_options

    if common_options.home_given:
        yield Setting("home", str(home.root), "option", "--home")
    else:
        yield _from_environment("home", str(home.root), "NASTUI_HOME")
    yield _from_environment("datasets", str(home.datasets), "NASTUI_DATASETS")


def _dashboard(chosen: Settings, home: Home) -> Iterator[Setting]:
    file, default = home.configuration, type(chosen)()
    for name in ("theme", "glyphs", "readonly", "slow_line"):
        value = getattr(chosen, name)
        if value != getattr(default, name):
            yield Setting(name, value, "file", str(file))
        elif name == "glyphs" and os.environ.get("NASTUI_ASCII", "0") not in ("", "0"):
            yield Setting(name, "ascii", "environment", "NASTUI_ASCII")
        else:
            yield Setting(name, value or ("by the terminal" if value == "" else value))
    for name, keys in chosen.keys.items():
        yield Setting(f"keys.{name}", keys, "file", str(file))


def _notify(home: Home) -> Iterator[Setting]:
    from runs.errors import NastuiError
    from runs.notify import settings

    try:
        chosen = settings.read(home)
    except NastuiError:
        return  # it is among the complaints
    values = {
        "events": list(chosen.events),
        "webhook": _SECRET if chosen.webhooks else "",
        "command": _SECRET if chosen.command else "",
        "apprise": _SECRET if chosen.apprise else "",
        "desktop": chosen.desktop,
    }
    if chosen.tells:
        for name, value in values.items():
            yield Setting(f"notify.{name}", value, "file", str(home.configuration))
    else:
        yield Setting("notify", "no messages")


def _slurm(home: Home, complaints: list[str]) -> Iterator[Setting]:
    """Yield the profiles, and add a complaint if there is something else in their place."""
    from runs.errors import NastuiError
    from runs.slurm.profile import sections

    try:
        profiles = sections(home.configuration)
    except NastuiError as error:
        if not any(complaint.startswith(error.message) for complaint in complaints):
            complaints.append(str(error))
        return
    for name, profile in profiles.items():
        yield Setting(f"slurm.{name}", profile, "file", str(home.configuration))


def _environment(home: Home) -> Iterator[Setting]:
    from runs.fleet.queueing import cpu_slots
    from runs.store.queue import Queue

    document = Queue(home).read()
    if document.cpu_slots:
        yield Setting("queue.slots", document.cpu_slots, "file", str(home.queue_file))
    else:
        yield Setting("queue.slots", cpu_slots(document))
    yield _from_environment("threads", os.environ.get("OMP_NUM_THREADS", "as many as are idle"), "OMP_NUM_THREADS")
    yield _from_environment("plugins", os.environ.get("NASTUI_PLUGINS", ""), "NASTUI_PLUGINS")
    after = os.environ.get("NASTUI_STALLED_AFTER", "by each unit of work")
    yield _from_environment("stalled_after", after, "NASTUI_STALLED_AFTER")
    yield _from_environment("token", _SECRET if os.environ.get("NASTUI_TOKEN") else "", "NASTUI_TOKEN")
    yield _from_environment("colour", "off" if os.environ.get("NO_COLOR") else "on", "NO_COLOR")


def _from_environment(name: str, value: Any, variable: str) -> Setting:
    return Setting(name, value, "environment", variable) if os.environ.get(variable) else Setting(name, value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{key}={_text(content)}" for key, content in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value) or "-"
