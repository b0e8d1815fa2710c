"""Messages to the desktop through the terminal: the terminal shows them, also at the other end of an SSH connection."""

from __future__ import annotations

from collections.abc import Mapping

from runs.home import Home, RunPaths
from runs.notify import outbox, telling
from runs.store.lock import is_held
from runs.store.status import current_status

_MOST_CHARACTERS = 200


def sequences(text: str, environment: Mapping[str, str]) -> str:
    """Return what makes a terminal show a message: the bell, OSC 9 and OSC 777.

    Terminals ignore what they do not know. tmux passes the sequences on if its option ``allow-passthrough`` is on.
    """
    plain = "".join(character if character.isprintable() else " " for character in text).replace(";", ",")
    plain = plain[:_MOST_CHARACTERS]
    commands = [f"\x1b]9;{plain}\a", f"\x1b]777;notify;nastui;{plain}\a"]
    if environment.get("TMUX") or environment.get("TERM", "").startswith("tmux"):
        commands = ["\x1bPtmux;" + command.replace("\x1b", "\x1b\x1b") + "\x1b\\" for command in commands]
    return "\a" + "".join(commands)


class DesktopWatch:
    """Notices what the runs of a home come to while a dashboard is open.

    Args:
        home: the home.
        events: of :data:`runs.notify.settings.EVENTS`: those to tell.
    """

    def __init__(self, home: Home, events: tuple[str, ...]) -> None:
        self._home, self._events = home, events
        self._live: dict[str, set[str]] = {}  # the messages about each run that has an engine

    def look(self) -> list[str]:
        """Return a sentence for each event since the last look."""
        runs = {entry.run for entry in outbox.entries(self._home)} | self._live.keys()
        before, self._live = self._live, {}
        told = []
        for run in sorted(runs):
            paths = self._home.run(run)
            if is_held(paths.lock):
                messages = self._live[run] = telling.noted(paths)
                told += [(key.partition("-")[0], paths) for key in sorted(messages - before.get(run, messages))]
            elif run in before and (event := telling.ENDS.get(current_status(paths))) is not None:
                told.append((event, paths))
        return [_sentence(event, paths) for event, paths in told if event in self._events]


def _sentence(event: str, paths: RunPaths) -> str:
    record = telling.record_of(paths)
    return telling.sentence(record, event)
