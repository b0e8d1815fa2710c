"""A store in which every foreign string is hostile: markup, escape sequences, direction marks, odd widths."""

from __future__ import annotations

import dataclasses
import json
import random
import unicodedata
from collections.abc import Iterable

from runs.genotypes import nasbench201
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import (
    CellSnapshot,
    CheckpointWritten,
    Event,
    Failed,
    Finished,
    Interim,
    Progress,
    StageStarted,
    Started,
    Stopped,
    Unknown,
    Warned,
)
from tests.synthetic import epoch_event, make_run

# Escape sequences for the title, the clipboard, links, devices, pictures, colours, clearing and reset; one-byte forms;
# direction marks.
SEQUENCES = (
    "\x1b]0;taken\x07",
    "\x1b]52;c;dGFrZW4=\x07",
    "\x1b]8;;http://taken\x1b\\",
    "\x1bPtaken\x1b\\",
    "\x1b_Gtaken\x1b\\",
    "\x1b[5;31;7m",
    "\x1b[2J",
    "\x1bc",
    "\x9b2J",
    "\x9d0;taken\x9c",
    "\x08\x08",
    "\u202e",
    "\u2066",
    "\u2028",
)
EVIL = (
    "taken [/x] [bold]$"
    + "".join(SEQUENCES)
    + "[@click=app.quit]長い e\u0301\u0301 {0} %s \\[ "
    + "\U0001f469\u200d\U0001f680"
)


def acts(text: str) -> set[str]:
    """Return the characters of a text that a terminal would interpret; the joiner of emoji is harmless."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return {character for character in text if unicodedata.category(character) in kinds and character != "\u200d"}


def hostile_store(home: Home, evil: str = EVIL) -> list[str]:
    """Create a failed run, two finished ones with a hostile and a good cell, and a folder that is not a run."""
    good = nasbench201.genotype([3, 3, 3, 1, 3, 3]).to_json()
    wired = {"inputs": 1, "edges": [[0, 1, evil], [1, 3, "skip_connect"]], "outputs": [3]}
    made = [
        hostile_run(home, 0, Failed(evil, evil, f"{evil}\n{evil}"), evil=evil, method="drnas"),
        hostile_run(home, 1, Finished({"space": "nasbench201", "cells": {"cell": wired}}, 1, 1, evil), evil=evil),
        hostile_run(home, 2, Finished(good, 1, 1, evil), evil=evil),
    ]
    (home.runs / evil.replace("/", "")[:60]).mkdir()
    return [paths.root.name for paths in made]


def hostile_run(home: Home, seed: int, last: Event, *, evil: str = EVIL, method: str = "") -> RunPaths:
    """Create a run whose files contain such text wherever they can contain any."""
    _, paths = make_run(home.root, epochs=9, done=0, seed=seed)
    raw = json.loads(paths.config.read_text())
    raw |= {"dataset": evil, "preset": evil, "device": evil, "command": evil, "origin": evil, "method": method or evil}
    raw |= {"plugins": [evil], "environment": {evil: evil}}
    raw["options"] |= {evil: f"{evil} {seed}"}
    paths.config.write_text(json.dumps(raw), encoding="utf-8")
    # The store rejects control characters, but a file that was edited by hand may contain them.
    paths.labels.write_text(json.dumps({"name": evil, "tags": ["[/tag]", evil], "note": evil}), encoding="utf-8")
    paths.log.write_text(f"{evil}\n" * 4, encoding="utf-8", errors="replace")
    paths.lock.touch()
    with EventLog(paths.events) as event_log:
        for event in _events(random.Random(seed), evil, last):
            event_log.append(event)
    return paths


def _events(generator: random.Random, evil: str, last: Event) -> Iterable[Event]:
    yield Started({"device": evil, "threads": evil, "torch": evil, evil: evil})
    yield StageStarted(0, 2, 9, evil)
    for epoch in range(1, 4):
        plain = epoch_event(epoch, 9, generator)
        cell = plain.architecture["cell"]
        rows = list(cell.weights)
        named = CellSnapshot(
            cell.edges,
            [*cell.operations[:-1], evil],
            rows,
            cell.alive,
            cell.chosen,
            {evil: rows, "x": rows},
        )
        genotype = nasbench201.genotype([generator.randrange(1, 5) for _ in range(6)]).to_json()
        wired = genotype["cells"]["cell"]
        wired["edges"][0][2] = f"{evil}{epoch}"
        yield Progress(epoch, 9, 6, 12, 900.0, 3.0, 400_000_000, {evil: 1.0, f"{evil}_accuracy": 1.0})
        yield Interim(epoch, {evil: evil, "more": [evil, evil], "again": {evil: {evil: 1.0}}, "rows": [[1.0], [2.0]]})
        yield dataclasses.replace(
            plain,
            metrics=plain.metrics | {evil: 1.0 * epoch, f"{evil}_accuracy": 2.0, f"{evil}_loss": 3.0},
            learning_rates={evil: 0.1},
            architecture={evil: named, "cell": named},
            genotype={"space": "nasbench201", "cells": {evil: wired, "cell": wired}},
            extras={
                evil: evil,
                "alerts": [evil],
                "operations": {"cell": {evil: 3}},
                "list": [evil, 1.0],
                "deep": {evil: evil},
            },
            benchmark={evil: {evil: 90.0}, "cifar10": {"test": 91.0, evil: 1.0}},
        )
        yield CheckpointWritten(epoch, 0, 1)
        yield Warned(evil, evil)
    yield Unknown(evil, {evil: evil})
    yield Stopped(evil)
    yield last
