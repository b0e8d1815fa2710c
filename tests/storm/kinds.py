"""Cheap runs of several kinds, and how each ends if nothing disturbs it."""

from __future__ import annotations

import functools
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs import catalogue
from runs.benchmarks.store import import_csv
from runs.catalogue import library
from runs.configuration import Draft, resolve
from runs.home import Home, RunPaths
from runs.log.history import load
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from tests.engine.small_runs import SMALL, without_clocks
from tests.storm.copies import CHECKPOINT, Faults, engine
from tests.tabulated import write_csv

SMALLEST = SMALL | {"checkpoint_seconds": 0.1, "channels": 4, "layers": 3, "image_limit": 48, "batch_size": 16}
TABULAR = {"threads": 1, "checkpoint_seconds": 0.1}
ENGINE_SECONDS = 300


@dataclass(frozen=True)
class Kind:
    """A method in a space; ``options`` come before those of :data:`SMALLEST`, which a table has no use for."""

    method: str
    space: str
    options: tuple[tuple[str, Any], ...] = ()
    tabular: bool = False

    @property
    def name(self) -> str:
        """Its name in folders and reports."""
        return f"{self.method}-{self.space}"


KINDS = (
    Kind("drnas", "nasbench201"),
    Kind("drnas", "darts", (("stage_partial", "2,1"),)),
    Kind("pdarts", "darts"),
    Kind("prdarts", "prdarts"),
    Kind("gdas", "nasbench201"),
    Kind("rsws", "nasbench201"),
    Kind("evolution", "nasbench201", (("queries", 400), ("epoch_queries", 10)), tabular=True),
    Kind("reinforce", "nasbench201", (("queries", 400), ("epoch_queries", 10)), tabular=True),
    Kind("retrain", "nasbench201"),
    Kind("ista", "darts"),
)


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing has disturbed.

    Attributes:
        created: its folder before an engine has seen it.
        before_transition: its folder as a kill just before its first transition leaves it; None without transitions.
        calls: in its first transition.
        operations: of the disk that write its checkpoints, and all.
        seconds: from the start of its engine to its end.
        result: what every disturbed run must end with.
    """

    kind: Kind
    created: Path
    before_transition: Path | None
    calls: int
    operations: tuple[int, int]
    seconds: float
    result: dict[str, Any]


@functools.cache
def table(folder: Path) -> Path:
    """Return a folder of benchmarks with a table of every cell."""
    home = Home(folder / "tabled")
    import_csv(write_csv(folder / "table.csv"), home)
    return home.benchmarks


@functools.cache
def undisturbed(kind: Kind, folder: Path) -> Undisturbed:
    """Run a kind to its end, once in a folder."""
    home = Home(folder / kind.name)
    home.root.mkdir()
    shutil.copytree(table(folder), home.benchmarks)
    paths = created(kind, home)
    fresh = Path(shutil.copytree(paths.root, home.root / "created"))
    faults = Faults(kill_at=10**9, of=CHECKPOINT, kill_in_transition=10**9)
    seconds = _run(paths, faults)
    calls = [int(number) for number in re.findall(r"transition: (\d+) calls", paths.log.read_text())]
    checkpoints, everything = re.findall(r"operations: (\d+) of (\d+)", paths.log.read_text())[-1]
    before = None
    if calls:
        other = Home(home.root / "other").run(paths.root.name)
        shutil.copytree(fresh, other.root)
        shutil.copytree(home.benchmarks, home.root / "other" / "benchmarks")
        process = engine(other.root, Faults(kill_in_transition=1))
        process.join(ENGINE_SECONDS)
        before = other.root
    return Undisturbed(
        kind, fresh, before, calls[0] if calls else 0, (int(checkpoints), int(everything)), seconds, result(paths)
    )


def result(paths: RunPaths) -> dict[str, Any]:
    """Return everything that a run must end with, bit for bit."""
    epochs = [
        without_clocks({name: getattr(epoch, name) for name in epoch.__slots__ if name != "seconds"})
        for epoch in load(paths).epochs
    ]
    # Records as text: NaN is not equal to itself.
    found: dict[str, Any] = {"epochs": [json.dumps(epoch, default=repr) for epoch in epochs]}
    for file in (paths.genotype, paths.weights, paths.best, paths.network):
        found[file.name] = file.read_bytes() if file.exists() else None
    return found


def created(kind: Kind, home: Home) -> RunPaths:
    """Create a run, without an engine."""
    known = catalogue.options(catalogue.method(kind.method), catalogue.space(kind.space)).model_fields
    wanted = (TABULAR if kind.tabular else SMALLEST) | dict(kind.options)
    options = {key: value for key, value in wanted.items() if key in known}
    draft = Draft(method=kind.method, preset="quick", dataset="digits", device="cpu", seed=3, options=options)
    if kind.method == "retrain":
        what: dict[str, Any] = {"genotype": library.typical(catalogue.space(kind.space)).to_json()}
    else:
        what = {"space": kind.space}
    draft = draft.model_copy(update=what)
    return RunStore(home).create(resolve(draft), Labels())


def _run(paths: RunPaths, faults: Faults) -> float:
    import time

    began = time.monotonic()
    process = engine(paths.root, faults)
    process.join(ENGINE_SECONDS)
    assert process.exitcode == 0, paths.log.read_text()
    return time.monotonic() - began
