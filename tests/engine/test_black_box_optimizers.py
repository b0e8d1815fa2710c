"""The queries of black-box optimisers: compared with the vectors, and by properties on made-up accuracies."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.black_box.encoding import Cell, Codec, coding
from engine.black_box.evaluator import Evaluation
from engine.black_box.incumbent import Incumbent
from engine.black_box.optimizer import Optimizer
from engine.black_box.rng import Rng
from engine.black_box.search import OptimizerFactory
from engine.methods.evolution import Evolution
from engine.methods.local_search import LocalSearch
from engine.methods.random_search import RandomSearch
from engine.methods.reinforce import Reinforce
from runs import catalogue
from runs.errors import UsageError
from tests import vectors
from tests.engine.conftest import round_trip

EVOLUTION = vectors.load("baselines/evolution_trace")["cases"]
LOCAL_SEARCH = [(case, run) for case in vectors.load("baselines/local_search_trace")["cases"] for run in case["runs"]]
NB201 = Codec((5,) * 6)
SMALL = Codec((3,) * 3)
OPTIMIZERS: dict[str, OptimizerFactory] = {
    "random": RandomSearch,
    "evolution": partial(Evolution, population_size=10, sample_size=3),
    "local, first": LocalSearch,
    "local, best": partial(LocalSearch, patient=True),
    "reinforce": partial(Reinforce, learning_rate=0.01, baseline_momentum=0.9, init_scale=1e-3),
}


def rng(seed: int = 0) -> Rng:
    return Rng(torch.Generator().manual_seed(seed))


class ScriptEndedError(Exception):
    pass


class Scripted(Rng):
    """Draws the given numbers, and leaves every sequence in its order."""

    def __init__(self, numbers: Iterable[int]) -> None:
        super().__init__(torch.Generator())
        self.numbers = iter(numbers)

    def below(self, count: int) -> int:
        number = next(self.numbers, None)
        if number is None:
            raise ScriptEndedError
        assert 0 <= number < count
        return number

    def permutation(self, count: int) -> list[int]:
        return list(range(count))


def tabulated(case: dict[str, Any]) -> dict[Cell, float]:
    return {tuple(cell): accuracy for cell, accuracy in case["table"]}


def made_up(cell: Cell) -> float:
    """Return a made-up accuracy with several local optima."""
    return sum((3 * op * (edge + 1) + cell[edge - 1]) % 7 for edge, op in enumerate(cell)) + cell[0] / 10


def play(optimizer: Optimizer, turns: int) -> list[tuple[Cell, float]]:
    played = []
    for _ in range(turns):
        cell = optimizer.ask()
        played.append((cell, made_up(cell)))
        optimizer.tell(*played[-1])
    return played


# Vectors


@pytest.mark.parametrize("case", EVOLUTION, ids=lambda case: str(case["seed"]))
def test_evolution_takes_the_traced_course(case: dict[str, Any]) -> None:
    numbers = [number for cell in case["initial_population"] for number in cell]
    for event in case["events"]:
        old, new = event["parent"][event["edge"]], event["new_operation"]
        numbers += [*event["sampled_positions"], event["edge"], new - (new > old)]
    script, table, incumbent = Scripted(numbers), tabulated(case), Incumbent()
    codec = Codec((case["operations"],) * case["edges"])
    search = Evolution(codec, script, population_size=case["population_size"], sample_size=case["sample_size"])
    expected = case["initial_population"] + [event["child"] for event in case["events"]]
    after = [None] * len(case["initial_population"]) + [event["population_after"] for event in case["events"]]
    for wanted, population in zip(expected, after, strict=True):
        cell = search.ask()
        assert list(cell) == wanted
        search.tell(cell, table[cell])
        incumbent.update(cell, Evaluation(table[cell]))
        if population is not None:
            assert [list(member) for member, _ in search.population] == population
    assert next(script.numbers, None) is None
    assert (list(incumbent.best), incumbent.accuracy) == (case["best_in_history"], case["best_accuracy"])
    last, _ = max(search.population, key=lambda member: member[1])
    assert list(last) == case["best_in_final_population"]


@pytest.mark.parametrize(("case", "run"), LOCAL_SEARCH)
def test_local_search_takes_the_traced_path(case: dict[str, Any], run: dict[str, Any]) -> None:
    table = tabulated(case)
    patient = run["variant"] == "full_neighbourhood"
    search = LocalSearch(Codec((case["operations"],) * case["edges"]), Scripted(run["start"]), patient=patient)
    queried, path = [], []
    with contextlib.suppress(ScriptEndedError):  # the script has only one start
        while True:
            cell = search.ask()
            if search.current is not None and list(search.current[0]) != path[-1]:
                path.append(list(search.current[0]))
            search.tell(cell, table[cell])
            queried.append(list(cell))
            path = path or [list(cell)]
    assert queried == run["queried_in_order"]
    assert path == run["path"]
    assert search.optima == [(tuple(run["local_optimum"]), run["accuracy"])]


# The codec


@given(st.tuples(*[st.integers(0, 4)] * 6), st.integers(0, 2**32))
def test_a_mutation_is_a_neighbour_and_neighbours_differ_in_one_edge(cell: Cell, seed: int) -> None:
    around = NB201.neighbours(cell)
    assert len(set(around)) == 24
    assert all(sum(a != b for a, b in zip(cell, other, strict=True)) == 1 for other in around)
    assert NB201.mutate(cell, rng(seed)) in around


def test_every_mutation_is_equally_likely() -> None:
    cell, drawn = (0, 1, 2, 3, 4, 0), rng()
    counts = Counter(NB201.mutate(cell, drawn) for _ in range(24_000))
    assert len(counts) == 24
    # Five standard deviations of a binomial with mean 1,000.
    assert all(abs(count - 1000) < 155 for count in counts.values())


# Optimisers


@pytest.mark.parametrize("name", OPTIMIZERS)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), before=st.integers(0, 60))
def test_it_continues_from_its_state(name: str, seed: int, before: int) -> None:
    first = rng(seed)
    optimizer = OPTIMIZERS[name](NB201, first)
    play(optimizer, before)
    state, drawn = optimizer.state(), first.generator.get_state().clone()
    saved = round_trip(state)
    rest = play(optimizer, 40)
    other = rng(seed + 1)
    again = OPTIMIZERS[name](NB201, other)
    again.load(saved)
    other.generator.set_state(drawn)
    assert play(again, 40) == rest
    assert again.distribution() == optimizer.distribution()
    assert again.extras() == optimizer.extras()


@pytest.mark.parametrize("patient", [False, True])
@given(seed=st.integers(0, 2**32))
def test_local_search_asks_for_every_cell_once_and_then_continues(patient: bool, seed: int) -> None:
    search = LocalSearch(SMALL, rng(seed), patient=patient)
    queried = [cell for cell, _ in play(search, SMALL.size)]
    assert len(set(queried)) == SMALL.size
    play(search, 5)  # all cells are known by now
    assert max(accuracy for _, accuracy in search.optima) == max(map(made_up, queried))


@given(seed=st.integers(0, 2**32))
def test_an_optimum_of_local_search_is_one(seed: int) -> None:
    search = LocalSearch(NB201, rng(seed))
    known = dict(play(search, 150))
    for cell, accuracy in search.optima:
        neighbours = NB201.neighbours(cell)
        assert set(neighbours) <= known.keys()
        # A better neighbour that an earlier climb has queried is not a candidate, because that climb continued from it
        # or from a better one.
        assert all(
            known[other] <= accuracy or any(top >= known[other] for _, top in search.optima) for other in neighbours
        )


@given(seed=st.integers(0, 2**32))
def test_evolution_forgets_the_oldest(seed: int) -> None:
    search = Evolution(NB201, rng(seed), population_size=10, sample_size=3)
    played = play(search, 35)
    assert list(search.population) == played[-10:]
    assert [sum(row) for row in search.distribution()] == pytest.approx([1] * 6)


def test_reinforce_follows_the_gradient_of_autograd() -> None:
    search = Reinforce(NB201, rng(), learning_rate=0.05, baseline_momentum=0.9, init_scale=0.5)
    plain = search.logits.clone().requires_grad_()
    adam = torch.optim.Adam([plain], lr=0.05)
    numerator = denominator = 0.0
    for cell, reward in play(search, 30):
        numerator, denominator = 0.9 * numerator + 0.1 * reward, 0.9 * denominator + 0.1
        chosen = plain.log_softmax(-1)[torch.arange(6), torch.tensor(cell)]
        adam.zero_grad()
        (-chosen * (reward - numerator / denominator)).sum().backward()
        adam.step()
    torch.testing.assert_close(search.logits, plain.detach(), rtol=1e-12, atol=1e-12)
    assert torch.tensor(search.distribution()).sum(1) == pytest.approx([1] * 6)


def test_reinforce_learns_which_operations_are_good() -> None:
    search = Reinforce(NB201, rng(), learning_rate=0.1, baseline_momentum=0.9, init_scale=1e-3)
    for _ in range(300):
        cell = search.ask()
        search.tell(cell, 10.0 * sum(op == 3 for op in cell))
    assert min(row[3] for row in search.distribution()) > 0.9


# The representation of cells


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_cells_of_darts(seed: int) -> None:
    known = coding(catalogue.space("darts"))
    assert known.codec.size == (1 * 3 * 6 * 10 * 7**8) ** 2
    cell = known.codec.random(rng(seed))
    genotype = known.genotype(cell)
    for kind in genotype.cells.values():
        assert [edge.target for edge in kind.edges] == [2, 2, 3, 3, 4, 4, 5, 5]
        sources = [edge.source for edge in kind.edges]
        assert all(first < second for first, second in zip(sources[::2], sources[1::2], strict=True))
    changed = known.codec.mutate(cell, rng(seed + 1))
    assert sum(one != other for one, other in zip(cell, changed, strict=True)) == 1
    assert known.genotype(changed) != genotype


def test_every_cell_of_darts_can_be_drawn() -> None:
    known, drawn = coding(catalogue.space("darts")), rng()
    counts = [Counter() for _ in known.codec.choices]  # type: list[Counter[int]]
    for _ in range(700):
        for count, chosen in zip(counts, known.codec.random(drawn), strict=True):
            count[chosen] += 1
    assert [len(count) for count in counts] == list(known.codec.choices)
    with pytest.raises(UsageError, match="not defined in the space 'darts_nasp'"):
        coding(catalogue.space("darts_nasp"))
