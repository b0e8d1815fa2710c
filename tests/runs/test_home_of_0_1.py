"""Runs of version 0.1 are listed, read, compared and exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs.catalogue.entries import Space
from runs.catalogue.genotype_text import text_of_json
from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.home import Home, RunPaths
from runs.log.history import load
from runs.store.compare import compare
from runs.store.export import export
from runs.store.run_store import RunStore
from tests.home_of_0_1 import STATUSES, unpack


@pytest.fixture
def runs(home: Home) -> dict[str, RunPaths]:
    return unpack(home)


@pytest.mark.parametrize("index", ["of 0.1", "missing"])
def test_every_run_is_listed(home: Home, runs: dict[str, RunPaths], index: str) -> None:
    if index == "missing":
        home.index.unlink()
    store = RunStore(home)
    assert {record.labels.name: str(record.status) for record in store.records()} == STATUSES
    assert store.unreadable == {}
    finished = store.find(runs["finished"].root.name)
    assert finished.labels.tags == ["of-0.1"]
    assert (finished.summary.epoch, finished.summary.epochs) == (4, 4)
    assert finished.summary.best["search_accuracy"] == 11.0
    assert store.find(runs["retrained"].root.name).origin == finished.id[:8]


@pytest.mark.parametrize("name", STATUSES)
def test_its_log_is_read_to_the_end(runs: dict[str, RunPaths], name: str) -> None:
    epochs = {"finished": 4, "stopped": 2, "retrained": 2, "zero cost": 3, "black box": 2}
    history = load(runs[name])
    assert [epoch.epoch for epoch in history.epochs] == list(range(1, epochs.get(name, 1) + 1))
    assert history.environment["host"] == "lab"
    for epoch in history.epochs:
        if epoch.genotype is not None:
            assert text_of_json(epoch.genotype)


@pytest.mark.parametrize(
    ("name", "space"), [("finished", NASBENCH201), ("two cells", DARTS), ("zero cost", NASBENCH201)]
)
def test_its_edges_are_those_of_the_space(runs: dict[str, RunPaths], name: str, space: Space) -> None:
    for epoch in load(runs[name]).epochs:
        assert tuple(epoch.architecture) == space.cells
        for cell in epoch.architecture.values():
            assert tuple(cell.edges) == space.edges
            assert len(cell.weights) == len(space.edges)


def test_runs_are_compared(home: Home, runs: dict[str, RunPaths]) -> None:
    store = RunStore(home)
    content = compare([store.find(runs[name].root.name) for name in ("finished", "stopped", "two cells")])
    assert set(content["differs"]["space"].values()) == {"nasbench201", "darts"}
    assert [len(group["runs"]) for group in content["groups"]] == [2, 1]


@pytest.mark.parametrize("name", STATUSES)
def test_a_run_is_exported(home: Home, runs: dict[str, RunPaths], tmp_path: Path, name: str) -> None:
    folder = export(RunStore(home).find(runs[name].root.name), tmp_path / "bundle")
    assert (folder / "metrics.csv").read_text().count("\n") == 1 + len(load(runs[name]).epochs)
    rows = (folder / "architecture.csv").read_text().splitlines()
    if name == "two cells":
        assert rows[1].startswith("1,normal,2←0,none,")
