"""Events as lines for people. Progress is left out: the header shows it."""

from __future__ import annotations

from runs.log.description import describe
from runs.log.events import Entry, EpochEnded, Failed, Interim, Progress, Warned
from screens.formatting import clean, count
from screens.models.log import LogLine


def log_lines(entry: Entry) -> list[LogLine]:
    """Return an event as one line or, with a traceback, as many."""
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
    """Return the end of an engine's own output, for a run that ended without a word."""
    return [LogLine(moment, "detail", clean(line)) for line in text.splitlines() if line.strip()]


def log_notes(broken: int, unknown: int, restarts: int) -> tuple[str, ...]:
    """Return what is odd about a log: lines that are no events, events of a newer version, and new beginnings."""
    found = []
    if broken:
        found.append(f"{count(broken, 'line')} of the log cannot be read: cut, or not an engine's")
    if unknown:
        found.append(f"{count(unknown, 'event')} of a newer version: update nastui to see all")
    if restarts:
        found.append("the log became shorter while it was open: it was read again from its beginning")
    return tuple(found)
