"""Runs without an engine: directories as an engine would leave them, for tests of the store and the screens."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from runs.catalogue.spaces.nasbench201 import SPACE
from runs.configuration import Draft, RunConfig, resolve
from runs.genotypes import nasbench201
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import (
    CellSnapshot,
    CheckpointWritten,
    EpochEnded,
    Event,
    Finished,
    Progress,
    StageStarted,
    Started,
)
from runs.log.indicators import entropy
from runs.store.labels import Labels
from runs.store.run_store import RunStore

EDGES = list(SPACE.edges)


def snapshot(weights: Sequence[Sequence[float]]) -> CellSnapshot:
    """Return a snapshot of one cell in which the operation with the largest weight of each row is chosen."""
    rows = [list(row) for row in weights]
    return CellSnapshot(
        edges=EDGES,
        operations=list(SPACE.operations),
        weights=rows,
        alive=[[True] * len(row) for row in rows],
        chosen=[row.index(max(row)) for row in rows],
        extras={"concentration": [[1 + weight for weight in row] for row in rows]},
    )


def epoch_event(epoch: int, epochs: int, generator: random.Random) -> EpochEnded:
    """Return an epoch of a plausible search: accuracy rises, and each edge increasingly prefers one operation."""
    progress = epoch / epochs
    rows = []
    for edge in range(len(EDGES)):
        scores = [0.2 * generator.random() + (3 * progress if op == (3 + edge) % 5 else 0) for op in range(5)]
        total = sum(math.exp(score) for score in scores)
        rows.append([math.exp(score) / total for score in scores])
    cell = snapshot(rows)
    return EpochEnded(
        epoch=epoch,
        epochs=epochs,
        stage=0,
        seconds=1.5,
        metrics={
            "train_accuracy": 100 * (1 - math.exp(-4 * progress)) - 2,
            "train_loss": 2.3 * math.exp(-3 * progress),
            "search_accuracy": 95 * (1 - math.exp(-4 * progress)),
            "search_loss": 2.3 * math.exp(-2.5 * progress),
        },
        learning_rates={"weights": 0.025 * (1 - progress) + 0.001, "architecture": 3e-4},
        architecture={"cell": cell},
        genotype=nasbench201.genotype(cell.chosen).to_json(),
        extras={"entropy": {"cell": [entropy(row) for row in rows]}},
    )


def course(epochs: int, done: int, *, seed: int = 0, ended: bool = True) -> Iterator[Event]:
    """Yield the events of a run with ``done`` epochs; it finishes if all are done and ``ended`` is true."""
    generator = random.Random(seed)
    yield Started(environment={"device": "cpu", "threads": 2, "torch": "2.15.0"})
    yield StageStarted(index=0, of=1, epochs=epochs, title="search")
    last = None
    for epoch in range(1, done + 1):
        yield Progress(epoch, epochs, 6, 12, 900.0, 1.5 * (epochs - epoch), 400_000_000, {"train_loss": 1.0})
        last = epoch_event(epoch, epochs, generator)
        yield last
        yield CheckpointWritten(epoch=epoch, step=0, bytes=100_000)
    if ended and done == epochs and last is not None:
        yield Finished(genotype=last.genotype, parameters=316_346, macs=43_172_480, network="16 channels, 5 cells")


def make_run(
    home: Path,
    *,
    epochs: int = 5,
    done: int | None = None,
    seed: int = 0,
    name: str = "",
    tags: Sequence[str] = (),
    ended: bool = True,
    sweep: str = "",
) -> tuple[RunConfig, RunPaths]:
    """Create a run in a store, as an engine would leave it. ``done=0`` leaves it queued."""
    config = resolve(Draft(method="drnas", preset="quick", seed=seed, options={"epochs": epochs}))
    config = config.model_copy(update={"sweep": sweep})
    paths = RunStore(Home(home)).create(config, Labels(name, list(tags)))
    done = epochs if done is None else done
    if done:
        paths.lock.touch()
        with EventLog(paths.events) as event_log:
            for event in course(epochs, done, seed=seed, ended=ended):
                event_log.append(event)
    time.sleep(0.002)  # so that creation times differ
    return config, paths
