"""Truncated, rewritten and newer logs, and runs that disappear, while Compare and Genotypes show them."""

from __future__ import annotations

import shutil

from nastui.app import NastuiApp
from runs.home import Home
from screens.compare.screen import CompareScreen
from screens.genotypes.screen import GenotypesScreen
from screens.widgets.compared_runs import ComparedRuns
from screens.widgets.genotype_detail import GenotypeDetail
from tests.screens.driving import until
from tests.synthetic import make_run


async def test_compare_lives_and_says_so(home: Home) -> None:
    (_, first), (_, second) = (make_run(home.root, epochs=9, done=4, seed=seed, ended=False) for seed in (0, 1))
    app = NastuiApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = CompareScreen(app.store, [first.root.name, second.root.name])
        await app.push_screen(screen)
        runs = screen.query_one(ComparedRuns)

        def said(words: str) -> bool:
            return words in str(screen.query_one("#message").render())

        await until(pilot, lambda: runs.text.count("4/9") == 2)
        with first.events.open("a") as log:
            log.write('{"v": 9, "t": 1, "n": 99, "type": "dreamt"}\n{"torn\n')
        await until(pilot, lambda: said("1 line of the log cannot be read") and said("1 event of a newer version"))
        lines = second.events.read_text().splitlines(keepends=True)
        second.events.write_text("".join(lines[: len(lines) // 2]))
        await until(pilot, lambda: "2/9" in runs.text and said("the log became shorter"))
        shutil.rmtree(first.root)
        await until(pilot, lambda: said("its folder is gone") and "gone" in runs.text)
        assert "4/9" in runs.text
        await pilot.press("2", "4", "5", "m", "space", "left")
        assert app.screen is screen


async def test_genotypes_lives_when_a_run_vanishes(home: Home) -> None:
    config, paths = make_run(home.root, epochs=3)
    app = NastuiApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = GenotypesScreen(app.store)
        await app.push_screen(screen)
        await until(pilot, lambda: screen.list.option_count > 30)
        detail = screen.query_one(GenotypeDetail)
        await pilot.press("G")
        await until(pilot, lambda: config.id[:8] in detail.text and "parameters" in detail.text)
        shutil.rmtree(paths.root)
        await pilot.press("r", "e", "escape", "y")
        await until(pilot, lambda: "0 found" in str(screen.query_one("#counts").render()))
