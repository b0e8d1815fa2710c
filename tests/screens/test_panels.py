"""Each family's panel, from events to the lines on the screen."""

from __future__ import annotations

import dataclasses

import pytest

from runs import catalogue
from runs.log.events import EpochEnded, Event, Interim
from screens.models.panels import Plot, Timeline
from screens.models.selection import RunSelection
from screens.palette import ASCII, BRAILLE, Palette
from screens.views.panels import method_panel
from screens.widgets import panel as widget
from tests.screens import histories

PLAIN, UNICODE = Palette(ASCII, "none"), Palette(BRAILLE, "full")
FAMILIES = {
    "dirichlet": histories.dirichlet(),
    "sparse_codes": histories.sparse_codes(),
    "training_free": histories.training_free(),
    "morphing": histories.morphing(),
    "queries": histories.queries(),
}


def text(events: list[Event], look: RunSelection | None = None, colours: Palette = UNICODE) -> str:
    view = method_panel(histories.folded(events), look or RunSelection())
    return "\n".join(colours.shown(line).plain.rstrip() for line in widget.lines(view, colours, 78))


@pytest.mark.parametrize("family", FAMILIES)
def test_panels_fit_and_have_ascii(family: str) -> None:
    shown = text(FAMILIES[family], colours=PLAIN)
    assert shown.isascii() and max(map(len, shown.splitlines())) <= 78


def test_concentrations_are_bars_and_the_band_lies_around_the_mean() -> None:
    view = method_panel(histories.folded(FAMILIES["dirichlet"]), RunSelection(epoch=3))
    plot, _ = view.parts
    assert isinstance(plot, Plot) and plot.curves.cursor == 3
    (band,) = plot.curves.bands
    pairs = zip(band.points, plot.curves.series[0].points, strict=True)
    assert all(low < mean < high for (_, low, high), (_, mean) in pairs)
    assert "cifar10, test (200 epochs)" in plot.caption and len(plot.curves.series) == 2
    shown = text(FAMILIES["dirichlet"])
    assert "[███▌" in shown or "[████" in shown
    assert "concentration" not in " ".join(matrix.caption for matrix in view.matrices)


def test_codes_show_the_live_pair_its_margin_and_its_multipliers() -> None:
    shown = text(FAMILIES["sparse_codes"], RunSelection(epoch=5))
    assert "▸sep3 ◂ 0" in shown and "alpha +1.25" in shown and "node 2: |x| · margin 0.125" in shown
    assert "· frozen" not in shown and "· frozen" in text(FAMILIES["sparse_codes"], RunSelection(epoch=6))
    late = text(FAMILIES["sparse_codes"], RunSelection(epoch=7))
    assert "3,710,000 parameters of fewer than 3,700,000" in late and "too large, not accepted" in late


def test_the_timeline_has_a_row_a_node_and_loses_nothing_when_it_is_narrow() -> None:
    view = method_panel(histories.folded(FAMILIES["sparse_codes"]), RunSelection(epoch=6))
    (timeline,) = (part for part in view.parts if isinstance(part, Timeline))
    assert timeline.labels[0] == "normal 2" and len(timeline.marks) == 8 and timeline.cursor == 5
    assert timeline.marks[0] == "--*--*##*##*" and timeline.marks[3] == "--*!-*--*##*"
    narrow = widget.lines(dataclasses.replace(view, parts=(timeline,), facts=(), bars=(), matrices=()), PLAIN, 16)
    assert "!" in narrow[4].plain


def test_the_distance_is_logarithmic_and_ends_where_a_node_freezes() -> None:
    view = method_panel(histories.folded(FAMILIES["sparse_codes"]), RunSelection())
    plot = next(part for part in view.parts if isinstance(part, Plot))
    assert plot.curves.log and plot.curves.levels[0].value == 1e-3
    assert [points.points[-1][0] for points in plot.curves.series] == [5, 6, 7, 8]


def test_candidates_stand_in_their_order_with_margins_in_noise() -> None:
    shown = text(FAMILIES["training_free"], RunSelection(epoch=1))
    table = shown[shown.index("round 1") :].splitlines()
    assert table[0] == "round 1: 24 candidates measured, 2 draws"
    assert table[2].startswith("▸1 ◂ 0   skip") and table[2].endswith("pruned, 2.5")
    assert table[3].endswith("pruned, 1.0 may be chance") and table[4].endswith("pruned")
    assert "may be chance" not in table[5] and "pruned" not in table[8]


def test_a_round_in_progress_is_shown_while_it_fills() -> None:
    shown = text(FAMILIES["training_free"])
    assert "round 2: 12 candidates measured" in shown and "round 1" not in shown
    (first, *_) = method_panel(histories.folded(FAMILIES["training_free"]), RunSelection()).parts
    assert isinstance(first, Plot) and (2, 450.0) in first.curves.series[1].points


def test_before_the_first_round_the_space_gives_the_names() -> None:
    events = [event for event in FAMILIES["training_free"] if not isinstance(event, EpochEnded)]
    events[-1] = Interim(1, events[-1].extras)  # type: ignore[union-attr]
    view = method_panel(histories.folded(events), RunSelection(), catalogue.space("nasbench201"))
    assert any("skip" in line.plain for line in widget.lines(view, PLAIN, 78))


def test_a_lineage_names_parents_morphisms_and_what_was_dropped() -> None:
    shown = text(FAMILIES["morphing"], RunSelection(edge=0))
    tree = shown[shown.index("lineage on 2 ◂ 0") :].splitlines()
    assert tree[1:5] == [
        " c3 · since stage 1 · 40.0 %",
        "  └ c5 by kernel+2 · since stage 2",
        "▸    └ c5d2 by dilation+1 · since stage 2 · selected",
        " max3 · since stage 1 · 5.0 % · dropped",
    ]
    assert "-max3 5%  +c5 of c3 by kernel+2" in shown and "30 can be reached within the stages, 85 ever" in shown
    assert "▸3 ◂ 1" in text(FAMILIES["morphing"], RunSelection(edge=3))


def test_queries_cost_hours_and_the_optimum_is_a_line() -> None:
    accuracy, regret = method_panel(histories.folded(FAMILIES["queries"]), RunSelection(epoch=4)).parts
    assert isinstance(accuracy, Plot) and isinstance(regret, Plot)
    assert accuracy.curves.levels[0].value == pytest.approx(94.37) and accuracy.curves.cursor == 10.0
    assert "simulated hours" in accuracy.caption and regret.curves.log


def test_what_has_another_form_is_listed_and_breaks_nothing() -> None:
    for broken in (
        {"codes": {"normal": [{"live": 3, "margin": "x"}]}, "freezing": {}},
        {"pool": {"normal": {"edges": [[{}]]}}, "note": "[/x]"},
        {"kappa_of_draws": 3, "rank_sum": [[1]]},
        {"benchmark_band": 7},
    ):
        events: list[Event] = [
            EpochEnded(1, 3, architecture={"normal": histories.FOREIGN}, extras=broken | {"note": "[/x]"})
        ]
        assert "[/x]" in text(events)
