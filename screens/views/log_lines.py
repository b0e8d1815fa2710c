"""Events as lines of text. Progress is left out, as the header shows it."""

from __future__ import annotations

from runs.formatting import count
from runs.log.description import describe
from runs.log.events import Entry, EpochEnded, Failed, Interim, Progress, Warned
from screens.formatting import clean
from screens.models.log import LogLine


def log_lines(entry: Entry) -> list[LogLine]:
    """Return the lines of an event: usually one, more if it has a traceback."""
    event = entry.event
    match event:
        case Progress() | Interim():
            return []
        case Warned():
            return [LogLine(entry.time, "warning", clean(describe(event)))]
        case Failed(hint=hint, traceback=traceback):
            lines = [LogLine(entry.time, "failure", clean(describe(event)))]
            if hint:
                lines.append(LogLine(entry.time, "failure", clean(f"next: {hint}")))
            return lines + [LogLine(entry.time, "detail", clean(line)) for line in traceback.splitlines()]
        case EpochEnded():
            return [LogLine(entry.time, "epoch", clean(describe(event)))]
        case _:
            return [LogLine(entry.time, "info", clean(describe(event)))]


def output_lines(text: str, moment: float) -> list[LogLine]:
    """Return the lines of an engine's own output."""
    return [LogLine(moment, "detail", clean(line)) for line in text.splitlines() if line.strip()]


def log_notes(broken: int, unknown: int, restarts: int) -> tuple[str, ...]:
    """Return the irregularities of a log: unreadable lines, events of a newer version, restarts."""
    found = []
    if broken:
        found.append(f"{count(broken, 'line')} of the log cannot be read")
    if unknown:
        found.append(f"{count(unknown, 'event')} of a newer version: update nastui to see them")
    if restarts:
        found.append("the log became shorter while it was open, and was read again from its start")
    return tuple(found)
