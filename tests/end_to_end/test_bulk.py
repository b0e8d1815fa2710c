"""Commands that list or change many runs at once. No engine is needed: these runs have ended, or never started."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from runs.configuration import Draft
from runs.fleet import sweep_planning
from runs.fleet.sweep_store import SweepStore
from runs.log.event_log import EventLog
from runs.log.events import Stopped
from runs.store.lock import engine_lock
from runs.store.queue import Entry, Queue
from runs.store.run_store import RunStore
from tests.end_to_end.conftest import Cli
from tests.synthetic import make_run


@pytest.fixture
def stored(cli: Cli) -> Cli:
    """Six runs: two finished, two lost, one stopped, one that waits and is held."""
    for number, (name, given) in enumerate(
        (
            ("apple", {}),
            ("banana", {"tags": ["paper"]}),
            ("cherry", {"done": 2}),
            ("damson", {"done": 3}),
            ("elder", {"done": 4}),
            ("fig", {"done": 0}),
        )
    ):
        _, paths = make_run(cli.home.root, seed=number, name=name, **given)
        if name == "elder":
            with EventLog(paths.events, 100) as log:
                log.append(Stopped())
        if name == "fig":
            Queue(cli.home).add([Entry(run=paths.root.name, held=True)])
    return cli


def names(cli: Cli, *words: object) -> list[str]:
    return [run["name"] for run in cli.json("runs", "list", *words)]


def ids(cli: Cli) -> dict[str, str]:
    return {run["name"]: run["id"] for run in cli.json("runs", "list")}


def test_runs_list_takes_the_filter_of_the_dashboard(stored: Cli) -> None:
    assert names(stored, "status:lost") == ["damson", "cherry"]
    assert names(stored, "status:lost", "seed>2") == names(stored, "--where", "status:lost seed>2") == ["damson"]
    assert names(stored, "an", "tag:paper") == ["banana"]
    assert names(stored, "drnas", "--limit", 2) == ["fig", "elder"]
    assert names(stored, "drnas", "--sort", "best", "--limit", 1) in (["apple"], ["banana"])
    assert stored("runs", "list", "method:darts").stderr == "No run matches.\n"


def test_runs_list_prints_the_chosen_columns_in_each_format(stored: Cli) -> None:
    chosen = ("runs", "list", "status:finished", "--columns", "name,seed,best,best.search_loss,data")
    table = stored(*chosen).stdout.splitlines()
    assert [line.split()[:2] for line in table] == [["name", "seed"], ["banana", "1"], ["apple", "0"]]
    rows = list(csv.reader(io.StringIO(stored(*chosen, "--format", "csv").stdout)))
    assert rows[0] == ["name", "seed", "best", "best.search_loss", "data"]
    assert rows[1][:2] == ["banana", "1"] and 90 < float(rows[1][2]) < 100
    markdown = stored(*chosen, "--format", "markdown").stdout.splitlines()
    assert markdown[1] == "| --- | --- | --- | --- | --- |"
    assert markdown[2].startswith("| banana | 1 | 9")
    documents = json.loads(stored(*chosen, "--format", "json").stdout)
    assert [(found["name"], found["seed"]) for found in documents] == [("banana", 1), ("apple", 0)]
    assert documents[0]["best"]["search_loss"] == documents[0]["best.search_loss"]
    assert stored("runs", "list", "--format", "json").stdout == stored("runs", "list", "--json").stdout


def test_foreign_text_stays_in_its_cell(stored: Cli) -> None:
    (run,) = [run for name, run in ids(stored).items() if name == "apple"]
    stored("runs", "rename", run, 'a|b <i>*x*, "y"')
    assert r"| a\|b \<i>\*x\*, " in stored("runs", "list", "--format", "markdown").stdout
    found = csv.DictReader(io.StringIO(stored("runs", "list", "--format", "csv").stdout))
    assert 'a|b <i>*x*, "y"' in [row["name"] for row in found]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--columns", "id,bst"), "Unknown column 'bst'. Did you mean 'best'?"),
        (("--columns", "id,id"), "--columns names 'id' twice."),
        (("--columns", ""), "Unknown column ''."),
        (("--limit", "0"), "--limit"),
        (("--format", "xml"), "--format"),
        (("--json", "--format", "csv"), "--json and --format csv cannot be used together."),
        (("--groups", "--format", "csv"), "--groups has columns of its own"),
        (("stauts:lost",), "The filter has no field 'stauts'. Did you mean 'status'?"),
        (("--where", ""), "The filter is empty."),
    ],
)
def test_a_bad_list_is_refused_with_one_sentence(cli: Cli, words: tuple[str, ...], sentence: str) -> None:
    refused = cli("runs", "list", *words, code=2).stderr
    assert sentence in refused and "Traceback" not in refused


def test_a_command_acts_on_all_runs_that_pass_its_filter(stored: Cli) -> None:
    stored("runs", "tag", "status:lost", "again", "soon")
    stored("runs", "tag", "--where", "damson", "fruit", "--remove", "soon")
    tags = {run["name"]: run["tags"] for run in stored.json("runs", "list", "status:lost")}
    assert tags == {"damson": ["again", "fruit"], "cherry": ["again", "soon"]}
    refused = stored("runs", "rm", "tag:again", code=2).stderr
    assert refused == "nastui: rm asks for confirmation, but stdin is not a terminal. Add --yes.\n"
    assert stored("runs", "rm", "tag:again", "--yes").stderr.count("to the trash") == 2
    assert "damson" not in names(stored)


def test_a_sweep_goes_with_the_last_of_its_runs_and_comes_back(cli: Cli) -> None:
    sweeps = SweepStore(RunStore(cli.home))
    sweep = sweeps.create(sweep_planning.plan(sweeps.runs, Draft(method="drnas", preset="quick"), range(3), {}))
    cli("runs", "rm", sweep.members[0].run, "--yes")
    assert [found["id"] for found in cli.json("sweep", "list")] == [sweep.id]
    removed = cli("runs", "rm", f"sweep:{sweep.id}", "--yes")
    assert removed.stderr == f"Moved sweep {sweep.id} and 2 runs to the trash.\n"
    assert cli.json("sweep", "list") == cli.json("runs", "list") == []
    cli("sweep", "restore", sweep.id)
    assert len(cli.json("runs", "list")) == 3


def test_several_runs_are_named_one_by_one(stored: Cli, tmp_path: Path) -> None:
    known = ids(stored)
    stored("runs", "tag", f"{known['apple']},{known['fig'][:8]}", "both")
    assert names(stored, "tag:both") == ["fig", "apple"]
    stored("runs", "export", known["apple"], known["banana"], "--to", tmp_path / "all")
    assert {path.name for path in (tmp_path / "all").iterdir()} == {known["apple"], known["banana"]}
    stored("runs", "export", "name:apple", "--to", tmp_path / "one")
    assert (tmp_path / "one" / known["apple"] / "metrics.csv").exists()
    stored("runs", "export", known["apple"], "--to", tmp_path / "alone")
    assert (tmp_path / "alone" / "metrics.csv").exists()


def test_several_runs_resume_in_the_queue_and_those_that_cannot_are_left_alone(stored: Cli) -> None:
    stored.home.queue.mkdir(exist_ok=True)
    with engine_lock(stored.home.dispatcher):  # as a dispatcher that has not come to them yet
        resumed = stored("runs", "resume", "method:drnas").stderr
        assert resumed.count("is queued") == 3
        assert "Left alone: 3 runs (finished, running or waiting)." in resumed
        assert len(Queue(stored.home).read().waiting) == 4
        stopped = stored("runs", "stop", "method:drnas").stderr
    assert "Left alone: 2 runs (neither running nor waiting)." in stopped
    assert Queue(stored.home).read().waiting == []


def test_a_failure_does_not_stop_the_others_and_decides_the_exit_code(stored: Cli, tmp_path: Path) -> None:
    known = ids(stored)
    (tmp_path / "all" / known["apple"]).mkdir(parents=True)
    failed = stored("runs", "export", "status:finished", "--to", tmp_path / "all", code=2)
    assert failed.stderr.splitlines()[-1] == "1 of 2 runs failed."
    assert (tmp_path / "all" / known["banana"] / "metrics.csv").exists()
    paused = stored("runs", "pause", known["apple"], known["banana"], code=2).stderr
    assert paused.count("so there is nothing to pause") == 2


@pytest.mark.parametrize("command", ["stop", "pause", "resume", "rm", "export"])
def test_nothing_is_done_to_runs_that_are_not_meant(stored: Cli, tmp_path: Path, command: str) -> None:
    more = {"rm": ("--yes",), "export": ("--to", tmp_path / "out")}.get(command, ())
    assert "Name runs or a filter." in stored("runs", command, *more, code=2).stderr
    assert "No run matches 'method:darts'." in stored("runs", command, "method:darts", *more, code=3).stderr
    assert "The filter's 'method:' has no value." in stored("runs", command, "method:", *more, code=2).stderr
    both = stored("runs", command, "method:drnas", "latest", *more, code=2).stderr
    assert "'method:drnas' is a filter and 'latest' a run." in both
    assert len(names(stored)) == 6
