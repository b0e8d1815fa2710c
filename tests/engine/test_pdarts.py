"""P-DARTS: what each stage drops, how its schedules restart, and exact resuming."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.architecture.parameters import ArchitectureParameters
from engine.core.artifacts import Artifacts
from engine.core.plugins import attribute
from engine.method import DerivesVariants
from engine.methods.pdarts import by_limit, limited, stages
from engine.search import learning_rates
from engine.search.pruning import PruneAndRestart, remaining, without_weakest
from engine.search.skip_dropout import skip_dropout
from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.space import all_candidates
from runs import catalogue
from runs.catalogue.methods.pdarts import PDartsSettings
from runs.configuration import Draft, resolve
from runs.errors import UsageError
from runs.genotypes import darts
from runs.home import RunPaths
from runs.log.events import StageStarted
from tests.engine.conftest import Bench, check_resumes, same
from tests.vectors import load

Make = Callable[..., Bench]

VECTORS = load("baselines/pdarts")
SCHEDULES = {case["name"]: case for case in load("baselines/schedules")["cases"]}
KINDS = ("normal", "reduce")
SMALL = {
    "method": "pdarts",
    "layers": 3,
    "added_layers": "0,1,1",
    "channels": 2,
    "image_size": 8,
    "image_limit": 64,
    "epochs": 6,
    "arch_frozen_epochs": 1,
}


def settings(preset: str = "paper", **options: Any) -> PDartsSettings:
    found = resolve(Draft(method="pdarts", preset=preset, device="cpu", options=options)).settings()
    assert isinstance(found, PDartsSettings)
    return found


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_every_stage_keeps_what_the_public_code_keeps(case: dict[str, Any]) -> None:
    entry = catalogue.space("darts")
    space = attribute(entry.engine)(entry, settings(), 10)
    alive = all_candidates(entry)
    for number, stage in enumerate(case["stages"]):
        architecture = ArchitectureParameters(entry, alive, torch.Generator(), scale=0).double()
        with torch.no_grad():
            for kind in KINDS:
                for row, kept, given_row in zip(
                    architecture.alphas[kind], alive[kind], stage[f"alphas_{kind}"], strict=True
                ):
                    row[list(kept)] = torch.tensor(given_row, dtype=row.dtype)
        if number == len(case["stages"]) - 1:
            break
        alive = remaining(architecture, alive, stage["ops_per_edge_before"] - stage["drop"], without_weakest)
        for kind in KINDS:
            names = [[entry.operations[op] for op in kept] for kept in alive[kind]]
            assert names == stage[f"operations_after_{kind}"]
    genotype = limited(14, space, architecture, alive)
    for kind in KINDS:
        assert [list(pair) for pair in darts.pairs(genotype.cells[kind])] == case["initial_genotype"][kind]
    for limit in case["restricted"]:
        normal = darts.pairs(limited(limit["max_skip"], space, architecture, alive).cells["normal"])
        assert sum(name == "skip_connect" for name, _ in normal) == limit["actual_skip"]
        assert [list(pair) for pair in normal] == limit["normal"]
    every = by_limit(space, architecture, alive)
    assert every == {f"skips_{most}": limited(most, space, architecture, alive) for most in range(9)}


def test_the_paper_presets_have_its_plan() -> None:
    plan, published = list(stages(settings())), VECTORS["stage_plan"]
    assert [stage.network["layers"] for stage in plan] == published["cells"]
    assert [stage.epochs for stage in plan] == [published["epochs"]] * 3
    assert [stage.frozen_epochs for stage in plan] == [published["epochs_weights_only"]] * 3
    assert [
        8,
        *(stage.transition.keep for stage in plan if isinstance(stage.transition, PruneAndRestart)),
    ] == published["ops_before"]
    assert settings().dropout_of_stages == (0, 0.4, 0.7)
    assert settings("paper-cifar100").dropout_of_stages == (0.1, 0.2, 0.3)
    assert settings("public").dropout_of_stages == (0.1, 0.4, 0.7)
    values = settings()
    assert (values.batch_size, values.arch_learning_rate, values.arch_gradient_clip) == (96, 6e-4, 5)
    assert (values.learning_rate, values.learning_rate_min, values.skip_limit) == (0.025, 0, 2)


def test_a_run_keeps_the_cell_of_every_skip_limit(bench: Make, tmp_path: Path) -> None:
    search, paths = bench(**SMALL), RunPaths(tmp_path)
    assert isinstance(search.method, DerivesVariants)
    Artifacts(paths).variants(search.method.variants())
    kept = json.loads(paths.variants.read_text())
    assert list(kept) == [f"skips_{most}" for most in range(9)]
    assert kept["skips_2"] == search.method.genotype().to_json()
    assert bench(method="darts", space="darts").method.variants() == {}


def test_schedules_restart_in_every_stage() -> None:
    rate = partial(learning_rates.in_each_stage, 0.025, 0.0, lengths=(25, 25, 25))
    for epoch, value in SCHEDULES["pdarts_stage"]["values"]:
        assert [rate(epoch + start, 75) for start in (0, 25, 50)] == pytest.approx([value] * 3)


@pytest.mark.parametrize("start", [0.4, 0.7])
def test_skip_dropout_decays(start: float) -> None:
    for epoch, value in SCHEDULES[f"pdarts_skip_dropout_{start}"]["values"]:
        assert skip_dropout(start, epoch, 25, 10) == pytest.approx(value)


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8), st.lists(st.integers(1, 8), min_size=1, max_size=3))
def test_what_was_dropped_stays_dropped(row: list[float], keeps: list[int]) -> None:
    alive: tuple[int, ...] = tuple(range(8))
    for keep in sorted(keeps, reverse=True):
        left = without_weakest(row, alive, keep)
        assert set(left) <= set(alive)
        assert len(left) == keep
        assert min(row[op] for op in left) >= max((row[op] for op in set(alive) - set(left)), default=-5)
        alive = left


def test_a_search_goes_through_its_stages(bench: Make) -> None:
    search = bench(**SMALL, skip_dropout="0,0.4,0.7")
    search.method.prepare()
    seen: list[tuple[Any, ...]] = []
    for _ in range(6):
        search.method.advance()
        supernet = search.method.current.supernet
        assert isinstance(supernet, DartsSupernet)
        started = search.method.current.architecture.alphas["normal"].abs().max() < 0.1
        report = search.epoch()
        counts = set(report.extras["operations_alive"]["normal"])
        seen.append((len(supernet.cells), counts, supernet.skip_dropout, bool(started)))
        assert sum(edge.operation == "skip_connect" for edge in report.genotype.cells["normal"].edges) <= 2
    assert [cells for cells, *_ in seen] == [3, 3, 4, 4, 4, 4]
    assert [counts for _, counts, *_ in seen] == [{8}, {8}, {5}, {5}, {3}, {3}]
    assert [dropout for *_, dropout, _ in seen] == pytest.approx([0, 0, 0.2, 0.4, 0.35, 0.7])
    assert [start for *_, start in seen][::2] == [True] * 3, "alphas begin anew"
    titles = [event.title for event in search.said if isinstance(event, StageStarted)]
    assert titles == ["3 cells, 8 operations", "4 cells, 5 operations", "4 cells, 3 operations"]
    assert not search.method.current.weight_optimizer.state_dict()["state"].keys() - set(
        range(len(list(search.method.current.supernet.parameters())))
    )


def test_going_on_from_any_stage_is_going_on(bench: Make) -> None:
    """From inside the first stage, at both transitions, and in the evaluation after one."""
    one_epoch_each = {"epochs": 3, "arch_frozen_epochs": 0, "skip_dropout": "0.3,0.4,0.7"}
    check_resumes(bench, SMALL | one_epoch_each, (1, 2, 4, 5))


def test_every_option_does_something(bench: Make) -> None:
    options = SMALL | {"epochs": 3, "arch_frozen_epochs": 0, "skip_dropout": "0,0,0"}
    usual = bench(**options).epoch()
    for option in ({"skip_dropout": "0.6,0.6,0.6"}, {"added_layers": "1,1,1"}):
        assert not same(usual, bench(**options | option).epoch()), option


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"added_layers": "0,6"}, "added_layers must have 3 numbers, one per stage of stage_operations, got 2: '0,6'"),
        ({"added_layers": "0,6,1.5"}, "must be comma-separated whole numbers"),
        ({"added_layers": "0,6,500"}, "must be at most 100 per stage"),
        ({"skip_dropout": "0,0.4"}, "must have 3 numbers"),
        ({"skip_dropout": "0,0.4,nan"}, "must be comma-separated numbers"),
        ({"skip_dropout": "0,0.4,1"}, "must be below 1 in every stage"),
        ({"stage_operations": "8,5,1"}, "must leave at least 2 operations in the last stage"),
        ({"stage_operations": "7,5,3"}, "start with 8 or 0"),
        (
            {"epochs": 30, "stage_epochs": "", "arch_frozen_epochs": 10},
            "must be less than the shortest stage of 10 epochs",
        ),
    ],
    ids=str,
)
def test_a_plan_that_cannot_be_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as refusal:
        settings(**options)
    assert says in str(refusal.value)
