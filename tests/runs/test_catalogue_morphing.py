"""The plan of a search that prunes and refills: its stages, and which plans are rejected."""

from __future__ import annotations

from typing import Any

import pytest

from runs.catalogue.morphing import LISTS, MorphingSettings, PoolStage, plan
from runs.catalogue.settings import describe, validate
from runs.errors import UsageError
from runs.genotypes.morphisms import SETS
from tests.vectors import load

# The names of the settings' lists in the vectors.
ARGUMENTS = {
    "stage_keep": "num_to_keep",
    "stage_morphs": "num_morphs",
    "stage_epochs": "epochs",
    "stage_frozen_epochs": "grace_epochs",
    "added_layers": "add_layers",
    "added_channels": "add_width",
    "skip_dropout": "dropout_rate",
}


@pytest.mark.parametrize("case", load("prdarts/schedule")["cases"], ids=lambda case: str(case["name"]))
def test_stages(case: dict[str, Any]) -> None:
    stages = plan({name: case["args"][argument] for name, argument in ARGUMENTS.items()}, case["initial_pool"])
    assert sum(stage.epochs for stage in stages) == case["total_epochs"]
    for stage, expected in zip(stages, case["stages"], strict=True):
        assert stage == PoolStage(
            number=expected["stage"],
            first_epoch=expected["first_epoch"],
            epochs=expected["epochs"],
            frozen_epochs=expected["alpha_frozen_epochs"],
            added_layers=expected["layers"] - case["base_layers"],
            added_channels=expected["channels"] - case["init_channels"],
            skip_dropout=case["args"]["dropout_rate"][expected["stage"]],
            pool=expected["pool_in"],
            keep=expected["pool_out"],
            morphs=expected["added"],
            last=expected["last"],
            carries=expected["load_and_inherit"],
        )
        assert stage.dropped == expected["dropped"]


def settings(**changes: Any) -> MorphingSettings:
    found = validate(MorphingSettings, changes, "test")
    assert isinstance(found, MorphingSettings)
    return found


SMALL = {"epochs": 6, "stage_keep": "6,3,1", "stage_morphs": "3,0,0"}


def test_one_number_counts_for_all_stages() -> None:
    stages = settings(**SMALL, stage_frozen_epochs="1", added_layers="0,1,2", skip_dropout=".1").plan
    assert [stage.frozen_epochs for stage in stages] == [1, 1, 1]
    assert [stage.added_layers for stage in stages] == [0, 1, 2]
    assert [stage.carries for stage in stages] == [False, False, False]
    assert [stage.skip_dropout for stage in stages] == [0.1] * 3
    assert [stage.epochs for stage in settings(**SMALL | {"epochs": 8}).plan] == [3, 3, 2]


def test_limits_of_ones_own() -> None:
    assert settings().limits == SETS["darts_like"]
    own = settings(kernel_max=9, extra_stages_max=0)
    assert (own.limits.kernel_min, own.limits.kernel_max, own.limits.extra_stages_max) == (3, 9, 0)
    # Kernels of 3 to 9, with and without dilation, besides pools and skip.
    assert own.reachable == (11, 11)
    assert settings(restrictions="r_depth").reachable == (35, 45)
    assert settings(restrictions="unrestricted").reachable == (76, None)
    assert settings(restrictions="r_depth", **SMALL).reachable == (8, 45)


def test_a_form_can_show_them() -> None:
    shown = {info.name: info for info in describe(MorphingSettings)}
    assert shown["kernel_max"].range == "-1 … 99"
    assert shown["initial_pool"].choices == ("prdarts4", "prdarts5", "darts")
    assert set(LISTS) <= set(shown)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"stage_morphs": "3,0"}, "stage_morphs has 2 numbers, but stage_keep has 3"),
        ({"skip_dropout": "0,0,0,0"}, "skip_dropout has 4 numbers, but stage_keep has 3"),
        (
            {"stage_keep": "6,x,1"},
            "stage_keep must be comma-separated whole numbers of at least 0, one per stage, got '6,x,1'",
        ),
        ({"stage_keep": "6,3,0"}, "stage_keep is 0 for stage 3, but that leaves an edge without operations"),
        ({"stage_keep": "6,3,2"}, "stage_keep is 2 for stage 3, but after the last stage every edge has 1 operation"),
        ({"stage_keep": "6,1,1"}, "stage_keep is 1 for stage 2, but the next stage must have a choice"),
        (
            {"stage_keep": "8,3,1"},
            "stage_keep is 8 for stage 1, but an edge has 4 operations and gets 3: keep at most 7",
        ),
        (
            {"stage_keep": "6,7,1"},
            "stage_keep is 7 for stage 2, but an edge has 6 operations and gets 0: keep at most 6",
        ),
        (
            {"stage_morphs": "6,0,0"},
            "stage_morphs is 6 for stage 1, but it keeps 6, and new operations are made from old ones: set at most 5",
        ),
        ({"stage_morphs": "3,0,1"}, "stage_morphs is 1 for stage 3, but no stage follows"),
        ({"stage_epochs": "2,2,0"}, "stage_epochs is 0 for stage 3"),
        ({"stage_epochs": "2,2,3"}, "stage_epochs='2,2,3' sums to 7, but epochs=6"),
        ({"epochs": 2}, "stage_epochs is 0 for stage 3, but a stage needs at least 1 epoch"),
        (
            {"stage_frozen_epochs": "1,2,1"},
            "stage_frozen_epochs is 2 for stage 2, but some of its 2 epochs must train the architecture",
        ),
        ({"added_layers": "101"}, "added_layers is 101 for stage 1"),
        ({"skip_dropout": "0,1,0"}, "skip_dropout is 1 for stage 2, but a dropout rate must be below 1"),
        ({"stage_keep": ",".join(["6"] * 51)}, "stage_keep must have at most 50 numbers, one per stage, got 51"),
        ({"kernel_max": 101}, "kernel_max in test is '101', but must be a whole number -1 … 99"),
        ({"kernel_max": 6}, "kernel_max is 6, but kernels have odd sides"),
        ({"kernel_min": 9}, "kernel_min is 9, but kernel_max is 7"),
        ({"kernel_min": 5}, "the initial pool has 'c3', but kernel_min is 5"),
        ({"kernel_max": 3, "dilation_max": 1, "extra_stages_max": 0}, "leave c3 no morphism"),
    ],
    ids=str,
)
def test_a_plan_that_cannot_be_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as refusal:
        settings(**SMALL | options)
    assert says in str(refusal.value)
