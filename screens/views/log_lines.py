"""Events as lines for people. Progress is left out: the header shows it."""

from __future__ import annotations

from typing import Any

from runs.log.events import (
    Answered,
    CheckpointWritten,
    Continued,
    Entry,
    EpochEnded,
    Failed,
    Finished,
    Interim,
    Paused,
    Progress,
    Resumed,
    StageStarted,
    Started,
    Stopped,
    Unknown,
    Warned,
)
from screens.formatting import clean, count, millions
from screens.models.log import LogLine


def log_lines(entry: Entry) -> list[LogLine]:
    """Return an event as one line or, with a traceback, as many."""
    event = entry.event
    match event:
        case Progress() | Interim():
            return []
        case Warned(kind=kind, message=message):
            said = f"{message} ({kind})" if kind else message
            return [LogLine(entry.time, "warning", clean(said))]
        case Failed(error=error, hint=hint, traceback=traceback):
            lines = [LogLine(entry.time, "failure", clean(f"failed: {error}"))]
            if hint:
                lines.append(LogLine(entry.time, "failure", clean(f"next: {hint}")))
            return lines + [LogLine(entry.time, "detail", clean(line)) for line in traceback.splitlines()]
        case EpochEnded():
            return [LogLine(entry.time, "epoch", clean(_epoch(event)))]
        case _:
            return [LogLine(entry.time, "info", clean(_said(event)))]


def output_lines(text: str, moment: float) -> list[LogLine]:
    """Return the end of an engine's own output, for a run that ended without a word."""
    return [LogLine(moment, "detail", clean(line)) for line in text.splitlines() if line.strip()]


def _said(event: Any) -> str:
    said: list[str] = [str(event.type)]
    match event:
        case Started(environment=environment):
            named = [f"{name} {environment[name]}" for name in ("device", "threads", "torch") if name in environment]
            said = ["engine started", *named]
        case Resumed(epoch=epoch):
            said = [f"goes on from the checkpoint after epoch {epoch}"]
        case StageStarted(index=index, of=of, epochs=epochs, title=title):
            said = [f"stage {index + 1} of {of}", title, f"{epochs} epochs"]
        case CheckpointWritten(epoch=epoch, step=step, bytes=size):
            where = f"epoch {epoch}" if not step else f"epoch {epoch}, step {step}"
            said = [f"checkpoint after {where}", f"{size / 1e6:.1f} MB"]
        case Answered(request=request):
            said = [f"takes the request '{request}'"]
        case Paused():
            said = ["paused"]
        case Continued():
            said = ["goes on"]
        case Stopped(reason=reason):
            said = [f"stopped ({reason}), with a checkpoint"]
        case Finished(parameters=parameters, macs=macs, network=network):
            sizes = [f"{millions(parameters)} parameters"] if parameters is not None else []
            sizes += [f"{millions(macs)} MACs"] if macs is not None else []
            said = ["finished", *sizes, network if sizes else ""]
        case Unknown(name=name):
            said = [f"{name} (an event of a newer version)"]
    return " · ".join(filter(None, said))


def _epoch(event: EpochEnded) -> str:
    told = [f"epoch {event.epoch}", f"{event.seconds:.3g} s"]
    accuracies = sorted((name for name in event.metrics if name.endswith("accuracy")), key=lambda n: n[0] != "s")
    told += [f"{name.removesuffix('_accuracy')} {event.metrics[name]:.1f} %" for name in accuracies]
    return " · ".join(told)


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
