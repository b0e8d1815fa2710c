"""Lines of an event log with values of the right type and an impossible size: skipped, counted, and never an end."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runs.store.index import Index
from tests.end_to_end.conftest import Cli
from tests.synthetic import make_run

Line = dict[str, Any]


def impossible(epoch: Line, progress: Line, finished: Line) -> Iterator[Line]:
    """Yield copies of valid lines, each with one impossible value."""
    for time in (math.nan, math.inf, 1e300, 1e15, -1.0):
        yield finished | {"t": time}
    for seconds in (math.nan, math.inf, 1e300):
        yield epoch | {"seconds": seconds}
        yield progress | {"eta": seconds}
    yield progress | {"epochs": 10**400}
    yield progress | {"memory": 10**400}
    yield finished | {"parameters": 10**400}
    yield epoch | {"metrics": {"search_accuracy": 1e308, "search_loss": -1e308}}
    cell = epoch["architecture"]["cell"]
    for changes in (
        {"weights": [[0.5], *cell["weights"][1:]]},
        {"alive": cell["alive"][1:]},
        {"chosen": cell["chosen"][1:]},
        {"chosen": [99, *cell["chosen"][1:]]},
        {"operations": cell["operations"][1:]},
        {"edges": cell["edges"][1:]},
    ):
        yield epoch | {"architecture": {"cell": cell | changes}}


def with_lines(events: Path, damaged: Callable[[Line, Line, Line], Iterator[Line]]) -> int:
    """Insert damaged lines before the last line of a finished run's log, and return how many there are."""
    lines = events.read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    valid = [next(entry for entry in entries if entry["type"] == name) for name in ("epoch", "progress", "finished")]
    inserted = [json.dumps(line) for line in damaged(*valid)]
    events.write_text("\n".join([*lines[:-1], *inserted, lines[-1]]) + "\n")
    return len(inserted)


def test_impossible_values_are_skipped_and_counted(cli: Cli, tmp_path: Path) -> None:
    _, good = make_run(cli.home.root, seed=1)
    _, damaged = make_run(cli.home.root, seed=2)
    before = cli.json("runs", "show", damaged.root.name)
    number = with_lines(damaged.events, impossible)
    cli("runs", "reindex")

    assert {run["id"] for run in cli.json("runs", "list")} == {good.root.name, damaged.root.name}
    assert cli.json("runs", "show", damaged.root.name) == before
    assert len(cli.json("runs", "compare", good.root.name, damaged.root.name)["runs"]) == 2
    printed = cli("runs", "events", damaged.root.name)
    assert f"Skipped {number} lines" in printed.stderr
    assert cli("runs", "follow", damaged.root.name).stdout.count("epoch") == 5
    cli("runs", "export", damaged.root.name, "--to", tmp_path / "bundle")
    assert len((tmp_path / "bundle" / "metrics.csv").read_text().splitlines()) == 6


def test_an_index_of_impossible_values_is_rebuilt(cli: Cli) -> None:
    """Version 0.2 put them into the index, from which every list is printed."""
    _, paths = make_run(cli.home.root)
    cli.json("runs", "list")
    index = Index(cli.home.index, cli.home.index_lock)
    document = index.read()[paths.root.name]
    document["summary"]["ended"] = 1e300
    index.update([document], ())
    content = cli.home.index.read_text()  # a checksum, and the documents
    body = content[content.index("}}, ") + 4 :].replace('"schema": 4', '"schema": 3')
    cli.home.index.write_text(f'{{"crc32": {{"{zlib.crc32(body.encode()):08x}": {{}}}}, {body}')
    assert cli.json("runs", "list")[0]["ended"]


@pytest.mark.parametrize(
    "genotype",
    [
        {"space": "darts", "cells": {"normal": {"inputs": 2, "edges": [[0, 2, "skip_connect"]], "outputs": [2]}}},
        {"space": "darts", "cells": {"normal": {"inputs": 2, "edges": [], "outputs": []}}},
        {"space": "nasbench201", "cells": {"cell": {"inputs": 1, "edges": [[0, 1, "x"]], "outputs": [10**30]}}},
        {"space": "darts", "cells": {"normal": None, "reduce": []}},
    ],
    ids=["without reduce", "no edge", "an output that does not exist", "no cell"],
)
def test_a_genotype_that_is_none_of_its_space_is_shown_as_json(cli: Cli, tmp_path: Path, genotype: Line) -> None:
    _, good = make_run(cli.home.root, seed=1)
    _, paths = make_run(cli.home.root, seed=2)
    lines = [json.loads(line) for line in paths.events.read_text().splitlines()]
    lines = [line | {"genotype": genotype} if "genotype" in line else line for line in lines]
    paths.events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = paths.root.name

    assert len(cli.json("runs", "list")) == 2
    assert json.dumps(genotype) in cli("runs", "show", run).stdout
    cli("runs", "compare", good.root.name, run)
    cli("runs", "follow", run)
    cli("runs", "export", run, "--to", tmp_path / "bundle")
    assert "Traceback" not in cli("genotype", "show", run, code=2).stderr
    assert len(cli.json("genotype", "list")) > 0
