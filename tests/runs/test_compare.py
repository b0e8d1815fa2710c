"""Comparison of runs: differences, ranking, and what is not comparable."""

from __future__ import annotations

from pathlib import Path

from runs.configuration import Draft, resolve
from runs.genotypes import nasbench201
from runs.genotypes.differences import Difference, differences
from runs.home import Home
from runs.store.compare import compare, ranking, ranking_rows, table
from runs.store.groups import Spread, grouped, seed_count
from runs.store.labels import Labels
from runs.store.run_head import group_id, head
from runs.store.run_store import RunStore
from tests.synthetic import make_run

CONV, SKIP = 3, 1


def test_genotypes_differ_edge_by_edge() -> None:
    first = nasbench201.genotype([CONV] * 6)
    second = nasbench201.genotype([CONV, CONV, CONV, CONV, SKIP, CONV])
    assert differences([first, first]) == []
    assert differences([first, None, second]) == [
        Difference("cell", 1, 3, ("nor_conv_3x3", None, "skip_connect")),
    ]
    assert differences([None, second]) == []


def test_groups_over_seeds_are_ranked_by_their_mean(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, epochs=epochs, seed=seed)[0].id for epochs, seed in ((3, 0), (3, 1), (2, 0))]
    store = RunStore(Home(tmp_path))
    content = compare([store.find(run) for run in runs])
    assert content["remarks"] == []
    # The synthetic accuracy is the same at every last epoch, so both groups share first place.
    assert [(row["place"], row["n"], row["std"]) for row in content["ranking"]] == [(1, 2, 0.0), (1, 1, 0.0)]
    content["groups"][1]["best"]["search_loss"]["mean"] = 0.01
    ranked = ranking(content["groups"], "search_loss")
    assert [row["runs"] for row in ranked] == [runs[2:], runs[:2]]
    assert [row["place"] for row in ranked] == [1, 2]
    assert ranking(content["groups"], "nothing") == []
    told = {row[0]: row[1:] for row in table(content)}
    assert told["seed"] == ["0", "1", "0"]
    assert told["epochs"] == ["3", "3", "2"]
    assert told["best search_accuracy"] == ["93.26"] * 3
    assert ranking_rows(ranked, dict(zip(runs, "ABC", strict=True)))[0] == ["1", "C", "seed 0", "0.01"]


def test_what_does_not_compare_is_said(tmp_path: Path) -> None:
    searched = make_run(tmp_path)[0].id
    other = resolve(Draft(method="drnas", preset="paper", space="darts", dataset="cifar10", device="cpu"))
    store = RunStore(Home(tmp_path))
    store.create(other, Labels())
    content = compare([store.find(searched), store.find(other.id)])
    assert content["edges"] == []
    assert content["remarks"] == [
        "These runs are of different data sets (digits, cifar10). Their accuracies cannot be compared.",
        "These runs are of different search spaces (nasbench201, darts). Their cells cannot be compared.",
        "1 of 2 runs has no complete epoch yet.",
    ]
    assert [row["runs"] for row in content["ranking"]] == [[searched]]


def test_a_group_is_of_runs_that_differ_in_nothing_that_decides() -> None:
    config = resolve(Draft(method="drnas", preset="quick"))
    options = config.options

    def digest(**changed: object) -> str:
        return group_id(config.model_copy(update=changed))

    same = {"seed": 9, "device": "cuda:1", "id": "x", "created": "later", "command": "y", "environment": {}}
    assert digest() == digest(**same) == digest(options=options | {"threads": 64}) == head(config)["group"]
    others = [
        digest(options=options | {"epochs": 99}),
        digest(dataset="cifar10"),
        digest(genotype={"space": "nasbench201"}),
        digest(weights="initial.pt"),
        digest(weights="initial.pt", id="x"),
    ]
    assert len({digest(), *others}) == 1 + len(others)


def test_a_setting_that_an_older_version_lacked_makes_no_difference(tmp_path: Path) -> None:
    new = resolve(Draft(method="drnas", preset="quick"))
    added = ("gpus", "deterministic", "tf32", "cudnn_benchmark", "cuda_graphs")
    kept = {name: value for name, value in new.options.items() if name not in added}
    old = new.model_copy(update={"id": "of-0.2", "options": kept})
    assert group_id(old) == group_id(new)
    assert group_id(old) != group_id(new.model_copy(update={"options": new.options | {"gpus": 2}}))
    store = RunStore(Home(tmp_path))
    for config in (new, old):
        store.create(config, Labels())
    assert compare([store.find(new.id), store.find(old.id)])["differs"] == {}


def test_mean_and_deviation_are_over_the_finished_runs(tmp_path: Path) -> None:
    for seed, done in ((0, 3), (1, 3), (2, 1)):
        make_run(tmp_path, epochs=3, done=done, seed=seed)
    (found,) = grouped(RunStore(Home(tmp_path)).records())
    assert (found.seeds, dict(found.statuses)) == ([2, 1, 0], {"lost": 1, "finished": 2})
    assert found.best is not None
    assert (round(found.best.mean, 2), found.best.n) == (93.26, 2)
    content = compare(found.members)
    names = {record.id: str(record.head["seed"]) for record in found.members}
    assert ranking_rows(content["ranking"], names) == [["1", "2 1 0", "seeds 2, 1, 0", "93.26 ± 0.00 (2 of 3)"]]
    assert Spread.of([1.0, None, 3.0]) == Spread(2.0, 2**0.5, 2)
    assert Spread.of([None]) is None
    assert [seed_count(seeds) for seeds in ([0, 1], [0, 0])] == ["×2 seeds", "×2 runs"]
