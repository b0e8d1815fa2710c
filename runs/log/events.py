"""The events that an engine writes: a frozen record each, stored as one JSON object per line.

A line is ``{"v": 2, "t": wall seconds, "n": counter, "type": name, ...payload}``. Readers skip a torn line
and accept an unknown type and a newer version: see :func:`decode`.

Schema 2 (nastui 0.2) has the edges of a :class:`CellSnapshot` as ``[source, target]``. Schema 1 (0.1) had labels such
as ``"3←1"``; they are still read, and commands still print them (:func:`printed`).
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, TypeAdapter
from pydantic_core import from_json

from runs.genotypes.genotype import edge_label

SCHEMA_VERSION = 2
PRINTED_VERSION = 1
# The kind of warnings that say what an imported file lacks. They ask for nothing to be done.
IMPORT_REMARK = "import"
Rows = Sequence[list[float]]

# What no engine writes and readers cannot compute with: a date after the year 5000, a count of 400 digits, a number
# whose square is infinite. A diverged search has NaN and infinite losses, so metrics may be that.
_LATEST = 1e11
_LARGEST = 1e100
_MOST_NODES = 10**9
_MOST_NESTED = 100


def _measured(value: float) -> float:
    if math.isfinite(value) and abs(value) > _LARGEST:
        raise ValueError("too large")
    return value


Seconds = Annotated[float, Field(ge=0, le=_LATEST, allow_inf_nan=False)]
Epochs = Annotated[int, Field(ge=0, le=10**9)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Measured = Annotated[float, AfterValidator(_measured)]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all payloads."""

    type: ClassVar[str] = "unknown"


@dataclass(frozen=True, slots=True)
class CellSnapshot:
    """The architecture weights of one kind of cell.

    Attributes:
        edges: the (source, target) of each row.
        operations: one label per column.
        weights: edges x operations; each row sums to 1 over the operations that are alive. (In ISTA-NAS, which has no
            edge weights, the rows of a node sum to 1 together.)
        alive: the same shape; false if an operation has been pruned.
        chosen: for each row the column in the genotype, or -1 if the genotype leaves the edge out.
        extras: further edges x operations matrices of the method, such as ``concentration``.
    """

    edges: list[tuple[int, int]]
    operations: list[str]
    weights: Rows
    alive: list[list[bool]]
    chosen: list[int]
    extras: Mapping[str, Rows] = field(default_factory=dict)


def _whole(cell: CellSnapshot) -> CellSnapshot:
    """Check that a cell's arrays have a row per edge and a column per operation."""
    shape = [len(cell.operations)] * len(cell.edges)
    matrices: list[Sequence[Sequence[object]]] = [cell.weights, cell.alive, *cell.extras.values()]
    for rows in matrices:
        if [len(row) for row in rows] != shape:
            raise ValueError("rows of other lengths than the cell has edges and operations")
    if len(cell.chosen) != len(shape) or any(not -1 <= column < len(cell.operations) for column in cell.chosen):
        raise ValueError("a chosen column that the cell does not have")
    if any(not 0 <= source < target < _MOST_NODES for source, target in cell.edges):
        raise ValueError("an edge between nodes that no cell has")
    return cell


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The engine has its lock and has examined its machine.

    Attributes:
        environment: versions, device, threads and the settings of the hardware that are in use.
    """

    type: ClassVar[str] = "started"
    environment: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """The engine continues from a checkpoint: earlier events after ``epoch`` complete epochs are void.

    Attributes:
        epoch: the complete epochs of the checkpoint.
        step: the units of work that it has done of the next epoch.
    """

    type: ClassVar[str] = "resumed"
    epoch: Epochs = 0
    step: Count = 0


@dataclass(frozen=True, slots=True)
class StageStarted(Event):
    """A stage of the search begins.

    Attributes:
        index, of: the stage, counted from 0, and how many there are.
        epochs: the epochs of the stage.
        title: what it does, in a few words.
    """

    type: ClassVar[str] = "stage"
    index: Epochs = 0
    of: Epochs = 1
    epochs: Epochs = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """The progress of the epoch; at most four per second.

    Attributes:
        epoch, epochs: the epoch in progress, counted from 1, and the epochs of the run.
        step, of: units of work done and to do in the epoch.
        throughput: images per second, including training and architecture batches.
        eta: seconds to the end of the run.
        memory: bytes in use on the device (peak), or resident on the CPU.
        metrics: those of the epoch so far.
    """

    type: ClassVar[str] = "progress"
    epoch: Epochs = 0
    epochs: Epochs = 0
    step: Count = 0
    of: Count = 0
    throughput: Measured | None = None
    eta: Seconds | None = None
    memory: Count | None = None
    metrics: dict[str, Measured] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EpochEnded(Event):
    """Everything about a complete epoch that screens and comparisons read.

    Attributes:
        epoch, epochs: the number of complete epochs, and the epochs of the run.
        stage: the stage, counted from 0.
        seconds: how long the epoch took.
        metrics: accuracies in percent, losses in nats.
        learning_rates: by parameter group, as used during the epoch.
        architecture: a :class:`CellSnapshot` for each kind of cell.
        genotype: the genotype derived now, in its JSON form.
        extras: the data of this method; see :mod:`runs.log.indicators` for those that every search has.
        benchmark: table accuracies of the genotype, ``{data set: {split: percent}}``.
        benchmark_rank: the rank of each test accuracy after the longest schedule, with the keys of ``benchmark``.
        benchmark_size: how many architectures the table has.
    """

    type: ClassVar[str] = "epoch"
    epoch: Epochs = 0
    epochs: Epochs = 0
    stage: Epochs = 0
    seconds: Seconds = 0.0
    metrics: dict[str, Measured] = field(default_factory=dict)
    learning_rates: dict[str, Measured] = field(default_factory=dict)
    architecture: dict[str, Annotated[CellSnapshot, AfterValidator(_whole)]] = field(default_factory=dict)
    genotype: dict[str, Any] | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    benchmark: dict[str, dict[str, Measured]] = field(default_factory=dict)
    benchmark_rank: dict[str, dict[str, Count]] = field(default_factory=dict)
    benchmark_size: Count = 0


@dataclass(frozen=True, slots=True)
class Interim(Event):
    """A method's data about the epoch in progress.

    Attributes:
        epoch: the epoch in progress, counted from 1.
        extras: those that it would have if it ended now.
    """

    type: ClassVar[str] = "interim"
    epoch: Epochs = 0
    extras: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered(Event):
    """The method has accepted one of its own requests; the next checkpoint includes it.

    Attributes:
        request: its name, as typed for ``nastui runs ask``.
    """

    type: ClassVar[str] = "answered"
    request: str = ""


@dataclass(frozen=True, slots=True)
class CheckpointWritten(Event):
    """A complete checkpoint is on disk.

    Attributes:
        epoch: complete epochs.
        step: units of work done of the epoch in progress.
        bytes: the size of the file.
    """

    type: ClassVar[str] = "checkpoint"
    epoch: Epochs = 0
    step: Count = 0
    bytes: Count = 0


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something that users should know and that does not end the run.

    Attributes:
        kind: a stable word, for scripts.
        message: a sentence.
    """

    type: ClassVar[str] = "warning"
    kind: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Paused(Event):
    """The engine has paused and stays in memory."""

    type: ClassVar[str] = "paused"


@dataclass(frozen=True, slots=True)
class Continued(Event):
    """The engine continues after a pause."""

    type: ClassVar[str] = "continued"


@dataclass(frozen=True, slots=True)
class Stopped(Event):
    """The engine stopped before the end of the run, with a checkpoint to resume from.

    Attributes:
        reason: ``requested``, ``terminated``, or what the rule has found.
        rule: the rule of ``--stop-when`` by which it stopped; empty if a person or the system stopped it.
    """

    type: ClassVar[str] = "stopped"
    reason: str = "requested"
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """The run is complete.

    Attributes:
        genotype: the result, in its JSON form.
        parameters, macs: of its network.
        network: the size at which these are counted, in words.
    """

    type: ClassVar[str] = "finished"
    genotype: dict[str, Any] | None = None
    parameters: Count | None = None
    macs: Count | None = None
    network: str = ""


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """The run ended with an error.

    Attributes:
        error: a sentence.
        hint: what to do next, if known.
        traceback: of Python; empty if the error was expected.
    """

    type: ClassVar[str] = "failed"
    error: str = ""
    hint: str = ""
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Unknown(Event):
    """An event of a newer version, kept as it is."""

    type: ClassVar[str] = "unknown"
    name: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: its time in seconds since 1970, its number in the run, and its event."""

    time: float
    number: int
    event: Event


_PAYLOADS: dict[str, type[Event]] = {
    kind.type: kind
    for kind in (
        Started,
        Resumed,
        StageStarted,
        Progress,
        EpochEnded,
        Interim,
        Answered,
        CheckpointWritten,
        Warned,
        Paused,
        Continued,
        Stopped,
        Finished,
        Failed,
    )
}
EVENT_TYPES = tuple(_PAYLOADS)


def encode(entry: Entry) -> str:
    """Return the entry as one line of JSON, without the newline."""
    head: dict[str, Any] = {"v": SCHEMA_VERSION, "t": entry.time, "n": entry.number, "type": entry.event.type}
    if isinstance(entry.event, Unknown):
        return json.dumps(head | {"type": entry.event.name} | entry.event.data, ensure_ascii=False)
    return json.dumps(head | dataclasses.asdict(entry.event), ensure_ascii=False, allow_nan=True, default=list)


def printed(entry: Entry) -> dict[str, Any]:
    """Return the entry as commands print it with ``--json``: in the form of schema 1, on which scripts rely."""
    raw: dict[str, Any] = json.loads(encode(entry)) | {"v": PRINTED_VERSION}
    if isinstance(entry.event, EpochEnded):
        for cell in raw["architecture"].values():
            cell["edges"] = [edge_label(source, target) for source, target in cell["edges"]]
    return raw


def decode(line: str | bytes) -> Entry | None:
    """Return the entry of a line, or None if the line is torn, not an event, or has a value of an impossible size.

    Fields of a newer version are ignored and missing ones take their default, so old readers can follow new engines. A
    cell whose edge labels are invalid in schema 1 is left out of its epoch.
    """
    try:
        raw = _parsed(line)
        time, number, name = float(raw.pop("t")), int(raw.pop("n")), str(raw.pop("type"))
        if not (0 <= time <= _LATEST and 0 <= number < 2**63):
            return None
        raw.pop("v", None)
        if name == EpochEnded.type:
            _read_edge_labels(raw.get("architecture"))
        event = _adapter(name).validate_python(raw) if name in _PAYLOADS else Unknown(name, raw)
        return Entry(time, number, event)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _parsed(line: str | bytes) -> Any:
    try:
        return from_json(line)  # ten times as fast as Python's own, so that long runs open at once
    except ValueError:
        raw = json.loads(line)  # also accepts lone surrogates, as in a file name that is not text
    if not _is_shallow(raw):
        raise ValueError("nested too deeply")
    return raw


def _is_shallow(raw: Any) -> bool:
    """Return whether readers can walk through a value without reaching Python's limit of recursion."""
    level = [raw]
    for _ in range(_MOST_NESTED):
        inner = (value for value in level if isinstance(value, dict | list))
        level = [part for value in inner for part in (value.values() if isinstance(value, dict) else value)]
        if not level:
            return True
    return False


_EDGE_LABEL = re.compile(r"([0-9]{1,9})←([0-9]{1,9})")


def _read_edge_labels(cells: Any) -> None:
    """Replace the edge labels of schema 1 by pairs. Anything that is not a snapshot is left to the checks."""
    if not isinstance(cells, dict):
        return
    for kind, cell in list(cells.items()):
        edges = cell.get("edges") if isinstance(cell, dict) else None
        if isinstance(edges, list) and any(isinstance(edge, str) for edge in edges):
            pairs = [_ends(edge) if isinstance(edge, str) else edge for edge in edges]
            if None in pairs:
                del cells[kind]
            else:
                cell["edges"] = pairs


@functools.cache
def _ends(label: str) -> tuple[int, int] | None:
    """Return source and target of a label such as ``3←1``; None if it is not a label."""
    found = _EDGE_LABEL.fullmatch(label)
    return (int(found[2]), int(found[1])) if found else None


@functools.cache
def _adapter(name: str) -> TypeAdapter[Event]:
    """Return the validator of an event type, which rejects payloads that would break readers."""
    return TypeAdapter(_PAYLOADS[name])
