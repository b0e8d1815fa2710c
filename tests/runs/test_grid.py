"""The grid of a sweep: seeds and values as they are typed, and the members that they make."""

from __future__ import annotations

from typing import Any

import pytest

from runs.configuration import Draft
from runs.errors import UsageError
from runs.fleet.grid import checked_grid, checked_seeds, grid_of, member_draft, members, seeds_of, size

DRAFT = Draft(method="drnas", preset="quick")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (3,)), ("0-4", (0, 1, 2, 3, 4)), ("0,3,7-9", (0, 3, 7, 8, 9)), (" 5 , 1 ", (5, 1)), ("9-9", (9,))],
)
def test_seeds_are_numbers_and_ranges_in_the_order_given(text: str, seeds: tuple[int, ...]) -> None:
    assert seeds_of(text) == seeds


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "must be seeds and ranges"),
        ("a", "must be seeds and ranges"),
        ("1-", "must be seeds and ranges"),
        ("-1", "must be seeds and ranges"),
        ("1.5", "must be seeds and ranges"),
        ("0-4,3", "The seed 3 occurs twice"),
        ("2,2", "The seed 2 occurs twice"),
        ("9-0", "runs backwards"),
        ("0-99999999", "has 100,000,000 seeds"),
        ("9999999999999999999", "is not a seed"),
    ],
)
def test_what_is_not_a_list_of_seeds_is_refused(text: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        seeds_of(text)


@pytest.mark.parametrize("seed", [True, "3", 1.0, -1, 2**63, None])
def test_a_file_must_list_whole_numbers(seed: Any) -> None:
    with pytest.raises(UsageError, match="is not a seed"):
        checked_seeds([0, seed])


def test_a_grid_has_the_values_of_each_key_as_typed() -> None:
    grid = grid_of(["learning_rate=0.01, 0.025", "method=drnas,gdas"])
    assert grid == {"learning_rate": ("0.01", "0.025"), "method": ("drnas", "gdas")}


@pytest.mark.parametrize("word", ["learning_rate", "=1,2", ""])
def test_a_word_that_is_no_key_with_values_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="--grid takes KEY=VALUE,VALUE"):
        grid_of([word])


@pytest.mark.parametrize(
    ("grid", "fault"),
    [
        ({"epochs": ("1",)}, "has a single value"),
        ({"epochs": ("1", "1")}, "has a value twice"),
        ({"epochs": ("1", "")}, "has an empty value"),
        ({"seed": ("1", "2")}, "--seeds 0-9"),
        ({"epochs": "1"}, "must be a list of values"),
    ],
)
def test_a_key_that_does_not_vary_is_refused(grid: Any, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        checked_grid(grid, DRAFT)


def test_a_key_that_is_also_set_is_refused() -> None:
    with pytest.raises(UsageError, match="'epochs' is set to 3 and also in the grid"):
        checked_grid({"epochs": ("1", "2")}, DRAFT.model_copy(update={"options": {"epochs": "3"}}))


def test_a_key_is_named_once() -> None:
    with pytest.raises(UsageError, match="names 'epochs' twice"):
        grid_of(["epochs=1,2", "epochs=3,4"])


def test_members_are_all_combinations_and_those_of_the_first_seed_come_first() -> None:
    grid = {"a": ("1", "2"), "b": ("x", "y")}
    found = list(members(grid, (7, 8)))
    assert len(found) == size(grid, (7, 8)) == 8
    assert found[:4] == [(7, {"a": a, "b": b}) for a in "12" for b in "xy"]
    assert [seed for seed, _ in found] == [7] * 4 + [8] * 4


def test_a_members_draft_takes_names_and_hyperparameters_from_its_combination() -> None:
    draft = member_draft(DRAFT, 3, {"method": "gdas", "space": "nasbench201", "epochs": "2"})
    assert (draft.method, draft.space, draft.preset, draft.seed) == ("gdas", "nasbench201", "quick", 3)
    assert draft.options == {"epochs": "2"}
