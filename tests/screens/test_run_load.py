"""A long run on the Run screen: how fast it opens and how fast moving between epochs is."""

from __future__ import annotations

import random
import time

import pytest

from nastui.app import NastuiApp
from runs.configuration import Draft, resolve
from runs.home import Home
from runs.log.events import CellSnapshot, Entry, EpochEnded, encode
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from screens.run.reader import RunReader
from tests.screens.driving import opened

EPOCHS, STEPS = 5000, 20
NAMES = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect"]
NAMES += ["sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]


def darts_epoch(epoch: int, epochs: int, generator: random.Random) -> EpochEnded:
    """Return an epoch of a search over both kinds of cell, with 14 edges, 8 operations and random values."""
    edges = [(source, target) for target in range(2, 6) for source in range(target)]

    def snapshot() -> CellSnapshot:
        drawn = [[generator.random() for _ in NAMES] for _ in edges]
        rows = [[value / sum(row) for value in row] for row in drawn]
        alive = [[True] * len(NAMES)] * len(edges)
        return CellSnapshot(edges, NAMES, rows, alive, [row.index(max(row)) for row in rows], {"concentration": drawn})

    def cell() -> dict[str, object]:
        wired = [[place % 2, 2 + place // 2, NAMES[generator.randrange(1, 8)]] for place in range(8)]
        return {"inputs": 2, "edges": wired, "outputs": [2, 3, 4, 5]}

    return EpochEnded(
        epoch,
        epochs,
        metrics={"search_accuracy": 90 * generator.random(), "train_accuracy": 90 * generator.random()},
        architecture={"normal": snapshot(), "reduce": snapshot()},
        genotype={"space": "darts", "cells": {"normal": cell(), "reduce": cell()}},
    )


def long_run(home: Home) -> str:
    """Create a search of 5,000 such epochs."""
    config = resolve(Draft(method="drnas", space="darts", preset="quick", options={"epochs": EPOCHS}))
    paths = RunStore(home).create(config, Labels())
    generator = random.Random(0)
    with paths.events.open("w") as log:
        for epoch in range(1, EPOCHS + 1):
            log.write(encode(Entry(1.8e9 + epoch, epoch, darts_epoch(epoch, EPOCHS, generator))) + "\n")
    return config.id


@pytest.mark.benchmark
async def test_a_long_run_opens_at_once_and_scrubs_smoothly(home: Home) -> None:
    run = long_run(home)
    began, worked = time.perf_counter(), time.process_time()
    RunReader(home, run)
    print(f"\nread: {time.perf_counter() - began:.2f} s, {time.process_time() - worked:.2f} s of one core")
    for size in ((80, 24), (120, 40), (200, 60)):
        app = NastuiApp(home, run)
        async with app.run_test(size=size) as pilot:
            screen = await opened(pilot)
            for what, keys in (("cell", ["left"]), ("edge", ["full_stop"]), ("panel", ["5"])):
                await pilot.press(*keys)
                before, worked = screen.selected_epoch or 0, time.process_time()
                for _ in range(STEPS):
                    await app.run_action("epoch(-1)", screen)
                    await pilot.pause()
                spent = (time.process_time() - worked) / STEPS
                print(f"{size} {what}: {1000 * spent:.1f} ms of one core a step, {1 / spent:.0f} steps/s")
                assert (screen.selected_epoch or 0) == before - STEPS
