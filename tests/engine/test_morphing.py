"""Pools that are pruned and refilled: compared with whole searches of the public code, and by general properties."""

from __future__ import annotations

import functools
import itertools
import json
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.methods.prdarts.operation_pool import Pool
from engine.methods.prdarts.transition import EdgeChange, TransitionResult, TransitionRules, transition, weakest
from engine.search import learning_rates
from engine.search.skip_dropout import skip_dropout
from runs.genotypes import derive
from runs.genotypes.morphisms import POOLS, SETS, Restrictions, is_morphable, levels, morphs
from tests.vectors import load

KINDS = ("normal", "reduce")
TRAJECTORIES = {name: load(f"prdarts/trajectory_{place}_{name}") for place, name in enumerate(SETS)}
PRUNE = load("prdarts/prune")["cases"]


def change(stage: dict[str, Any]) -> TransitionRules:
    return TransitionRules(stage["stage"], stage["keep"], stage["morphs"], stage["last"])


def weights(stage: dict[str, Any]) -> dict[str, list[list[float]]]:
    """Return the softmax of each edge over its own operations, without the public code's unused columns."""
    return {kind: derive.softmax([edge["alpha"][: len(edge["ops"])] for edge in stage[kind]]) for kind in KINDS}


def middle(shares: Sequence[float], place: int) -> float:
    """Return the random number that makes this choice."""
    return (sum(shares[:place]) + shares[place] / 2) / sum(shares)


def script(stage: dict[str, Any], limits: Restrictions) -> Iterator[float]:
    """Yield the random numbers with which the public code adds the operations of a stage of a trajectory."""
    for kind in KINDS:
        for edge, probabilities in zip(stage[kind], weights(stage)[kind], strict=True):
            kept = {
                name: share
                for name, share in zip(edge["ops"], probabilities, strict=True)
                if name not in edge.get("drop", [])
            }
            names, shares = list(kept), list(kept.values())
            added: list[str] = []
            for child, parent, morph, *retry in edge.get("add", []):
                # An operation that the edge has dropped is rejected 201 times, so it is drawn again and again.
                for _ in range(202 if retry else 1):
                    yield middle(shares, names.index(parent))
                    yield middle([1.0] * len(morphs(parent, limits)), list(morphs(parent, limits)).index(morph))
                added.append(child)
            for _ in range(stage["morphs"] - len(added)):
                # 250 attempts that never succeed: not a convolution, or an operation that the edge has already.
                there = {*names, *added}
                for _ in range(250):
                    fixed = [name for name in names if not morphs(name, limits)]
                    if fixed:
                        yield middle(shares, names.index(fixed[0]))
                        continue
                    parent, place = next(
                        (name, place)
                        for name in names
                        for place, child in enumerate(morphs(name, limits).values())
                        if child in there
                    )
                    yield middle(shares, names.index(parent))
                    yield middle([1.0] * len(morphs(parent, limits)), place)


@functools.cache
def replayed(name: str) -> list[tuple[dict[str, Any], Pool, TransitionResult]]:
    """Return each stage of a trajectory with its pool, and its transition as the faithful mode computes it."""
    trajectory, limits = TRAJECTORIES[name], SETS[name]
    pool, found = Pool.initial(POOLS[trajectory["initial_pool"]], KINDS, 14), []
    for stage in trajectory["stages"]:
        draws = script(stage, limits)
        after = transition(pool, weights(stage), change(stage), limits, draws.__next__, faithful=True)
        assert next(draws, None) is None, "every draw was wanted"
        found.append((stage, pool, after))
        pool = after.pool
    return found


@pytest.mark.parametrize("name", TRAJECTORIES)
class TestTrajectories:
    def test_faithful_mode_replays_the_whole_search(self, name: str) -> None:
        for stage, pool, after in replayed(name):
            changes = iter(after.changes)
            for kind in KINDS:
                assert pool.active()[kind] == tuple(tuple(edge["ops"]) for edge in stage[kind])
                assert len(pool.cells[kind].discovered) == stage["discovered_before"][kind]
                for number, edge in enumerate(stage[kind]):
                    done = next(changes)
                    assert (done.cell, done.edge) == (kind, number)
                    assert [one.operation for one in done.dropped] == edge.get("drop", [])
                    expected = [(*one[:3], len(one) == 4) for one in edge.get("add", [])]
                    assert [(one.operation, one.parent, one.morph, one.retry) for one in done.added] == expected
                    assert {one.attempts for one in done.added} <= {1, 202}
                    again = [
                        [heir.operation, heir.parent]
                        for heir in after.heirs
                        if (heir.cell, heir.edge, heir.fresh) == (kind, number, False)
                    ]
                    assert again == edge.get("ref_reinherits", [])
        discovered = {kind: list(cell.discovered) for kind, cell in after.pool.cells.items()}
        assert discovered == TRAJECTORIES[name]["discovered"]

    def test_edges_left_short(self, name: str) -> None:
        short = []
        for (stage, _, after), kind in itertools.product(replayed(name), KINDS):
            found = [[one.edge, stage["keep"] - one.short] for one in after.changes if one.cell == kind and one.short]
            # The public code lists them under the stage with too few operations.
            short += [[stage["stage"] + 1, kind, found]] if found else []
        assert short == TRAJECTORIES[name]["short_edges"]

    def test_the_cell_that_is_left(self, name: str) -> None:
        trajectory = TRAJECTORIES[name]
        stage, pool, after = replayed(name)[-1]
        for kind in KINDS:
            alphas = [edge["alpha"][: len(edge["ops"])] for edge in stage[kind]]
            cell = derive.prdarts(alphas, pool.active()[kind])
            assert cell == [tuple(gene) for gene in trajectory["genotype"][kind]]
            winners = after.pool.active()[kind]
            assert {len(names) for names in winners} == {1}
            assert [name for name, _ in cell] == [winners[edge][0] for edge in trajectory[f"{kind}_edges"]]

    def test_by_default_it_drops_the_same_and_only_the_new_inherit(self, name: str) -> None:
        for stage, pool, faithful in replayed(name):
            after = transition(pool, weights(stage), change(stage), SETS[name], random.Random(0).random)
            assert [done.dropped for done in after.changes] == [done.dropped for done in faithful.changes]
            assert all(heir.fresh for heir in after.heirs)
            assert Counter((done.cell, done.edge, one.operation) for done in after.changes for one in done.added) == (
                Counter((heir.cell, heir.edge, heir.operation) for heir in after.heirs)
            )
            for done in after.changes:
                check_additions(done, pool, after.pool, SETS[name], stage["morphs"])


def check_additions(done: EdgeChange, before: Pool, after: Pool, limits: Restrictions, wanted: int) -> None:
    """Check the operations that the corrected rules added to an edge; ``wanted`` is the requested number."""
    members = {member.operation: member for member in before.cells[done.cell].edges[done.edge]}
    living = set(after.active()[done.cell][done.edge])
    dropped = {one.operation for one in done.dropped}
    survivors = living - {one.operation for one in done.added}
    possible = {child for name in survivors for child in morphs(name, limits).values()} - survivors - dropped
    for one in done.added:
        assert one.parent in survivors
        assert morphs(one.parent, limits)[one.morph] == one.operation
        assert one.operation in possible
        assert one.retry == (one.operation in members)
        if one.retry:
            assert possible <= members.keys(), "what the edge never had comes first"
        possible.remove(one.operation)
    assert not possible or len(done.added) == wanted, "an edge is short where nothing is left"


@pytest.mark.parametrize("case", PRUNE, ids=lambda case: " ".join(case["ops"]))
class TestPruning:
    def test_what_goes(self, case: dict[str, Any]) -> None:
        (weight,) = derive.softmax([case["alpha"]])
        assert weight == pytest.approx(case["prob"], abs=5e-6)
        count = len(case["ops"]) - case["keep"] + case["morphs"]
        assert count == case["num_drop"]
        found = weakest(case["ops"], weight, count, protect=case["keep_morphable"], none_competes=not case["no_zero"])
        assert found == case["dropped"]

    def test_parents_by_their_weight(self, case: dict[str, Any]) -> None:
        """Repeated draws from all survivors give the same probabilities as draws from those that can be morphed."""
        (weights,) = derive.softmax([case["alpha"]])
        kept = {name: share for name, share in zip(case["ops"], weights, strict=True) if name in case["kept"]}
        drawable = sum(share for name, share in kept.items() if is_morphable(name)) / sum(kept.values())
        for faithful in (True, False):
            for one in transited(case, random.Random(1).random, faithful=faithful).changes[0].added:
                assert one.probability / drawable == pytest.approx(case["parent_prob"][one.parent], abs=5e-6)


def transited(case: dict[str, Any], draw: Any, *, faithful: bool = False) -> TransitionResult:
    pool = Pool.initial(case["ops"], ("cell",), 1)
    plan = TransitionRules(0, case["keep"], case["morphs"], last=not case["keep_morphable"])
    given = {"cell": derive.softmax([case["alpha"]])}
    return transition(
        pool, given, plan, SETS["unrestricted"], draw, faithful=faithful, none_competes=not case["no_zero"]
    )


REFILL = next(case for case in PRUNE if len(case["parent_prob"]) == 3 and case["morphs"] == 3)


def test_attempts_accept_parents_in_proportion_to_their_weights() -> None:
    generator = random.Random(0)
    found = Counter(transited(REFILL, generator.random, faithful=True).changes[0].added[0].parent for _ in range(2000))
    for parent, chance in REFILL["parent_prob"].items():
        assert found[parent] / 2000 == pytest.approx(chance, abs=0.04)


def test_enumeration_weighs_parents_and_shares_among_their_legal_morphs() -> None:
    """Only legal pairs that give the edge something new count, each with p / (legal morphs)."""
    firsts = [
        transited(REFILL, iter([(place + 0.5) / 2000, 0.5, 0.5]).__next__).changes[0].added[0] for place in range(2000)
    ]
    found = Counter((one.parent, one.operation) for one in firsts)
    wanted = {
        (parent, child): chance / len(morphs(parent, SETS["unrestricted"]))
        for parent, chance in REFILL["parent_prob"].items()
        for child in morphs(parent, SETS["unrestricted"]).values()
        if child not in REFILL["ops"]
    }
    assert found.keys() == wanted.keys()
    for pair, weight in wanted.items():
        assert found[pair] / 2000 == pytest.approx(weight / sum(wanted.values()), abs=1e-3)


def test_weights_that_vanished_still_leave_a_choice() -> None:
    case = {"ops": ["skip", "c3"], "alpha": [0.0, -2000.0], "keep": 3, "morphs": 1, "keep_morphable": True}
    assert transited(case | {"no_zero": False}, lambda: 0.99).changes[0].added[0].parent == "c3"


@st.composite
def searches(draw: st.DrawFn) -> tuple[str, str, int, tuple[tuple[int, int], ...]]:
    """Draw restrictions, an initial pool, a seed, and how many operations each stage keeps and adds."""
    morphed = draw(st.lists(st.integers(0, 4), min_size=1, max_size=6))
    pool = draw(st.sampled_from(sorted(POOLS)))
    size, plan = len(POOLS[pool]), []
    for added in morphed:
        size = draw(st.integers(max(2, added + 1), max(added + 1, 2, min(9, size + added))))
        plan.append((size, added))
    return draw(st.sampled_from(sorted(SETS))), pool, draw(st.integers(0, 2**32)), (*plan, (1, 0))


def run(search: tuple[str, str, int, tuple[tuple[int, int], ...]], *, faithful: bool) -> Iterator[tuple[Pool, Any]]:
    """Yield the pool before each transition with the transition, for random weights."""
    name, start, seed, plan = search
    generator = random.Random(seed)
    pool = Pool.initial(POOLS[start], KINDS, 3)
    for stage, (keep, added) in enumerate(plan):
        scores = {
            kind: derive.softmax([[generator.gauss(0, 2) for _ in names] for names in rows])
            for kind, rows in pool.active().items()
        }
        plan_of_stage = TransitionRules(stage, keep, added, last=stage == len(plan) - 1)
        after = transition(pool, scores, plan_of_stage, SETS[name], generator.random, faithful=faithful)
        yield pool, after
        pool = after.pool


@settings(max_examples=60)
@given(searches(), st.booleans())
def test_what_holds_in_every_search(search: Any, faithful: bool) -> None:
    limits, start, plan = SETS[search[0]], POOLS[search[1]], search[3]
    for stage, (before, after) in enumerate(run(search, faithful=faithful)):
        keep, added = plan[stage]
        for done in after.changes:
            living = after.pool.active()[done.cell][done.edge]
            assert len(living) == len(set(living)) >= 1
            assert len(living) == keep - done.short
            assert stage == len(plan) - 1 or any(map(is_morphable, living))
            assert len(done.added) <= added
            if not faithful:
                check_additions(done, before, after.pool, limits, added)
        for cell in after.pool.cells.values():
            assert set(cell.discovered) == {member.operation for edge in cell.edges for member in edge}
            far = levels(start, limits, sum(more > 0 for _, more in plan[: stage + 1]))
            assert set(cell.discovered) <= set(itertools.chain.from_iterable(far))
            for edge in cell.edges:
                order = [cell.discovered.index(member.operation) for member in edge]
                assert order == sorted(set(order))
        assert Pool.from_json(json.loads(json.dumps(after.pool.to_json()))) == after.pool
        json.dumps([done.to_json() for done in after.changes])


@settings(max_examples=15)
@given(searches(), st.booleans())
def test_the_same_seed_gives_the_same_events(search: Any, faithful: bool) -> None:
    assert list(run(search, faithful=faithful)) == list(run(search, faithful=faithful))


def test_members_know_where_they_come_from() -> None:
    search = ("darts_like", "prdarts4", 3, ((6, 3), (6, 3), (4, 0), (1, 0)))
    for stage, (before, after) in enumerate(run(search, faithful=False)):
        for done in after.changes:
            members = {member.operation: member for member in after.pool.cells[done.cell].edges[done.edge]}
            for one in done.dropped:
                assert not members[one.operation].active
                assert members[one.operation].probability == one.probability
            for added in done.added:
                member = members[added.operation]
                assert (member.parent, member.morph, member.born) == (added.parent, added.morph, stage + 1)
            stayed = before.active()[done.cell][done.edge]
            assert all(members[name].probability is not None for name in stayed)


def test_none_goes_first_only_after_the_last_stage() -> None:
    case = next(case for case in PRUNE if case["no_zero"] and not case["keep_morphable"])
    given = {"cell": derive.softmax([case["alpha"]])}
    for last, gone in ((True, "none"), (False, "max3")):
        done = transition(
            Pool.initial(case["ops"], ("cell",), 1),
            given,
            TransitionRules(0, 4, 0, last),
            SETS["r_depth"],
            float,
            none_competes=False,
        )
        assert [one.operation for one in done.changes[0].dropped] == [gone]


@pytest.mark.parametrize("case", load("prdarts/schedule")["cases"], ids=lambda case: str(case["name"]))
def test_rates_of_the_stages(case: dict[str, Any]) -> None:
    lengths = [stage["epochs"] for stage in case["stages"]]
    for stage in case["stages"]:
        for epoch in range(stage["epochs"]):
            rate = learning_rates.in_each_stage(
                case["lr"], case["lr_min"], stage["first_epoch"] + epoch, sum(lengths), lengths=lengths
            )
            assert rate == pytest.approx(stage["lr"][epoch], abs=5e-9)
            dropout = skip_dropout(
                case["args"]["dropout_rate"][stage["stage"]], epoch, stage["epochs"], stage["alpha_frozen_epochs"]
            )
            assert dropout == pytest.approx(stage["skip_dropout"][epoch], abs=5e-9)


def steps_left(samples: int, used: int, batch: int, *, multiple: int) -> int:
    """Return how many more steps an epoch has: it never takes more mini-batches than its images fill.

    A batch consists of whole mini-batches from an endless stream. The last batch of a pass may be completed with the
    first images of the next one.

    Args:
        samples: N, images of the data set.
        used: images that this epoch has seen.
        batch: B, images per batch from here on, a multiple of ``multiple``.
        multiple: images per mini-batch.
    """
    return (math.ceil(samples / multiple) - used // multiple) // (batch // multiple)


@pytest.mark.parametrize("case", load("prdarts/batch")["steps"], ids=str)
def test_steps_of_an_epoch_whose_batch_grows(case: dict[str, Any]) -> None:
    sizes, used, steps = dict(case["batch_changes"]), 0, 0
    batch = sizes[0]
    while steps_left(case["samples"], used, batch, multiple=case["multiple"]):
        used, steps = used + batch, steps + 1
        batch = sizes.get(steps, batch)
    assert (steps, used, case["samples"] - used) == (case["steps"], case["samples_used"], case["samples_left"])
