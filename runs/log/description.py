"""Events as text: one line each, for commands and screens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runs.formatting import millions
from runs.log.events import (
    Answered,
    CheckpointWritten,
    Continued,
    EpochEnded,
    Event,
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

_SEPARATOR = " · "


def describe(event: Event, *, every_metric: bool = False) -> str:
    """Return an event as one line; empty for progress, which a bar or a header shows.

    Args:
        event: the event.
        every_metric: whether the line of an epoch has all metrics under their own names, or only its accuracies.
    """
    match event:
        case Started(environment={"imported": str(source), "format": str(form)}):
            return f"imported from {source} as {form}"
        case Started(environment=environment):
            known = [_known(environment, name) for name in ("device", "threads", "torch") if name in environment]
            graphs = [f"CUDA graphs {environment['cuda_graphs']}"] if "cuda_graphs" in environment else []
            return _SEPARATOR.join(["engine started", *known, *_arithmetic(environment), *graphs])
        case Resumed(epoch=epoch):
            return f"resumed from the checkpoint after epoch {epoch}"
        case StageStarted(index=index, of=of, epochs=epochs, title=title):
            return _SEPARATOR.join(filter(None, [f"stage {index + 1} of {of}", title, f"{epochs} epochs"]))
        case Progress() | Interim():
            return ""
        case EpochEnded():
            return _epoch_with_metrics(event) if every_metric else _epoch(event)
        case Answered(request=request):
            return f"accepted the request '{request}'"
        case CheckpointWritten(epoch=epoch, step=step, bytes=size):
            step_text = f", step {step}" if step else ""
            return f"checkpoint after epoch {epoch}{step_text}{_SEPARATOR}{size / 1e6:.1f} MB"
        case Warned(kind=kind, message=message):
            return f"{message} ({kind})" if kind else message
        case Paused():
            return "paused"
        case Continued():
            return "continued"
        case Stopped(reason=reason, rule=rule) if rule:
            return f"stopped early by {rule}: {reason}"
        case Stopped(reason=reason):
            kept = ", with a checkpoint" if reason == "requested" else ""
            return f"stopped ({reason}){kept}"
        case Finished(parameters=parameters, macs=macs, network=network):
            sizes = [] if parameters is None else [f"{millions(parameters)} parameters"]
            sizes += [] if macs is None else [f"{millions(macs)} MACs"]
            return _SEPARATOR.join(filter(None, ["finished", *sizes, network if sizes else ""]))
        case Failed(error=error):
            return f"failed: {error}"
        case Unknown(name=name):
            return f"{name} (an event of a newer version)"
    return event.type


def _known(environment: Mapping[str, Any], name: str) -> str:
    """Return a value of the environment with its name and, where an engine chose it, its reason."""
    reason = environment.get(f"{name}_reason")
    return f"{name} {environment[name]} ({reason})" if reason else f"{name} {environment[name]}"


def _arithmetic(environment: Mapping[str, Any]) -> Iterator[str]:
    """Yield what decides the rounding of a run and whether it can be repeated; nothing for logs of older versions."""
    if precision := environment.get("precision"):
        yield (
            f"{precision}, convolutions in TF32"
            if precision == "float32" and environment.get("tf32")
            else f"{precision}"
        )
    if environment.get("deterministic") is False:
        yield "not deterministic"


def _epoch_with_metrics(event: EpochEnded) -> str:
    values = "  ".join(f"{name} {value:.2f}" for name, value in event.metrics.items())
    return f"epoch {event.epoch}/{event.epochs}  {values}  {event.seconds:.1f} s"


def _epoch(event: EpochEnded) -> str:
    """Return an epoch's number, its seconds and its accuracies, the search accuracy first."""
    accuracies = sorted((name for name in event.metrics if name.endswith("accuracy")), key=lambda name: name[0] != "s")
    shown = [f"{name.removesuffix('_accuracy')} {event.metrics[name]:.1f} %" for name in accuracies]
    return _SEPARATOR.join([f"epoch {event.epoch}", f"{event.seconds:.3g} s", *shown])
