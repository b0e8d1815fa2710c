"""Runs that differ only in their seeds, as the command line lists them."""

from __future__ import annotations

from tests.end_to_end.conftest import Cli
from tests.synthetic import make_run


def test_runs_of_several_seeds_are_listed_as_one(cli: Cli) -> None:
    alone = make_run(cli.home.root, epochs=3)[0].id
    runs = [make_run(cli.home.root, epochs=4, done=done, seed=seed)[0].id for seed, done in enumerate((4, 4, 2))]
    lines = cli("runs", "list", "--groups").stdout.splitlines()
    assert lines[1].split()[:5] == ["×3", "seeds", "2", "finished,", "1"]
    assert "93.26 ± 0.00 (2 of 3)" in lines[1]
    assert lines[2].endswith(alone[:8])
    group, single = cli.json("runs", "list", "--groups")
    assert (group["runs"], group["seeds"]) == (runs[::-1], [2, 1, 0])
    assert group["statuses"] == {"lost": 1, "finished": 2}
    assert (round(group["best"]["mean"], 2), group["best"]["n"], group["benchmark"]) == (93.26, 2, None)
    assert (single["runs"], single["best"]["n"], single["best"]["std"]) == ([alone], 1, 0.0)
    assert [len(found["runs"]) for found in cli.json("runs", "list", "--groups", "--status", "lost")] == [1]
