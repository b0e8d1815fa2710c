"""The drawings, as pure functions: cells, heatmaps, bars and sliders, for any kind of terminal."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.color import Color

from nastui.characters import Characters
from runs.catalogue import library
from runs.genotypes import nasbench201
from runs.genotypes.genotype import Cell, Edge
from runs.store.status import Status
from screens import palette
from screens.formatting import clean, operation_label
from screens.models.charts import Curves, Series
from screens.models.log import LogLine, LogView
from screens.models.panels import Bars, Fact, Matrix, Panel
from screens.models.panes import PaneSelection
from screens.models.run import HeaderView
from screens.palette import ASCII, BLOCK, BRAILLE, Palette
from screens.run import layout as run_layout
from screens.widgets import header, heatmap, log, now, plot, scrubber, wiring
from screens.widgets import panel as panel_widget
from screens.widgets.scrubber import Track

UNICODE, PLAIN = Palette(BRAILLE, "full"), Palette(ASCII, "none")

DRNAS_CIFAR10 = Cell(
    2,
    tuple(
        Edge(source, target, operation)
        for source, target, operation in (
            (0, 2, "sep_conv_3x3"),
            (1, 2, "sep_conv_5x5"),
            (1, 3, "sep_conv_3x3"),
            (2, 3, "sep_conv_3x3"),
            (0, 4, "skip_connect"),
            (2, 4, "sep_conv_3x3"),
            (1, 5, "sep_conv_3x3"),
            (3, 5, "dil_conv_5x5"),
        )
    ),
    (2, 3, 4, 5),
)


def drawn(lines: list[Text]) -> str:
    return "\n".join(line.plain.rstrip() for line in lines)


class TestWiring:
    def test_a_nasbench201_cell_leaves_out_what_carries_nothing(self) -> None:
        cell = nasbench201.genotype([3, 3, 3, 1, 0, 3]).cells["cell"]
        assert drawn(wiring.lines(cell)) == (
            "  0 ──●───────●───────────────●\n"
            "      │conv3  │conv3          │skip\n"
            "  1   ╰▶──────┼───────●       │\n"
            "              │       │conv3  │\n"
            "  2           ╰───────┴▶──────┼───────●\n"
            "                              │       │conv3\n"
            "  3                           ╰───────┴▶ out"
        )

    def test_changed_edges_are_heavy_and_marked_and_near_ties_dashed(self) -> None:
        cell = nasbench201.genotype([3, 3, 3, 1, 3, 3]).cells["cell"]
        assert drawn(wiring.lines(cell, {(1, 3)}, ties={(0, 2)})) == (
            "  0 ──●───────●───────────────●\n"
            "      │conv3  ╎conv3          │skip\n"
            "  1   ╰▶──────┼───────●───────┼───────●\n"
            "              ╎       │conv3  │       ┃conv3*\n"
            "  2           ╰───────┴▶──────┼───────╂───────●\n"
            "                              │       ┃       │conv3\n"
            "  3                           ╰───────┸───────┴▶ out"
        )

    def test_in_ascii(self) -> None:
        cell = nasbench201.genotype([3, 0, 2, 0, 1, 0]).cells["cell"]
        assert drawn(wiring.lines(cell, {(1, 3)}, ascii=True)) == (
            "  0 --o\n"
            "      |conv3\n"
            "  1   +>------o-------o\n"
            "              |conv1  #skip*\n"
            "  2           +>      #\n"
            "                      #\n"
            "  3                   +> out"
        )

    def test_a_darts_cell_joins_its_nodes_at_a_rail(self) -> None:
        assert drawn(wiring.lines(DRNAS_CIFAR10)) == (
            "k-2 ──●───────────────────────────────●\n"
            "      │sep3                           │skip\n"
            "k-1 ──┼───────●───────●───────────────┼───────────────●\n"
            "      │       │sep5   │sep3           │               │sep3\n"
            "  2   ╰───────┴▶──────┼───────●───────┼───────●───────┼───────────────┐\n"
            "                      │       │sep3   │       │sep3   │               │\n"
            "  3                   ╰───────┴▶──────┼───────┼───────┼───────●───────┤\n"
            "                                      │       │       │       │dil5   │\n"
            "  4                                   ╰───────┴▶──────┼───────┼───────┤\n"
            "                                                      │       │       │\n"
            "  5                                                   ╰───────┴▶──────┴▶ out"
        )

    def test_a_darts_cell_fits_half_of_a_wide_terminal(self) -> None:
        narrow = wiring.lines(DRNAS_CIFAR10, {(3, 5)}, step=6)
        assert max(line.cell_len for line in narrow) <= wiring.columns(DRNAS_CIFAR10, 6) == 59
        assert wiring.rows(DRNAS_CIFAR10) == len(narrow) == 11

    @pytest.mark.parametrize("name", ["NASNet_A", "AmoebaNet_A", "PNASNet", "ENASNet"])
    def test_a_cell_of_ten_edges_fits_beside_a_list_on_80_columns(self, name: str) -> None:
        for cell in library.get(name).genotype.cells.values():
            assert wiring.widest_step([cell], 59) == 5
            assert max(line.cell_len for line in wiring.lines(cell, step=5)) == wiring.columns(cell, 5) == 59
            assert wiring.lines(cell, step=5)[-1].plain.endswith("▶out")

    def test_a_node_that_nothing_enters_is_shown_as_such(self) -> None:
        cell = nasbench201.genotype([0, 0, 3, 0, 0, 3]).cells["cell"]
        lines = drawn(wiring.lines(cell)).split("\n")
        assert lines[2].startswith("  1 ○─●")
        assert wiring.lines(cell, step=5)[2].plain.startswith("  1○●")
        assert drawn(wiring.lines(nasbench201.genotype([0] * 6).cells["cell"])).endswith("3 ○▶ out")

    @given(st.data())
    def test_every_edge_of_any_cell_is_drawn_once(self, data: st.DataObject) -> None:
        inputs, nodes = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
        names = ("none", "skip_connect", "sep_conv_3x3", "made_up")
        pairs = [(source, target) for target in range(inputs, inputs + nodes) for source in range(target)]
        chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True))
        edges = tuple(Edge(*ends, data.draw(st.sampled_from(names))) for ends in chosen)
        outputs = data.draw(st.lists(st.integers(inputs, inputs + nodes - 1), unique=True))
        changed = data.draw(st.sets(st.sampled_from(pairs)))
        text = drawn(wiring.lines(Cell(inputs, edges, tuple(outputs)), changed))
        kept = [edge for edge in edges if edge.operation != "none"]
        assert text.count("●") == len(kept)
        assert sum(text.count(end) for end in "╰┖") == len({edge.target for edge in kept})
        assert text.count("*") == sum((edge.source, edge.target) in changed for edge in kept)


class TestHeatmap:
    MATRIX = Matrix(
        "cell",
        ("1←0", "2←0"),
        ("none", "skip_connect", "nor_conv_3x3"),
        ((0.07, 0.33, 0.6), (0.0, None, 1.0)),
        (2, -1),
        (math.log(3), 0.0),
    )

    def test_digits_choice_pruned_operations_and_entropy(self) -> None:
        assert drawn(heatmap.lines(self.MATRIX, UNICODE)) == (
            "         none   skip  conv3   H\n 1 ◂ 0     07  ░░ 33  ▒▒[60]  █\n 2 ◂ 0     00     -  ██ 100   ▁"
        )

    def test_closer_together_where_there_is_little_room(self) -> None:
        lines = heatmap.lines(self.MATRIX, UNICODE, width=28)
        assert max(line.cell_len for line in lines) <= 28
        assert "[60]" in lines[1].plain

    def test_other_figures_than_shares_keep_their_unit(self) -> None:
        matrix = Matrix("concentration", ("1←0",), ("none", "skip_connect"), ((1.25, 31.0),), (1,), share=False)
        assert "1.2" in drawn(heatmap.lines(matrix, UNICODE)) and "[31]" in drawn(heatmap.lines(matrix, UNICODE))

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e300])
    def test_any_number_can_be_drawn(self, value: float) -> None:
        for share in (True, False):
            matrix = Matrix("m", ("edge",), ("a", "b"), ((value, 0.5),), (0,), share=share)
            assert len(heatmap.lines(matrix, UNICODE)) == 2


class TestPalette:
    def test_by_capability(self) -> None:
        utf8 = {"LANG": "en_GB.UTF-8", "TERM": "xterm-256color"}
        assert palette.detect(utf8) == Palette(BRAILLE, "full")
        assert palette.detect(utf8 | {"NASTUI_ASCII": "1"}).glyphs is ASCII
        assert palette.detect(utf8 | {"NASTUI_ASCII": "0"}).glyphs is BRAILLE
        assert palette.detect(utf8 | {"LC_ALL": "C"}).glyphs is ASCII
        assert palette.detect(utf8 | {"TERM": "linux"}) == Palette(BLOCK, "ansi")
        assert palette.detect(utf8 | {"NO_COLOR": "1"}).depth == "none"
        assert palette.detect(utf8, no_color=True).depth == "none"
        assert palette.detect(utf8, ansi=True).depth == "ansi"
        assert palette.detect({}).glyphs is BRAILLE

    @pytest.mark.parametrize(
        ("operation", "label", "colour"),
        [
            ("none", "none", None),
            ("skip_connect", "skip", "green"),
            ("nor_conv_3x3", "conv3", "sky"),
            ("sep_conv_5x5", "sep5", "sky"),
            ("dil_conv_3x3", "dil3", "purple"),
            ("max_pool_3x3", "max3", "orange"),
            ("avg3", "avg3", "orange"),
            ("c5m1", "c5m1", "sky"),
            ("c3d2m1.4", "c3d2m", "purple"),
            ("[/x]made\x1b_up", "[/x]m", "yellow"),
        ],
    )
    def test_operations(self, operation: str, label: str, colour: str | None) -> None:
        assert operation_label(operation) == label
        style = UNICODE.operation(operation)
        assert style == (Style(dim=True) if colour is None else UNICODE.style(colour))

    @given(st.text())
    def test_ascii_is_ascii_and_keeps_its_length(self, text: str) -> None:
        plain = PLAIN.plain(text)
        assert plain.isascii() and len(plain) == len(text)

    @given(st.text() | st.text(alphabet="e\u0301\u200d\ufe0f❤한👩💻🏽🇩🇪─"))
    def test_what_is_drawn_becomes_ascii_in_as_many_cells(self, text: str) -> None:
        (shown,) = Characters(PLAIN).apply([Segment(text)], Color(0, 0, 0))
        assert shown.text.isascii() and cell_len(shown.text) == cell_len(text)

    @given(st.text())
    def test_nothing_that_moves_the_cursor_gets_through(self, text: str) -> None:
        assert clean(text).isprintable()

    def test_no_colour_means_none(self) -> None:
        assert PLAIN.operation("sep_conv_3x3").color is None
        assert Palette(BRAILLE, "ansi").operation("skip_connect").color is not None


class TestChart:
    CURVES = Curves(
        "accuracy",
        "%",
        (
            Series("search", tuple((epoch, 40.0 + epoch) for epoch in range(1, 31))),
            Series("train", tuple((epoch, 20.0 + epoch) for epoch in range(1, 31))),
        ),
        epochs=50,
        cursor=12,
    )

    def test_curves_differ_without_colour(self) -> None:
        text = drawn(plot.lines(self.CURVES, 60, 12, PLAIN))
        assert "*" in text and "t" in text
        assert plot.legend(self.CURVES, PLAIN).plain == "* search  t train"

    def test_the_size_is_kept(self) -> None:
        for width, height in ((20, 5), (44, 9), (118, 30)):
            lines = [line.plain for line in plot.lines(self.CURVES, width, height, UNICODE)]
            assert len(lines) == height and {len(line) for line in lines} == {width}

    @pytest.mark.parametrize("points", [((1, 5.0),), ((1, 5.0), (2, 5.0)), ((1, -1e9), (2, 1e9)), ((7, 0.0),)])
    def test_any_points_can_be_drawn(self, points: tuple[tuple[int, float], ...]) -> None:
        assert plot.lines(Curves("loss", "nats", (Series("a", points), Series("b", points)), 0), 40, 8, UNICODE)

    def test_the_axis_grows_in_steps_early_in_a_long_run(self) -> None:
        assert [plot.horizon(done, 600) for done in (1, 9, 100, 149, 150, 600)] == [10, 20, 200, 200, 600, 600]
        assert plot.horizon(3, 0) == 3

    def test_ticks_are_round_and_few(self) -> None:
        assert plot.ticks(0, 100, 5) == [0, 25, 50, 75, 100]
        assert plot.ticks(0.41, 0.46, 3) == [0.42, 0.44, 0.46]
        assert plot.ticks(5, 5, 3) == [5]


class TestLines:
    def test_header_says_status_in_words_and_keeps_the_width(self) -> None:
        view = HeaderView("a name · " * 20, "a3f9", Status.LOST, "cpu", "epoch 3/9", 0.3, ("30%",), "gone " * 60)
        for width in (40, 60, 80, 200):
            lines = header.lines(view, width, UNICODE)
            assert all(line.cell_len <= width for line in lines) and len(lines) <= 5
            assert "▲ lost" in lines[0].plain and lines[1].plain.endswith("30% ")

    def test_figures_drop_their_note_where_it_does_not_fit(self) -> None:
        facts = (Fact("search acc", "84.31 %", "best 84.52"), Fact("lr", "0.1"))
        assert "best" in now.lines(facts, 40, BRAILLE)[0].plain
        assert "best" not in now.lines(facts, 24, BRAILLE)[0].plain

    def test_figures_are_never_cut_for_a_long_name(self) -> None:
        facts = (Fact("imagenet16-120 test (200 ep)", "46.34 %", "table"), Fact("kappa", "73.1"))
        for width in (20, 36, 60):
            drawn = now.lines(facts, width, BRAILLE)
            assert "46.34 %" in drawn[0].plain and "73.1" in drawn[1].plain
            assert all(line.cell_len <= width for line in drawn)

    def test_the_panel_shows_whatever_it_gets(self) -> None:
        view = Panel((Fact("kappa", "12"),), (Bars("entropy", ("1←0", "2←0"), (1.0, float("nan"))),), ())
        text = drawn(panel_widget.lines(view, PLAIN, 60))
        assert "kappa" in text and "nan" in text and "#" * 40 in text

    def test_the_log_wraps_and_takes_markup_for_text(self) -> None:
        entries = (LogLine(0.0, "warning", "[/x]" * 30), LogLine(0.0, "detail", "[bold]"))
        lines = log.lines(LogView(entries), UNICODE, 40)
        assert "▲" in lines[0].plain and "[/x]" in lines[0].plain
        assert all(line.cell_len <= 40 for line in lines) and "[bold]" in lines[-1].plain

    def test_the_slider(self) -> None:
        assert scrubber.line(Track(10, None, live=True), 40).plain.endswith("live")
        assert scrubber.line(Track(10, None), 40).plain.endswith("epoch 10 (last)")
        first = scrubber.line(Track(10, 1, live=True, state="held"), 40).plain
        assert first.startswith(" ◂ ●") and first.endswith("epoch 1 · held")
        for chosen in (None, *range(1, 11)):
            assert scrubber.line(Track(10, chosen), 40).cell_len == 39


class TestLayout:
    def test_by_size(self) -> None:
        assert run_layout.arrange(80, 24, PaneSelection(), 9).visible == {1, 2, 3}
        assert run_layout.arrange(120, 40, PaneSelection(), 9).visible == {1, 2, 3, 4, 5, 6}
        assert run_layout.arrange(60, 20, PaneSelection(pane=4), 9).visible == {4}
        assert run_layout.arrange(200, 60, PaneSelection(zoomed=True), 9).visible == {3}

    def test_a_darts_cell_fits_under_the_curves_of_a_small_terminal(self) -> None:
        top = run_layout.arrange(80, 24, PaneSelection(), 11 + 2).top
        assert top == 8

    def test_a_number_chooses_and_once_more_maximises(self) -> None:
        choice = PaneSelection().press(4)
        assert choice == PaneSelection(pane=4, lower=4)
        assert choice.press(4).zoomed and not choice.press(4).press(4).zoomed
        assert choice.press(1) == PaneSelection(pane=1, lower=4)

    def test_random_presses_always_leave_the_chosen_pane_in_sight(self) -> None:
        generator, choice = random.Random(0), PaneSelection()
        for _ in range(200):
            choice = choice.press(generator.randint(1, 6))
            size = generator.choice([(80, 24), (120, 40), (60, 20)])
            assert choice.pane in run_layout.arrange(*size, choice, 9).visible
