"""View functions: they turn histories into view models, whatever the log holds."""

from __future__ import annotations

import dataclasses
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

from runs.genotypes import nasbench201
from runs.home import RunPaths
from runs.log.events import (
    CellSnapshot,
    CheckpointWritten,
    Entry,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Progress,
    StageStarted,
    Started,
    Unknown,
    Warned,
)
from runs.log.history import History
from runs.store.labels import Labels
from runs.store.record import Record
from runs.store.status import Status
from screens.models.log import LogLine
from screens.models.panels import Fact
from screens.models.selection import RunSelection
from screens.views import curves
from screens.views.alarms import alarms
from screens.views.cells import cell_view
from screens.views.epochs import genotype_text, selected_epoch
from screens.views.extras import extras_panel
from screens.views.figures import epoch_figures
from screens.views.header import header_view
from screens.views.log_lines import log_lines, output_lines
from screens.views.weights import decided_matrix, mean_entropy, snapshot_matrix, weights_matrix
from tests.synthetic import course, epoch_event, snapshot

NEWEST = RunSelection()
HEAD = {
    "id": "a3f9c0de-drnas-nasbench201",
    "kind": "search",
    "method": "drnas",
    "space": "nasbench201",
    "dataset": "digits",
    "preset": "quick",
    "seed": 2,
    "device": "cpu",
    "created": "2026-01-01T00:00:00.000+00:00",
    "command": "nastui search drnas",
}


def told(*events: Event) -> History:
    history = History()
    for number, event in enumerate(events, start=1):
        history.apply(Entry(1000.0 + number, number, event))
    return history


def record(history: History, status: Status = Status.RUNNING, name: str = "") -> Record:
    return Record(RunPaths(Path("/nowhere") / HEAD["id"]), HEAD, Labels(name), history.summary, status)


def epoch(number: int, operations: list[int], **fields: object) -> EpochEnded:
    rows = [[0.8 if place == chosen else 0.05 for place in range(5)] for chosen in operations]
    event = EpochEnded(
        epoch=number,
        epochs=10,
        seconds=2.0,
        metrics={"train_accuracy": 50.0 + number, "search_accuracy": 40.0 + number, "train_loss": 1 / number},
        learning_rates={"weights": 0.025},
        architecture={"cell": snapshot(rows)},
        genotype=nasbench201.genotype(operations).to_json(),
    )
    return dataclasses.replace(event, **fields)  # type: ignore[arg-type]


def facts(history: History, look: RunSelection = NEWEST) -> dict[str, Fact]:
    return {fact.name: fact for fact in epoch_figures(history, look)}


def test_no_terminal_is_needed() -> None:
    code = (
        "import sys, screens.views, screens.views.extras, screens.views.log_lines; assert 'textual' not in sys.modules"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


class TestHeader:
    def test_of_a_running_run(self) -> None:
        history = told(*course(10, 4, ended=False), Progress(5, 10, 6, 12, 1234.0, 95.0))
        view = header_view(record(history, name="[/x]"), history, now=2000.0)
        assert view.title == "[/x] · drnas · nasbench201 · digits · quick"
        assert (view.epoch, view.share, view.message) == ("epoch 5/10", 0.45, "")
        assert view.facts == ("45%", "eta 1m", "1.2k img/s")

    def test_of_a_lost_run_says_what_happened_and_what_to_do(self) -> None:
        history = told(*course(10, 3, ended=False))
        view = header_view(record(history, Status.LOST), history, now=2000.0)
        assert (
            "engine gone at epoch" in view.message
            and "last checkpoint 3" in view.message
            and "R resumes" in view.message
        )

    def test_of_one_that_cannot_be_read(self) -> None:
        history = told(*course(10, 3, ended=False))
        view = header_view(record(history, Status.LOST), history, 2000.0, "the folder of this run is gone: /x")
        assert view.status is None and "what was read before" in view.message

    def test_before_the_first_word(self) -> None:
        view = header_view(record(History(), Status.UNSTARTED), History(), now=2000.0)
        assert (view.epoch, view.share) == ("epoch 0/?", 0.0)
        assert view.message.endswith("it is not in the queue · R starts it")

    def test_names_stages_where_there_are_several(self) -> None:
        history = told(Started(), StageStarted(1, 2, 5, "narrow"), *(epoch(n, [3] * 6) for n in (1, 2)))
        assert header_view(record(history), history, 0.0).epoch == "stage 2/2  epoch 3/10"

    @pytest.mark.parametrize("eta", [float("nan"), float("inf"), None])
    def test_an_eta_that_is_none_is_left_out(self, eta: float | None) -> None:
        history = told(Progress(1, 10, 1, 0, float("nan"), eta))
        assert header_view(record(history), history, 0.0).facts == ("0%",)


class TestChoose:
    def test_the_nearest_epoch_before(self) -> None:
        history = told(*(epoch(n, [3] * 6) for n in (1, 2, 4, 5)))
        chosen = [selected_epoch(history, RunSelection(epoch=n)).event for n in (None, 0, 1, 3, 4, 99)]
        assert [event.epoch for event in chosen if event] == [5, 1, 1, 2, 4, 5]

    def test_an_empty_history(self) -> None:
        for view in (epoch_figures, cell_view, weights_matrix, curves.curves, extras_panel):
            view(History(), RunSelection(epoch=3))
        assert selected_epoch(History(), RunSelection()).event is None

    def test_a_kind_of_cell_that_is_not_there_stands_for_the_first(self) -> None:
        history = told(epoch(1, [3] * 6))
        assert selected_epoch(history, RunSelection(cell="reduce")).kind == "cell"


class TestCurves:
    def test_groups_and_order(self) -> None:
        history = told(epoch(1, [3] * 6, metrics={"regret": 1.0, "train_loss": 1.0, "search_accuracy": 3.0}))
        assert curves.metric_groups(history) == ("accuracy", "loss", "regret")
        assert [curves.curves(history, RunSelection(curves=n)).unit for n in range(4)] == ["%", "nats", "", "%"]

    def test_the_curve_that_decides_comes_first_and_nan_is_left_out(self) -> None:
        history = told(epoch(1, [3] * 6), epoch(2, [3] * 6, metrics={"search_accuracy": float("nan")}))
        drawn = curves.curves(history, RunSelection(epoch=1))
        assert [series.name for series in drawn.series] == ["search", "train"]
        assert drawn.series[0].points == ((1, 41.0),) and drawn.cursor == 1

    def test_a_long_run_is_thinned_to_its_newest_point(self) -> None:
        history = told(*(epoch(n, [3] * 6, architecture={}) for n in range(1, 5001)))
        points = curves.curves(history, RunSelection()).series[0].points
        assert len(points) <= 1001 and points[-1][0] == 5000


class TestCell:
    def test_what_changed_last_is_marked(self) -> None:
        history = told(*(epoch(n, [3] * 6) for n in (1, 2)), *(epoch(n, [3, 3, 1, 3, 3, 0]) for n in (3, 4, 5)))
        view = cell_view(history, RunSelection())
        assert view.changed == {(1, 2), (2, 3)}
        assert view.caption == (
            "unchanged for 2 epochs · last change at epoch 3 · none on 1 edge",
            "* 2←1 conv3→skip, 3←2 conv3→none",
        )

    def test_what_never_changed(self) -> None:
        view = cell_view(told(*(epoch(n, [3] * 6) for n in (1, 2))), RunSelection())
        assert view.changed == frozenset() and view.caption == ("unchanged for 1 epoch · never changed",)
        assert cell_view(told(epoch(1, [3] * 6)), RunSelection()).caption == ("new at this epoch",)

    def test_against_a_marked_epoch(self) -> None:
        history = told(epoch(1, [3] * 6), epoch(2, [1] * 6), epoch(3, [3, 3, 3, 3, 3, 1]))
        view = cell_view(history, RunSelection(mark=1))
        assert view.changed == {(2, 3)} and "compared with epoch 1" in view.caption[0]
        assert cell_view(history, RunSelection(epoch=1, mark=1)).caption[-1] == "* no difference"

    def test_near_ties(self) -> None:
        rows = [[0.0, 0.0, 0.0, 0.505, 0.495], *([[0.0, 0.0, 0.0, 1.0, 0.0]] * 5)]
        history = told(epoch(1, [3] * 6, architecture={"cell": snapshot(rows)}))
        assert cell_view(history, RunSelection()).ties == {(0, 1)}

    @pytest.mark.parametrize(
        "genotype",
        [
            None,
            {},
            {"space": "x", "cells": {"cell": 3}},
            {"space": "x", "cells": {"cell": {"inputs": 1, "edges": [[0, 10**9, "none"]], "outputs": [1]}}},
            {"space": "x", "cells": {"cell": {"inputs": 1, "edges": [[0, 1, "op"]], "outputs": [-4]}}},
        ],
    )
    def test_a_genotype_that_cannot_be_drawn_is_not(self, genotype: dict[str, object] | None) -> None:
        history = told(epoch(1, [3] * 6, genotype=genotype))
        assert cell_view(history, RunSelection()).cell is None
        epoch_figures(history, RunSelection())

    def test_as_text(self) -> None:
        assert genotype_text(epoch(1, [3] * 6)).startswith("|nor_conv_3x3~0|+")
        assert '"space": "x"' in genotype_text(epoch(1, [3] * 6, genotype={"space": "x", "cells": {}}))


class TestWeights:
    def test_pruned_operations_and_entropy(self) -> None:
        cell = CellSnapshot([(0, 1)], ["a", "b", "c"], [[0.5, 0.5, 0.0]], [[True, True, False]], [0])
        matrix = decided_matrix(EpochEnded(architecture={"cell": cell}), "cell")
        assert matrix.values == ((0.5, 0.5, None),)
        assert matrix.entropy == (pytest.approx(math.log(2)),)
        assert matrix.margin == (0.0,)

    def test_entropy_and_margin_are_those_of_the_engine(self) -> None:
        cell = CellSnapshot([(0, 1)], ["a", "b"], [[0.5, 0.5]], [[True, True]], [0])
        told = EpochEnded(architecture={"cell": cell}, extras={"entropy": {"cell": [0.25]}, "margin": {"cell": [0.75]}})
        matrix = decided_matrix(told, "cell")
        assert (matrix.entropy, matrix.margin) == ((0.25,), (0.75,))
        assert mean_entropy(told) == 0.25

    def test_any_shape(self) -> None:
        ragged = CellSnapshot([(0, 1), (0, 2), (-3, 10**9)], ["a", "b"], [[0.1], [0.1, 0.2, 0.3]], [], [7])
        matrix = snapshot_matrix(ragged, "cell")
        assert [len(row) for row in matrix.values] == [2, 2, 2]
        assert matrix.rows[2] == "1000000000←-3"


class TestNow:
    def test_figures(self) -> None:
        history = told(epoch(1, [3] * 6), epoch(2, [1] * 6), Progress(3, 10, 1, 2, 1.0, 1.0, 6_100_000_000))
        found = facts(history)
        assert found["search acc"] == Fact("search acc", "42.00 %", "best 42.00")
        assert found["skips, pools"] == Fact("skips, pools", "6, 0 of 6", "")
        assert found["genotype"].value == "new at this epoch"
        assert found["memory"].value == "6.1 GB"

    @pytest.mark.parametrize(("said", "shown"), [(True, "collapsed"), (False, "ok"), ("yes", "")])
    def test_a_collapse_is_what_the_engine_says(self, said: object, shown: str) -> None:
        history = told(epoch(1, [1] * 6, extras={"collapsed": said}))
        assert facts(history)["skips, pools"] == Fact("skips, pools", "6, 0 of 6", shown)
        assert ("the search has collapsed into skip connections" in alarms(history, RunSelection())) == (said is True)

    def test_the_best_is_that_of_the_epochs_so_far(self) -> None:
        history = told(*(epoch(n, [3] * 6) for n in range(1, 6)))
        assert facts(history, RunSelection(epoch=2))["search acc"].note == "best 42.00"
        assert "memory" not in facts(history, RunSelection(epoch=2))

    def test_table_accuracy(self) -> None:
        """One line for each data set: what papers report, and the rank where the log has it."""
        values = {"cifar10": {"valid (12 epochs)": 84.2, "test (12 epochs)": 85.1, "test (200 epochs)": 94.36}}
        event = epoch(1, [3] * 6, benchmark=values)
        fact = facts(told(event))["cifar10 table"]
        assert (fact.value, fact.note) == ("94.36 %", "test (200 epochs)")
        ranks = {"cifar10": {"test (200 epochs)": 1203}}
        ranked = dataclasses.replace(event, benchmark_rank=ranks, benchmark_size=15_625)
        assert facts(told(ranked))["cifar10 table"].note == "rank 1,203"


class TestPanel:
    def test_matrices_lists_and_figures_without_knowing_the_method(self) -> None:
        own = {"dist": 0.25, "frozen": [1, 2], "pool": {"cell": [0.5] * 6, "other": [9]}, "note": "[/x]\x07"}
        history = told(epoch(1, [3] * 6, extras=own))
        panel = extras_panel(history, RunSelection())
        assert {fact.name: fact.value for fact in panel.facts} == {"dist": "0.25", "note": "[/x]"}
        assert [(bars.caption, len(bars.values)) for bars in panel.bars] == [
            ("frozen", 2),
            ("pool", 6),
            ("pool other", 1),
        ]
        (matrix,) = panel.matrices
        assert matrix.caption == "concentration" and matrix.columns[1] == "skip_connect" and not matrix.share

    def test_text_is_listed_and_records_are_left_to_who_knows_them(self) -> None:
        own = {"found": ["c3", "[/x]"], "changes": [{"edge": 0}], "edges": [[{"edge": 0}], [{"edge": 1}]]}
        panel = extras_panel(told(epoch(1, [3] * 6, extras=own)), RunSelection())
        assert [(fact.name, fact.value) for fact in panel.facts] == [("found", "c3, [/x]")]
        assert not panel.bars
        assert [matrix.caption for matrix in panel.matrices] == ["concentration"]

    def test_what_is_large_or_odd_is_cut(self) -> None:
        nested: dict[str, object] = {}
        for _ in range(50):
            nested = {"deeper": nested}
        own = {"wide": [[0.0] * 500] * 500, "deep": nested, "mixed": [1, "x", None], "empty": [], "rows": [[], [1]]}
        panel = extras_panel(told(epoch(1, [3] * 6, extras=own)), RunSelection())
        assert all(len(matrix.rows) <= 64 and len(matrix.columns) <= 24 for matrix in panel.matrices)


class TestLog:
    def test_events_in_words(self) -> None:
        assert log_lines(Entry(1.0, 1, Progress(1, 2, 3, 4))) == []
        (line,) = log_lines(Entry(1.0, 1, epoch(3, [3] * 6)))
        assert line == LogLine(1.0, "epoch", "epoch 3 · 2 s · search 43.0 % · train 53.0 %")
        (line,) = log_lines(Entry(1.0, 1, Warned("nan", "loss is [/nan]\x1b[31m")))
        assert line == LogLine(1.0, "warning", "loss is [/nan][31m (nan)")
        (line,) = log_lines(Entry(1.0, 1, Unknown("teleported", {})))
        assert "newer version" in line.text

    def test_a_failure_has_its_hint_and_its_traceback(self) -> None:
        lines = log_lines(Entry(1.0, 1, Failed("out of memory", "take a smaller batch", "Traceback:\n  File x\n")))
        assert [line.level for line in lines] == ["failure", "failure", "detail", "detail"]
        assert "take a smaller batch" in lines[1].text

    def test_every_event_says_something(self) -> None:
        generator = random.Random(0)
        events = [*course(2, 2), CheckpointWritten(1, 7, 100), Finished(), epoch_event(1, 2, generator)]
        for event in events:
            assert all(line.text for line in log_lines(Entry(1.0, 1, event)))

    def test_the_engines_own_output(self) -> None:
        assert [line.text for line in output_lines("killed\n\n\x1b[0mby you\n", 5.0)] == ["killed", "[0mby you"]
