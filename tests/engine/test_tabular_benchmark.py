"""Table look-ups by runs: what epochs report, and that look-ups change nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine.tabular_benchmark import Benchmark
from runs.benchmarks import store
from runs.catalogue import library
from runs.genotypes.nasbench201 import TOPOLOGY
from runs.home import Home
from runs.log.events import Event, Warned
from tests.engine.conftest import Bench, same
from tests.tabulated import accuracy, write_csv

Make = Callable[..., Bench]
LABEL = "test (200 epochs)"


@pytest.fixture(scope="module")
def tabulated(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("tabulated")
    store.import_csv(write_csv(folder / "table.csv"), Home(folder))
    return Home(folder)


def test_accuracies_regret_and_the_band_of_samples(bench: Make, tabulated: Home) -> None:
    search, said = bench().method, list[Event]()
    table = Benchmark(tabulated, "nasbench201", said.append)
    genotype = search.genotype()
    code = TOPOLOGY.number(genotype)
    fields = table.event_fields(genotype)
    assert fields["benchmark"]["digits"][LABEL] == pytest.approx(accuracy(code))
    better = sum(accuracy(other) > accuracy(code) for other in range(15_625))
    assert (fields["benchmark_rank"], fields["benchmark_size"]) == ({"digits": {LABEL: 1 + better}}, 15_625)
    told = table.extras(search, genotype)
    assert told["benchmark_regret"] == {"digits": {LABEL: pytest.approx(90 - accuracy(code), abs=1e-3)}}
    values = [accuracy(TOPOLOGY.number(one)) for one in search.sampled_genotypes()]
    assert len(values) == 100
    band = told["benchmark_band"]["digits"][LABEL]
    assert band == {
        "min": pytest.approx(min(values)),
        "mean": pytest.approx(sum(values) / 100, abs=1e-3),
        "max": pytest.approx(max(values)),
    }
    assert band["min"] < band["mean"] < band["max"]
    assert said == []


def test_the_band_closes_as_the_distribution_does(bench: Make, tabulated: Home) -> None:
    """With nearly all mass on one operation per edge, every sample is the derived architecture and the band closes."""
    search = bench().method
    with torch.no_grad():
        search.current.architecture.alphas["cell"].fill_(-6)
        search.current.architecture.alphas["cell"][:, 3] = 1000
    assert {TOPOLOGY.number(one) for one in search.sampled_genotypes()} == {TOPOLOGY.number(search.genotype())}
    told = Benchmark(tabulated, "nasbench201", [].append).extras(search, search.genotype())
    assert set(told) == {"benchmark_regret"}


def test_deterministic_relaxations_have_no_band(bench: Make, tabulated: Home) -> None:
    search = bench(method="darts", space="nasbench201").method
    told = Benchmark(tabulated, "nasbench201", [].append).extras(search, search.genotype())
    assert set(told) == {"benchmark_regret"}


def test_looking_up_changes_nothing_in_the_search(bench: Make, tabulated: Home) -> None:
    plain = bench().reports()
    search, table = bench(), Benchmark(tabulated, "nasbench201", [].append)
    reports = []
    while search.method.epoch < search.method.epochs:
        first, again = (table.extras(search.method, search.method.genotype()) for _ in range(2))
        assert first == again
        reports.append(search.epoch())
    assert all(map(same, plain, reports))


def test_without_a_table_or_with_a_broken_one_nothing_is_reported(bench: Make, tabulated: Home, tmp_path: Path) -> None:
    search, said = bench().method, list[Event]()
    home = Home(tmp_path)
    nothing = Benchmark(home, "darts", said.append)
    assert (nothing.event_fields(search.genotype()), nothing.extras(search, search.genotype())) == ({}, {})
    included = Benchmark(home, "nasbench201", said.append)
    assert list(included.event_fields(search.genotype())["benchmark"]) == ["cifar10", "cifar100", "imagenet16_120"]
    assert said == []
    home.benchmarks.mkdir()
    (home.benchmarks / "nasbench201.table").write_bytes(b"nonsense")
    assert Benchmark(home, "nasbench201", said.append).event_fields(search.genotype()) == {}
    assert [type(event) for event in said] == [Warned]
    other = Benchmark(tabulated, "nasbench201", said.append)
    assert other.event_fields(library.get("DARTS_V2").genotype) == {}
