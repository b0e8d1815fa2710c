"""Writes findings as a run of kind ``imported``, complete or not at all."""

from __future__ import annotations

import datetime
import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from runs import catalogue
from runs.benchmarks.store import for_space
from runs.benchmarks.table import Table
from runs.catalogue import Space
from runs.catalogue.costs import count, standard_shape
from runs.catalogue.genotype_text import check
from runs.configuration import IMPORTED, RunConfig, software
from runs.errors import UsageError
from runs.files import replace_text
from runs.genotypes.genotype import Genotype
from runs.home import RunPaths
from runs.imports.findings import Findings, FoundEpoch, FoundWeights
from runs.log.events import (
    IMPORT_REMARK,
    CellSnapshot,
    Entry,
    EpochEnded,
    Event,
    Finished,
    StageStarted,
    Started,
    Warned,
    encode,
)
from runs.store.labels import Labels
from runs.store.run_store import RunStore

Value = TypeVar("Value")


@dataclass(frozen=True)
class Source:
    """The imported file.

    Attributes:
        name: of the file.
        digest: its SHA-256.
        format: the name of its format.
        command: the command line that imports it.
    """

    name: str
    digest: str
    format: str
    command: str


def write(
    store: RunStore,
    findings: Findings,
    source: Source,
    labels: Labels,
    also: Callable[[RunPaths], object] = lambda paths: None,
) -> tuple[RunConfig, RunPaths]:
    """Create the run of some findings.

    Args:
        store: in which it is created.
        findings: with at least one epoch or a genotype.
        source: where they come from.
        labels: of the run.
        also: writes further files into the run's folder before the run appears in the store.

    Raises:
        UsageError: there is nothing to import, a label may not be stored, or the genotype belongs to no space.
        EnvironmentLacksError: the home cannot be written, or the disk is full.
    """
    for genotype in (findings.genotype, *findings.variants.values()):
        if genotype is not None:
            check(genotype)
    config = _configuration(findings, source)
    table = None if findings.is_training else for_space(store.home, findings.space)
    events = _events(findings, source, table)
    lines = [encode(Entry(time.time(), number, event)) for number, event in enumerate(events, 1)]

    def fill(paths: RunPaths) -> None:
        replace_text(paths.events, "".join(f"{line}\n" for line in lines))
        if findings.genotype is not None:
            replace_text(paths.genotype, json.dumps(findings.genotype.to_json(), indent=2) + "\n")
        if findings.variants:
            described = {name: variant.to_json() for name, variant in findings.variants.items()}
            replace_text(paths.variants, json.dumps(described, indent=2) + "\n")
        also(paths)

    return config, store.create(config, labels, fill)


def _configuration(findings: Findings, source: Source) -> RunConfig:
    method = catalogue.trainer().name if findings.is_training else findings.method
    trained = findings.genotype if findings.is_training else None
    return RunConfig(
        id=f"{secrets.token_hex(4)}-{method}-{findings.space}",
        kind=IMPORTED,
        method=method,
        space=findings.space,
        dataset=findings.dataset or "unknown",
        preset=IMPORTED,
        seed=findings.seed or 0,
        device="",
        options=dict(findings.arguments),
        genotype=trained.to_json() if trained is not None else None,
        origin=source.name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        command=source.command,
        environment=software() | {"imported_as": source.format, "sha256": source.digest},
    )


def _events(findings: Findings, source: Source, table: Table | None) -> Iterator[Event]:
    yield Started({"imported": source.name, "format": source.format})
    for remark in findings.remarks:
        yield Warned(IMPORT_REMARK, remark)
    space = catalogue.space(findings.space)
    total, begun = max(findings.planned, len(findings.epochs)), -1
    for number, epoch in enumerate(findings.epochs, start=1):
        if len(findings.stages) > 1 and epoch.stage > begun:
            begun = epoch.stage
            epochs = sum(other.stage == begun for other in findings.epochs)
            yield StageStarted(begun, len(findings.stages), epochs, findings.stages[begun])
        yield EpochEnded(
            epoch=number,
            epochs=total,
            stage=epoch.stage,
            seconds=epoch.seconds,
            metrics=epoch.metrics,
            learning_rates=epoch.learning_rates,
            architecture={kind: snapshot(space, kind, epoch) for kind in epoch.weights},
            genotype=epoch.genotype.to_json() if epoch.genotype is not None else None,
            extras=epoch.extras,
            **_looked_up(table, epoch),
        )
    yield _finished(findings)


def _looked_up(table: Table | None, epoch: FoundEpoch) -> dict[str, Any]:
    """Return what a benchmark table says of an epoch's genotype, as engines do; what the file says comes first."""
    if epoch.benchmark or table is None or epoch.genotype is None:
        return {"benchmark": epoch.benchmark}
    return table.event_fields(epoch.genotype)


def snapshot(space: Space, kind: str, epoch: FoundEpoch) -> CellSnapshot:
    """Return the weights of a kind of cell as screens show them: in the space's columns, if it has all operations."""
    found = epoch.weights[kind]
    alive = found.alive or [[True] * len(row) for row in found.weights]
    operations = list(found.operations)
    columns = list(range(len(operations)))
    if set(operations) <= set(space.operations):
        operations = list(space.operations)
        columns = [found.operations.index(name) if name in found.operations else -1 for name in operations]
    return CellSnapshot(
        edges=list(space.edges),
        operations=operations,
        weights=_arranged(found.weights, columns, 0.0),
        alive=_arranged(alive, columns, False),
        chosen=_chosen(space, kind, operations, epoch.genotype),
        extras={name: _arranged(rows, columns, 0.0) for name, rows in found.extras.items()},
    )


def _arranged(rows: Sequence[Sequence[Value]], columns: Sequence[int], missing: Value) -> list[list[Value]]:
    return [[row[column] if column >= 0 else missing for column in columns] for row in rows]


def _chosen(space: Space, kind: str, operations: list[str], genotype: Genotype | None) -> list[int]:
    if genotype is None or kind not in genotype.cells:
        return [-1] * len(space.edges)
    taken = {(edge.source, edge.target): edge.operation for edge in genotype.cells[kind].edges}
    return [operations.index(name) if (name := taken.get(ends)) in operations else -1 for ends in space.edges]


def _finished(findings: Findings) -> Finished:
    genotype = findings.genotype
    if genotype is None:
        return Finished()
    try:
        shape = findings.shape or standard_shape(genotype.space)
        costs = count(genotype, shape)
    except UsageError:  # of a space whose networks cannot be counted
        return Finished(genotype.to_json())
    return Finished(genotype.to_json(), costs.parameters, costs.macs, str(shape))


def check_shapes(space: Space, weights: dict[str, FoundWeights]) -> None:
    """Check that weights have a row for each edge of a space.

    Raises:
        UsageError: they have not, or are of another kind of cell.
    """
    for kind, found in weights.items():
        if kind not in space.cells or len(found.weights) != len(space.edges):
            raise UsageError(
                f"The weights of cell '{kind}' have {len(found.weights)} rows; the space '{space.name}' has "
                f"{len(space.edges)} edges."
            )
