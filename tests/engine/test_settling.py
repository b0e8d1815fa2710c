"""The collapse monitor: how long the genotype has been unchanged, and when a collapse is reported."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from engine.search.collapse_monitor import COLLAPSED_EPOCHS, CollapseMonitor
from runs.genotypes import darts, nasbench201
from runs.log.events import Warned
from tests.engine.conftest import Bench

Make = Callable[..., Bench]

SKIPS = nasbench201.genotype([1, 1, 1, 3, 4, 4])
OTHERS = nasbench201.genotype([3, 3, 3, 3, 1, 1])


def test_a_genotype_that_stands_is_counted() -> None:
    settling = CollapseMonitor()
    seen = [settling.observe(genotype, True) for genotype in (SKIPS, SKIPS, SKIPS, OTHERS)]
    assert [each["epochs_unchanged"] for each in seen] == [0, 1, 2, 0]
    assert seen[0]["skip_share"] == {"cell": 0.5}
    assert seen[0]["pool_share"]["cell"] == pytest.approx(1 / 3)
    compact = darts.genotype([("max3", 0), ("skip", 1)] * 4, [("c3", 0), ("avg3", 1)] * 4)
    assert CollapseMonitor().observe(compact, True)["pool_share"] == {"normal": 0.5, "reduce": 0.5}


def test_a_collapse_is_told_once_and_chance_is_none() -> None:
    settling = CollapseMonitor()
    told = []
    for genotype, trained in [(SKIPS, False)] * 5 + [(SKIPS, True)] * 2 + [(OTHERS, True)] + [(SKIPS, True)] * 5:
        settling.observe(genotype, trained)
        told.append(bool(settling.alarm))
        loaded = CollapseMonitor()
        loaded.load(settling.state())
        settling = loaded
    assert [place for place, alarmed in enumerate(told) if alarmed] == [8 + COLLAPSED_EPOCHS - 1]


def test_every_epoch_says_whether_the_search_has_collapsed() -> None:
    settling = CollapseMonitor()
    course = [(SKIPS, False), (SKIPS, True), (SKIPS, True), (SKIPS, True), (SKIPS, False), (OTHERS, True)]
    said = [settling.observe(genotype, trained)["collapsed"] for genotype, trained in course]
    assert said == [False, False, False, True, True, False]


def test_frozen_epochs_repeat_no_alarm() -> None:
    settling = CollapseMonitor()
    for _ in range(COLLAPSED_EPOCHS):
        settling.observe(SKIPS, True)
    assert "the search collapses" in settling.alarm
    settling.observe(SKIPS, False)
    assert settling.alarm == ""


def test_a_search_that_collapses_warns(bench: Make) -> None:
    search = bench(epochs=5, image_limit=60, arch_learning_rate=1e-6)
    with torch.no_grad():
        search.method.current.architecture.alphas["cell"][:, 1] = 3
    search.reports()
    assert [event.kind for event in search.said if isinstance(event, Warned)] == ["collapse"]
