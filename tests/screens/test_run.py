"""The Run screen, driven by keys: with live, past, lost, failed and removed runs, at every size."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from nastui.app import NastuiApp
from runs.errors import BusyError
from runs.home import Home
from runs.log.events import CheckpointWritten, Entry, Failed, Paused, Stopped, Warned, encode
from runs.store import requests
from runs.store.requests import Request
from runs.store.status import Status
from runs.supervision import resuming
from screens.run.screen import RunScreen
from screens.widgets.header import Header
from screens.widgets.lines import Lines
from screens.widgets.log import Log
from screens.widgets.now import Now
from screens.widgets.panel import MethodPanel
from screens.widgets.scrubber import Scrubber
from screens.widgets.wiring import Wiring
from tests.screens.driving import BEGAN, append, engine, opened, text, toasts, until
from tests.synthetic import course, make_run


class TestEpochs:
    async def test_every_pane_follows_the_slider(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=6, ended=False)
        app = NastuiApp(home, config.id)
        with engine(paths):
            async with app.run_test(size=(120, 40)) as pilot:
                screen = await opened(pilot)
                newest = text(screen, Now)
                assert text(screen, Scrubber).endswith("live")
                await pilot.press("left", "h")
                assert text(screen, Scrubber).endswith("epoch 4")
                assert text(screen, Now) != newest
                assert "1.438" in text(screen, MethodPanel)
                await pilot.press("g")
                assert text(screen, Scrubber).endswith("epoch 1")
                await pilot.press("left", "l")
                assert text(screen, Scrubber).endswith("epoch 2")
                await pilot.press("G")
                assert text(screen, Scrubber).endswith("live") and text(screen, Now) == newest

    async def test_a_live_run_moves_on_and_a_held_view_does_not(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        app = NastuiApp(home, config.id)
        with engine(paths):
            async with app.run_test(size=(80, 24)) as pilot:
                screen = await opened(pilot)
                await pilot.press("F")
                assert text(screen, Scrubber).endswith("epoch 3 · held")
                append(paths, *[event for event in course(9, 4) if getattr(event, "epoch", 0) == 4])
                await until(pilot, lambda: "epoch 5/9" in text(screen, Header))
                assert text(screen, Scrubber).endswith("epoch 3 · held")
                await pilot.press("F")
                assert text(screen, Scrubber).endswith("live")

    async def test_a_past_run_plays(self, home: Home) -> None:
        config, _ = make_run(home.root, epochs=3)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            await pilot.press("F")
            assert text(screen, Scrubber).endswith("playing")
            await until(pilot, lambda: text(screen, Scrubber).endswith("epoch 3 (last)"))

    async def test_cells_are_compared_with_a_marked_epoch(self, home: Home) -> None:
        config, _ = make_run(home.root, epochs=5)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            await pilot.press("g", "space", "G")
            assert "compared with epoch 1" in text(screen, Wiring)
            await pilot.press("g", "space", "G")
            assert "compared with" not in text(screen, Wiring)


class TestPanes:
    async def test_a_number_chooses_and_once_more_maximises(self, home: Home) -> None:
        config, _ = make_run(home.root, epochs=5)
        app = NastuiApp(home, config.id)

        def visible() -> set[int]:
            return {number for number in range(1, 7) if screen.query_one(f"#pane-{number}").display}

        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            assert visible() == {1, 2, 3}
            await pilot.press("4")
            assert visible() == {1, 2, 4}
            await pilot.press("4")
            assert visible() == {4}
            await pilot.press("tab")
            assert visible() == {5}
            await pilot.press("escape")
            assert visible() == {1, 2, 5}
            await pilot.resize_terminal(120, 40)
            await until(pilot, lambda: visible() == {1, 2, 3, 4, 5, 6})
            await pilot.resize_terminal(40, 12)
            await until(pilot, lambda: visible() == {5})

    async def test_n_switches_curves_in_their_pane(self, home: Home) -> None:
        config, _ = make_run(home.root, epochs=5)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            rule = screen.query_one("#pane-1").children[0]
            assert isinstance(rule, Lines)
            assert "accuracy %" in rule.text
            await pilot.press("1", "n")
            assert "loss nats" in rule.text

    async def test_the_log_stays_at_its_end(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=60, done=40, ended=False)
        app = NastuiApp(home, config.id)
        with engine(paths):
            async with app.run_test(size=(80, 24)) as pilot:
                screen = await opened(pilot)
                await pilot.press("6")
                log = screen.query_one(Log)
                await until(pilot, lambda: log.max_scroll_y > 0 and log.scroll_offset.y == log.max_scroll_y)
                before = log.scroll_offset.y
                append(paths, Warned("nan", "the loss is [/nan]"))
                await until(pilot, lambda: log.scroll_offset.y == before + 1)
                assert "▲ the loss is [/nan]" in log.text
                await pilot.press("k", "k")
                append(paths, Warned("nan", "again"))
                await until(pilot, lambda: "again" in log.text)
                assert log.scroll_offset.y == before - 1

    async def test_a_long_backlog_is_read_without_a_halt(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            await pilot.press("6")
            lines = (encode(Entry(BEGAN, 100 + n, Warned("nan", f"warning {n} {'x' * 200}"))) for n in range(2000))
            with paths.events.open("a") as log:
                log.write("\n".join(lines) + "\n")
            await until(pilot, lambda: "warning 1999" in text(screen, Log))
            assert "2,000 warnings" in screen.query_one("#pane-6").children[0].text  # type: ignore[attr-defined]


class TestEndings:
    async def test_a_lost_run_says_what_to_do(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        paths.log.write_text("Killed\n")
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            assert "▲ lost" in text(screen, Header)
            assert "last checkpoint 3" in text(screen, Header) and "R resumes" in text(screen, Header)
            await pilot.press("6")
            await until(pilot, lambda: "Killed" in text(screen, Log))

    async def test_an_engine_that_dies_is_seen(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            with engine(paths):
                screen = await opened(pilot)
                await until(pilot, lambda: "● running" in text(screen, Header))
            await until(pilot, lambda: "▲ lost" in text(screen, Header))

    async def test_a_failure_is_told_with_its_hint_and_traceback(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        append(paths, Failed("out of memory [/x]", "take a smaller batch", 'Traceback\n  File "[/x]"'))
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            assert "✗ failed" in text(screen, Header)
            assert "out of memory [/x] take a smaller batch" in text(screen, Header)
            await pilot.press("6", "6")
            await until(pilot, lambda: 'File "[/x]"' in text(screen, Log))

    async def test_a_folder_that_disappears(self, home: Home, tmp_path: Path) -> None:
        config, paths = make_run(home.root, epochs=9, done=3)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            shutil.move(paths.root, tmp_path / "away")
            await until(pilot, lambda: "▲ gone" in text(screen, Header))
            assert "folder of this run is gone" in text(screen, Header).replace("\n", "")
            await pilot.press("left", "4", "R", "y", "6")
            shutil.move(tmp_path / "away", paths.root)
            await until(pilot, lambda: "gone" not in text(screen, Header).split("\n")[0])

    async def test_a_run_that_is_not_there(self, home: Home) -> None:
        app = NastuiApp(home, "nosuchrun")
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: isinstance(app.screen, RunScreen))
            header = app.screen.query_one(Header)
            await until(pilot, lambda: "No run's id begins with 'nosuchrun'" in header.text)
            await pilot.press("left", "space", *"FypxwcreR1nmM", "full_stop", "greater_than_sign", *"aAv7q")
            await until(pilot, lambda: not isinstance(app.screen, RunScreen))

    async def test_a_run_without_a_word(self, home: Home) -> None:
        config, _ = make_run(home.root, done=0)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(pilot)
            await pilot.press("left", "space", "F", "g", "y", "m", "M", "n", "1", "1", "n")
            assert "no epoch yet" in text(screen, Scrubber)

    async def test_a_log_with_nonsense_in_it(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=3, done=2, ended=False)
        with paths.events.open("ab") as log:
            log.write(b'{"v":9,"t":1,"n":2,"type":"[/x]","a":1}\n\xff\xfe\n{"t":1}\n')
            log.write(
                b'{"v":1,"t":1,"n":9,"type":"epoch","epoch":3,"epochs":3,"metrics":{"search_accuracy":NaN},'
                b'"architecture":{"[/x]":{"edges":["e"],"operations":["[/o]"],"weights":[],"alive":[],"chosen":[]}},'
                b'"genotype":{"space":"?","cells":{"[/x]":{"inputs":1,"edges":[[0,1,"[/o]"]],"outputs":[1]}}},'
                b'"extras":{"[/k]":[[1,"x"],[]]}}\n{"torn'
            )
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(pilot)
            assert "[/o]" in text(screen, Wiring) and "[/k]" in text(screen, MethodPanel)
            assert "a newer version" in text(screen, Log)


class TestRequests:
    async def test_pause_reaches_the_engine(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        app = NastuiApp(home, config.id)
        with engine(paths):
            async with app.run_test(size=(80, 24)) as pilot:
                await opened(pilot)
                await pilot.press("p")
                await until(pilot, lambda: requests.waiting(paths.requests) == [Request.PAUSE])
                await pilot.press("p")
                await until(pilot, lambda: "has not yet answered" in toasts())
                append(paths, Paused())
                await until(pilot, lambda: "is paused" in toasts())

    async def test_stop_asks_first(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        app = NastuiApp(home, config.id)
        with engine(paths):
            async with app.run_test(size=(80, 24)) as pilot:
                screen = await opened(pilot)
                await pilot.press("x", "n")
                assert app.screen is screen and requests.waiting(paths.requests) == []
                await pilot.press("x", "y")
                await until(pilot, lambda: requests.waiting(paths.requests) == [Request.STOP])
                await until(pilot, lambda: "stopping" in text(screen, Header))
                requests.clear(paths.requests)
                append(paths, Stopped())
                paths.lock.rename(paths.lock.with_name("old"))
                await until(pilot, lambda: "is stopped" in toasts())

    async def test_a_checkpoint_is_asked_for_and_reported(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        app = NastuiApp(home, config.id)
        with engine(paths):
            async with app.run_test(size=(80, 24)) as pilot:
                await opened(pilot)
                await pilot.press("w")
                assert requests.waiting(paths.requests) == [Request.CHECKPOINT]
                append(paths, CheckpointWritten(3, 7, 100))
                await until(pilot, lambda: "A checkpoint was written" in toasts())

    async def test_leaving_does_not_wait_for_an_engine(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        app = NastuiApp(home, config.id)
        with engine(paths):
            async with app.run_test(size=(80, 24)) as pilot:
                await opened(pilot)
                await pilot.press("p")
                await until(pilot, lambda: requests.waiting(paths.requests) == [Request.PAUSE])
                began = time.monotonic()
            assert time.monotonic() - began < 5
            assert not [thread for thread in threading.enumerate() if thread.name == "pause" and not thread.daemon]
            append(paths, Paused())

    async def test_a_refusal_is_a_sentence(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> Status:
            raise BusyError("Run '[/x]' already has an engine.")

        config, _ = make_run(home.root, epochs=9, done=3, ended=False)
        monkeypatch.setattr(resuming, "resume", refuse)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            await opened(pilot)
            await pilot.press("R")
            await until(pilot, lambda: "Run '[/x]' already has an engine." in toasts())

    async def test_keys_that_would_do_nothing_are_off(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=3)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            await pilot.press("p", "x", "w", "R")
            assert app.screen is screen and requests.waiting(paths.requests) == [] and not toasts()


class TestTakingAlong:
    async def test_copying_names_the_file(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=3)
        paths.genotype.write_text("{}")
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            await opened(pilot)
            await pilot.press("y")
            assert app.clipboard.startswith("|") and "~0|+|" in app.clipboard
            assert str(paths.genotype) in toasts()
            await pilot.press("left", "y")
            assert str(paths.events) in toasts()

    async def test_the_screen_is_saved_and_never_over_another(
        self, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config, _ = make_run(home.root, epochs=3)
        monkeypatch.chdir(tmp_path)
        app = NastuiApp(home, config.id)
        async with app.run_test(size=(80, 24)) as pilot:
            await opened(pilot)
            await pilot.press("ctrl+e", "ctrl+e")
            saved = sorted(tmp_path.glob("*.svg"))
            assert len(saved) == 2 and all(str(path) in toasts() for path in saved)

    async def test_leaving_says_that_the_run_goes_on(self, home: Home) -> None:
        config, paths = make_run(home.root, epochs=9, done=3, ended=False)
        app = NastuiApp(home, config.id)
        with engine(paths):
            async with app.run_test(size=(80, 24)) as pilot:
                await opened(pilot)
                await pilot.press("q")
                assert not isinstance(app.screen, RunScreen) and "keeps running" in toasts()
