"""The loop of TE-NAS: it replays the public routine, resumes at any unit, and reports its certainty."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.assembly import assemble
from engine.method import Context, EpochReport, RequestHandler
from engine.spaces.space import Candidates
from engine.zero_cost.proxies.linear_regions import Regions
from engine.zero_cost.proxies.scorer import Score
from engine.zero_cost.search import PruningSearch
from runs.catalogue.methods.tenas import ANOTHER_SEED, MORE_DRAWS
from runs.configuration import Draft, resolve
from runs.errors import UsageError
from runs.genotypes import darts, derive, nasbench201
from runs.log.events import Event, Interim, StageStarted, Warned
from tests.engine.conftest import round_trip, same
from tests.vectors import load

NB201, DARTS = "nasbench201", "darts"
SAMPLES = 1000
Proxies = Callable[[tuple[Any, ...], Candidates], tuple[float, float]]


def score(kappa: float, regions: float) -> Score:
    return Score(kappa, False, Regions(int(regions), SAMPLES, 0, 0), 0.0, 0.0)


def hashed(key: tuple[Any, ...], live: Candidates) -> tuple[float, float]:
    """Return values that depend only on what is measured."""
    digest = hashlib.sha256(repr((key, sorted(live.items()))).encode()).digest()
    return 10 + digest[0] + digest[1] / 256, 300 + digest[2]


class FakeScorer:
    """A scorer of made-up values, which records what it measures."""

    batch_size = 16

    def __init__(self, proxies: Proxies = hashed) -> None:
        self.proxies = proxies
        self.asked: list[tuple[Any, ...]] = []

    def draw(self, *key: int, **weights: tuple[int, ...]) -> Any:
        self._weights = weights
        return key

    def measure(self, draw: Any, live: Candidates) -> Score:
        self.asked.append((draw, live))
        return score(*self.proxies(draw, live))


class Bench:
    """A search in this process, on made-up values unless ``proxies`` is None, with its events."""

    def __init__(self, space: str, proxies: Proxies | None = hashed, **options: Any) -> None:
        options = {"threads": 1, "region_batches": 1, "region_samples": SAMPLES, "batch_size": 16, **options}
        config = resolve(Draft(method="tenas", space=space, preset="quick", device="cpu", options=options))
        self.said: list[Event] = []
        self.context, method = assemble(config, Path(), self.said.append)
        assert isinstance(method, PruningSearch)
        self.scorer = FakeScorer(proxies) if proxies else None
        self.method = PruningSearch(self.context, self.scorer) if self.scorer else method
        self.reports: list[EpochReport] = []

    def work(self, units: int = 1_000_000) -> Bench:
        """Do this number of units, or all that are left."""
        while units and self.method.epoch < self.method.epochs:
            report = self.method.advance()
            self.reports += [report] if report else []
            units -= 1
        return self

    def resumed(self, context: Context) -> Bench:
        """Return a search that continues from this one's state, as after a kill."""
        again = object.__new__(Bench)
        again.context, again.said, again.reports = context, self.said, list(self.reports)
        again.scorer = FakeScorer(self.scorer.proxies) if self.scorer else None
        assert again.scorer is not None
        again.method = PruningSearch(context, again.scorer)
        again.method.load(round_trip(self.method.state()))
        return again

    def all_the_same(self, other: Bench) -> bool:
        return len(self.reports) == len(other.reports) and all(map(same, self.reports, other.reports))


@pytest.mark.parametrize("search", load("tenas/search_trace")["searches"], ids=lambda search: search["init"])
@pytest.mark.parametrize("ranking", ["public", "careful"])
def test_a_search_of_the_public_routine_is_replayed(search: dict[str, Any], ranking: str) -> None:
    def recorded(key: tuple[Any, ...], live: Candidates) -> tuple[float, float]:
        number, draw, candidate = key
        played = search["rounds"][number]
        *_, kappas, regions = played["candidates"][candidate]
        whole = live["cell"] == tuple(map(tuple, played["live"][0]))
        return kappas[draw][not whole], regions[draw][not whole]

    bench = Bench(NB201, recorded, draws="per_candidate", repeats=3, ranking=ranking).work()
    assert nasbench201.format_string(bench.method.genotype()) == search["final_arch"]
    for report, played in zip(bench.reports, search["rounds"], strict=True):
        falls = report.extras["falls"]["cell"]
        assert [[0, edge, op] for edge in range(6) for op in range(5) if falls[edge][op]] == played["pruned"]


@pytest.mark.parametrize(
    ("space", "options", "candidates"),
    [
        (NB201, {}, [24, 18, 12]),
        (DARTS, {"prune_number": 3}, [196, 112, 24]),
        (DARTS, {"prune_number": 2}, [196, 140, 84, 24]),
        (DARTS, {"prune_number": 9}, [196, 24]),
    ],
)
def test_the_published_numbers_of_candidates(space: str, options: dict[str, Any], candidates: list[int]) -> None:
    bench = Bench(space, repeats=1, **options)
    assert bench.method.position().run_of == sum(candidates)
    steps = []
    while bench.method.epoch < bench.method.epochs:
        steps.append(bench.method.position().of)
        while not (report := bench.method.advance()):
            pass
        bench.reports.append(report)
    assert steps == candidates
    position = bench.method.position()
    assert position.run_step == position.run_of == sum(candidates)
    assert bench.scorer is not None
    # Each candidate is measured once, and the unpruned network once per draw: one per round, and one for each of six
    # groups of edges.
    before = len(candidates) if space == NB201 else len(candidates) - 1 + 6
    assert len(bench.scorer.asked) == sum(candidates) + before
    stages = [event for event in bench.said if isinstance(event, StageStarted)]
    assert [stage.title for stage in stages] == (["edges"] if space == DARTS else [])


def test_the_cell_is_the_one_of_the_masks() -> None:
    bench = Bench(DARTS, repeats=1).work()
    operations = bench.context.space.entry.operations
    cells = []
    for rows in bench.method.live.values():
        alphas = [[0.0 if op in row else -1000.0 for op in range(len(operations))] for row in rows]
        # The softmax of an edge without operations is uniform; the search must not take it for live.
        weights = [row if any(live) else [0.0] * 8 for row, live in zip(derive.softmax(alphas), rows, strict=True)]
        cells.append(derive.two_a_node(weights, operations))
        assert [sum(bool(rows[edge]) for edge in node) for node in ((0, 1), (2, 3, 4), (5, 6, 7, 8))] == [2, 2, 2]
    found = bench.method.genotype()
    assert [darts.pairs(found.cells[kind]) for kind in ("normal", "reduce")] == cells
    assert all(name != "none" for cell in cells for name, _ in cell)


@pytest.mark.parametrize("draws", ["shared", "per_candidate"])
def test_it_continues_from_every_unit(draws: str) -> None:
    bench = Bench(NB201, repeats=2, draws=draws)
    whole = Bench(NB201, repeats=2, draws=draws).work()
    for _ in range(108):
        bench = bench.resumed(bench.context).work(1)
    assert bench.all_the_same(whole)
    assert not Bench(NB201, lambda key, live: hashed((1, key), live), repeats=2).work().all_the_same(whole)


def test_it_continues_within_the_selection_of_edges() -> None:
    whole = Bench(DARTS, repeats=2, ranking="public").work()
    bench = Bench(DARTS, repeats=2, ranking="public")
    for units in (100, 500, 20, 15, 13, 9, 1_000_000):
        bench.work(units)
        bench = bench.resumed(bench.context)
    assert bench.all_the_same(whole)


def test_kappa_before_an_edge_is_the_latest_unless_public() -> None:
    def edges(key: tuple[Any, ...], live: Candidates) -> tuple[float, float]:
        return sum(bool(row) for rows in live.values() for row in rows), 400

    for ranking, expected in (("careful", [28, 27, 25, 22, 21, 19]), ("public", [28] * 6)):
        bench = Bench(DARTS, edges, repeats=1, prune_number=9, ranking=ranking).work(196 + 23)
        tables = bench.method.state()["tables"]
        assert [{kappa for kappa, *_ in table["measured"]} for table in tables] == [{kappa} for kappa in expected]


def test_a_negative_kappa_is_pruned_first_as_in_the_public_code() -> None:
    """A drop of kappa below 0 is the largest that there is; relative to a negative one, growth looks like a drop."""

    def negative(key: tuple[Any, ...], live: Candidates) -> tuple[float, float]:
        return (-50.0 if 3 not in live["cell"][0] else 10.0), 400

    bench = Bench(NB201, negative, repeats=1, ranking="public", singular_kernels="public").work(24)
    assert bench.reports[0].extras["falls"]["cell"][0][3] == 1
    assert bench.reports[0].extras["change_of_kappa"]["cell"][0][3] == 6.0
    third = Bench(NB201, negative, repeats=1, ranking="public", singular_kernels="public").work(3)
    assert "kappa" not in third.method.position().metrics, "a negative one has no place on a logarithmic axis"
    with pytest.raises(UsageError, match="singular_kernels=public needs change=relative"):
        Bench(NB201, change="log", singular_kernels="public")


def test_weights_of_a_round_are_those_of_all_groups_of_edges() -> None:
    drawn: list[dict[str, tuple[int, ...]]] = []

    class Recording(FakeScorer):
        def draw(self, *key: int, **weights: tuple[int, ...]) -> Any:
            drawn.append(weights)
            return super().draw(*key, **weights)

    bench = Bench(DARTS, repeats=2, prune_number=9, weights_drawn="round", draws="per_candidate")
    bench.method = PruningSearch(bench.context, Recording())
    bench.work()
    assert {weights["ntk_weights"] for weights in drawn} == {(0,), (1,)}, "one for the round, one for the edges"
    assert len({weights["thin_weights"] for weights in drawn}) == 196 + 24, "one for each candidate"


def test_more_draws_decide_and_another_seed_only_checks() -> None:
    plain = Bench(NB201, repeats=2).work(48)
    more, checked = Bench(NB201, repeats=2), Bench(NB201, repeats=2)
    assert isinstance(more.method, RequestHandler)
    for bench, request in ((more, MORE_DRAWS), (checked, ANOTHER_SEED)):
        bench.work(30)
        assert not bench.method.handle_request("more")
        assert bench.method.handle_request(request)
        assert bench.method.position().of == 96
        # The request counts once, however often the search is interrupted.
        bench.method.load(round_trip(bench.method.state()))
        bench.work(96 - 30)
    first, with_more, with_check = (bench.reports[0] for bench in (plain, more, checked))
    assert (first.extras["draws"], with_more.extras["draws"]) == (2, 4)
    assert with_more.extras["kappa_of_draws"][:2] == first.extras["kappa_of_draws"]
    assert with_more.extras["rank_sum"] != first.extras["rank_sum"]
    check = with_check.extras.pop("another_seed")
    assert check["edges"] == 6
    assert 0 < check["cut_otherwise"] <= 6
    assert same(with_check, first)
    # The next round has its usual number again.
    assert more.method.position().of == 36


def test_singular_draws_are_reported_and_dropped() -> None:
    def singular(key: tuple[Any, ...], live: Candidates) -> tuple[float, float]:
        kappa, regions = hashed(key, live)
        return (math.inf if key[1] == 0 else kappa), regions

    bench = Bench(NB201, singular, repeats=3).work(72)
    (report,) = bench.reports
    assert report.metrics["dropped_draws"] == 1
    assert report.extras["kappa_of_draws"][0] is None
    (warned,) = [event for event in bench.said if isinstance(event, Warned)]
    assert (warned.kind, "Only regions" in warned.message) == ("singular", False)


def test_if_every_kappa_is_infinite_regions_decide() -> None:
    def dead(key: tuple[Any, ...], live: Candidates) -> tuple[float, float]:
        # The more of the last operations are live, the more regions there are.
        return math.inf, 100 + sum(map(sum, live["cell"]))

    bench = Bench(NB201, dead, repeats=1, decimals=9).work()
    assert "kappa" not in bench.reports[0].metrics
    assert all("Only regions decided" in event.message for event in bench.said if isinstance(event, Warned))
    assert nasbench201.operation_indices(bench.method.genotype()) == [4] * 6


def test_an_operation_that_the_network_needs_stays() -> None:
    def needed(key: tuple[Any, ...], live: Candidates) -> tuple[float, float]:
        return (100.0 if 2 in live["cell"][3] else math.inf), 400

    bench = Bench(NB201, needed, repeats=1).work()
    assert nasbench201.operation_indices(bench.method.genotype())[3] == 2


def test_saturation_is_reported() -> None:
    bench = Bench(NB201, lambda key, live: (10.0, SAMPLES - 1), repeats=1).work(24)
    assert bench.reports[0].metrics["region_share"] == pytest.approx(99.9)
    assert [event.kind for event in bench.said if isinstance(event, Warned)] == ["saturated"]


def test_the_table_is_reported_as_it_fills() -> None:
    bench = Bench(NB201, repeats=2).work(47)
    (interim,) = [event for event in bench.said if isinstance(event, Interim)]
    assert interim.epoch == 1
    sums = interim.extras["rank_sum"]["cell"]
    assert all((value is None) == (op == 0) for row in sums for op, value in enumerate(row))
    assert interim.extras["margin_in_noise"]["cell"] == [None] * 6  # a single draw has no noise
    report = bench.work(1).reports[0]
    falls = report.extras["falls"]["cell"]
    assert [sum(filter(None, row)) for row in falls] == [1] * 6
    assert all(margin >= 0 for margin in report.extras["margin_in_noise"]["cell"])
    snapshot = report.architecture["cell"]
    assert [sum(row) for row in snapshot.alive] == [3] * 6
    assert all(sum(row) == pytest.approx(1) for row in snapshot.weights)
    cut = [[value == 1 for value in row] for row in snapshot.extras["round_of_cut"]]
    assert cut == [[bool(value) for value in row] for row in falls]


def test_there_is_a_genotype_at_any_time() -> None:
    bench = Bench(DARTS, repeats=1, prune_number=9)
    seen = set()
    while bench.method.epoch < bench.method.epochs:
        bench.work(20)
        seen.add(str(bench.method.genotype()))
    assert len(seen) > 2


def test_real_measurements_repeat_from_a_state() -> None:
    first, second = Bench(DARTS, None, batch_size=4, region_samples=50, image_size=8), None
    first.work(3)
    state = round_trip(first.method.state())
    first.work(3)
    second = Bench(DARTS, None, batch_size=4, region_samples=50, image_size=8)
    second.method.load(state)
    second.work(3)
    assert second.method.state() == first.method.state()
    (table,) = first.method.state()["tables"]
    assert len(set(map(tuple, table["measured"]))) == 6
