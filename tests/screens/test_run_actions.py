"""Further keys of the Run screen: edges, curves, the log, the machine, and follow-ups of a run."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from textual.widgets import Input

from nastui.app import NastuiApp
from runs.home import Home
from runs.log.events import Warned
from runs.machine.devices import Gpu
from runs.machine.meters import Machine, Meter, Process
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from screens.compare.screen import CompareScreen
from screens.starting.retrain import RetrainScreen
from screens.views.machine import machine_facts
from screens.widgets.chart import Chart
from screens.widgets.header import Header
from screens.widgets.heatmap import Heatmap
from screens.widgets.log import Log
from screens.widgets.now import Now
from screens.widgets.pane import Rule
from screens.widgets.wiring import Wiring
from tests.screens import histories
from tests.screens.driving import append, engine, opened, text, toasts, until, written_run
from tests.synthetic import make_run

SIZE = (120, 40)


async def test_edges_are_looked_at_in_the_cell_and_in_the_weights(home: Home) -> None:
    config, _ = make_run(home.root, epochs=5)
    app = NastuiApp(home, config.id)
    async with app.run_test(size=SIZE) as pilot:
        screen = await opened(pilot)
        assert "since epoch" not in text(screen, Heatmap)
        await pilot.press("full_stop")
        told = text(screen, Heatmap)
        assert "1 ◂ 0 " in told and "derived · margin 0." in told and "entropy" in told and "since epoch 1" in told
        assert "margin" in text(screen, Wiring)
        await pilot.press("greater_than_sign")
        assert ", derived is " in text(screen, Heatmap)
        await pilot.press("full_stop")
        assert "2 ◂ 0 " in text(screen, Heatmap) and ", derived ·" in text(screen, Heatmap)
        await pilot.press("less_than_sign", "comma", "escape")
        assert screen.is_current and "margin" not in text(screen, Wiring)


async def test_curves_have_a_logarithmic_axis_and_means(home: Home) -> None:
    config, _ = make_run(home.root, epochs=9)
    app = NastuiApp(home, config.id)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        chart, rule = screen.query_one(Chart), screen.query(Rule).first()
        assert chart.curves is not None
        plain = chart.curves.series[0].points
        await pilot.press("A", "a")
        assert chart.curves.log and "mean of 5 epochs, log" in rule.text
        smooth = chart.curves.series[0].points
        assert smooth[0] == plain[0] and smooth[8][1] == pytest.approx(sum(y for _, y in plain[4:9]) / 5)
        await pilot.press("A", "a", "a")
        assert chart.curves.series[0].points == plain and "log" not in rule.text
        metric = chart.curves.title
        await pilot.press("m")
        assert chart.curves.title != metric
        await pilot.press("M")
        assert chart.curves.title == metric


async def test_the_log_is_searched_and_thinned(home: Home) -> None:
    config, paths = make_run(home.root, epochs=30, done=20, ended=False)
    append(paths, Warned("odd", "the loss is [/odd] here"))
    app = NastuiApp(home, config.id)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("6", "slash")
        app.screen.query_one(Input).value = "EPOCH 3 "
        await pilot.press("enter")
        log, rule = screen.query_one(Log), screen.query_one("#pane-6").children[0]
        assert isinstance(rule, Rule)
        await until(pilot, lambda: "» checkpoint after epoch 3 " in log.text)
        assert "2 lines with" in rule.text and log.scroll_offset.y < log.max_scroll_y
        await pilot.press("n")
        assert "» epoch 3 " in log.text
        await pilot.press("v")
        assert "epoch 4 · 1.5 s" not in log.text and "checkpoint after epoch 4" in log.text
        await pilot.press("v")
        assert "checkpoint" not in log.text and "[/odd]" in log.text and "warnings and failures" in rule.text


async def test_the_machine_is_measured_off_the_ui_thread(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    config, paths = make_run(home.root, epochs=5, done=3, ended=False)
    monkeypatch.setattr("runs.machine.meters.gpus", lambda: [Gpu(0, "H [/x]", 20_000_000_000, 80_000_000_000, None)])
    app = NastuiApp(home, config.id)
    with engine(paths):
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            await pilot.press("7")
            shown = screen.query_one("#pane-7 Now", Now)
            await until(pilot, lambda: "cuda:0" in shown.text)
            assert "N/A" in shown.text and "H [/x]" in shown.text and "20.0 GB" in shown.text


def test_a_meter_reads_proc_and_guesses_nothing(tmp_path: Path) -> None:
    def tell(busy: int, idle: int, ticks: int) -> None:
        (tmp_path / "stat").write_text(f"cpu {busy} 0 0 {idle} 0 0 0 0 0 0\n")
        (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 250 kB\n")
        words = ["S", *["0"] * 10, str(ticks), "0", *["0"] * 4, "7", "0", "0", "0", "5", "0"]
        (tmp_path / "42").mkdir(exist_ok=True)
        (tmp_path / "42" / "stat").write_text(f"42 (a ) b) {' '.join(words)}\n")

    meter = Meter(tmp_path)
    tell(100, 100, 10)
    first = meter.look(42)
    assert first.busy is None and first.memory == (768_000, 1_024_000)
    assert first.engine is not None and first.engine.busy is None and first.engine.threads == 7
    tell(175, 125, 10)
    assert meter.look(42).busy == 75.0
    assert meter.look(43).engine is None
    nothing = Meter(tmp_path / "none").look(42)
    assert nothing.busy is None and nothing.memory is None and nothing.engine is None


def test_the_runs_own_gpu_comes_first() -> None:
    gpus = tuple(Gpu(index, "H", 79, 80, 50) for index in range(2))
    told = machine_facts(Machine(2, 50.0, 9.0, (1, 2), gpus, Process(7, 99.6, 10, 1)), "cuda:1")
    assert [fact.name for fact in told][:3] == ["cuda:1", "cuda:1 memory", "engine"]
    assert told[1].note == "nearly full" and told[2].value == "100 % of a core"
    assert next(fact for fact in told if fact.name == "load").note == "more than there are cores"


async def test_one_goes_on_to_retrain_export_and_compare(home: Home, tmp_path: Path) -> None:
    config, _ = make_run(home.root, epochs=5)
    other, _ = make_run(home.root, epochs=4)
    app = NastuiApp(home, config.id)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("e")
        await until(pilot, lambda: bool(app.screen.query(Input)))
        app.screen.query_one(Input).value = str(tmp_path / "out")
        await pilot.press("enter")
        await until(pilot, lambda: "exported to" in toasts())
        assert (tmp_path / "out" / "metrics.csv").is_file()
        await pilot.press("left", "r")
        await until(pilot, lambda: isinstance(app.screen, RetrainScreen))
        assert app.screen.form.found.name.endswith("epoch 4")  # type: ignore[attr-defined]
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("c")
        await until(pilot, lambda: app.screen.is_modal)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        assert other.id != config.id


async def test_an_export_that_cannot_be_is_a_sentence(home: Home, tmp_path: Path) -> None:
    config, _ = make_run(home.root, epochs=5)
    app = NastuiApp(home, config.id)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("e")
        await until(pilot, lambda: bool(app.screen.query(Input)))
        app.screen.query_one(Input).value = str(tmp_path)
        await pilot.press("enter")
        await until(pilot, lambda: "exists" in toasts())


async def test_a_log_that_becomes_shorter_is_read_anew_and_said(home: Home) -> None:
    config, paths = make_run(home.root, epochs=9, done=6, ended=False)
    app = NastuiApp(home, config.id)
    with engine(paths):
        async with app.run_test(size=SIZE) as pilot:
            screen = await opened(pilot)
            kept = paths.events.read_bytes().splitlines(keepends=True)[:9]
            paths.events.write_bytes(b"".join(kept))
            await until(pilot, lambda: "became shorter" in text(screen, Header))
            assert "epoch 3/9" in text(screen, Header) and "epoch 6 ·" not in text(screen, Log)
            with paths.events.open("ab") as log:
                log.write(b'{"v":9,"t":1,"n":99,"type":"dream"}\n{"cut\n')
            await until(pilot, lambda: "and 2 more" in text(screen, Header))
            assert "1 event of a newer version: update nastui to see them" in screen.log_notes
            assert any(note.startswith("1 line of the log cannot be read") for note in screen.log_notes)


async def test_name_and_note_are_edited_and_stand_in_the_header(home: Home) -> None:
    config, _ = make_run(home.root, epochs=3)
    app = NastuiApp(home, config.id)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await pilot.press("i", *"first", "tab", *"keep", "enter")
        await until(pilot, lambda: text(screen, Header).startswith(" first · drnas · "))
        assert " · keep " in text(screen, Header)
    assert RunStore(home).find(config.id).labels == Labels("first", [], "keep")


async def test_a_store_that_cannot_be_written_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    config, paths = make_run(home.root, epochs=9, done=3, ended=False)
    monkeypatch.setattr("runs.store.requests.send", refuse)
    monkeypatch.setattr("runs.files.replace_text", refuse)
    app = NastuiApp(home, config.id)
    with engine(paths):
        async with app.run_test(size=(80, 24)) as pilot:
            screen = await opened(pilot)
            await pilot.press("w")
            await until(pilot, lambda: "ead-only file system" in toasts())
            await pilot.press("p")
            await until(pilot, lambda: toasts().count("ead-only file system") == 2)
            await pilot.press("left")
            assert app.screen is screen and "● running" in text(screen, Header)


async def test_alarms_say_what_to_look_at_and_leave_their_place(home: Home) -> None:
    run = written_run(home, histories.morphing())
    app = NastuiApp(home, run)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        assert "▲ the derived cell is 25 points below the supernet · and 1 more" in text(screen, Header)
        before = screen.query_one(Header).size.height
        await pilot.press("left")
        assert screen.query_one(Header).size.height == before
