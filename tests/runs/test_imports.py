"""Imports of logs of the public repositories: what each form yields, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.errors import NastuiError, UsageError
from runs.genotypes.python_text import parse_python
from runs.home import Home
from runs.imports import log_text, printed_arguments, printed_matrices
from runs.imports.findings import Findings
from runs.imports.formats import NAMES
from runs.imports.formats.registry import FORMATS, format_named
from runs.imports.importing import Imported, import_file, read_log
from runs.log import history
from runs.store import compare
from runs.store.find_genotype import find, of_runs
from runs.store.run_store import RunStore
from runs.store.verdict import worth
from runs.supervision import resuming
from tests import public_logs

Log = Callable[[Iterable[str]], Path]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Writes the lines of a log and returns its path."""

    def written(lines: Iterable[str]) -> Path:
        path = tmp_path / "log.txt"
        path.write_text(public_logs.text(lines), encoding="utf-8")
        return path

    return written


def parsed(path: Path, name: str) -> Findings:
    return read_log(path, format_named(name))


# What each form yields --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_every_search_has_epochs_and_a_genotype(name: str, log: Log) -> None:
    found = parsed(log(public_logs.SEARCHES[name]()), name)
    assert found.epochs
    assert found.genotype == found.epochs[-1].genotype is not None
    assert not any("torn" in remark for remark in found.remarks)


@pytest.mark.parametrize("old", [False, True], ids=["torch 0.4 and later", "torch 0.3"])
def test_darts_prints_the_architecture_before_the_epoch(old: bool, log: Log) -> None:
    found = parsed(log(public_logs.darts(old=old)), "darts")
    assert (found.space, found.dataset, found.seed, found.planned) == ("darts", "cifar10", 2, 3)
    assert [epoch.metrics["search_accuracy"] for epoch in found.epochs] == [40, 41, 42]
    assert [epoch.metrics["train_loss"] for epoch in found.epochs] == [2.0, 1.9, 1.8]
    assert [epoch.seconds for epoch in found.epochs[:2]] == [3600, 3600]
    # After epoch 1 there are the weights that epoch 2 begins with, and so on.
    assert found.epochs[0].weights["normal"].weights == public_logs.weights(14, 8, 1)
    assert found.epochs[1].weights["reduce"].weights == public_logs.weights(14, 8, 102)
    assert found.epochs[2].weights == found.epochs[1].weights
    assert any("after epoch 3" in remark for remark in found.remarks)


def test_pcdarts_has_no_weights_and_validates_at_the_end(log: Log) -> None:
    found = parsed(log(public_logs.pcdarts()), "pcdarts")
    assert not any(epoch.weights for epoch in found.epochs)
    assert [epoch.metrics.get("search_accuracy") for epoch in found.epochs] == [None, None, 61.25]
    assert found.dataset == "cifar100"


def test_pdarts_has_stages_and_takes_the_cell_of_two_skips(log: Log) -> None:
    found = parsed(log(public_logs.pdarts()), "pdarts")
    assert [epoch.stage for epoch in found.epochs] == [0, 0, 1, 1, 2, 2]
    left = [sum(epoch.weights["normal"].alive[0]) for epoch in found.epochs if epoch.weights]  # type: ignore[index]
    assert left == [5, 3, 1]
    assert found.genotype == parse_python(public_logs.CELL)
    assert found.planned == 6
    assert list(found.variants) == [f"skips_{limit}" for limit in range(1, 9)]  # the log does not go down to 0
    assert found.variants["skips_2"] == found.genotype
    assert found.variants["skips_8"] == found.variants["skips_3"] == parse_python(public_logs.OTHER_CELL)
    assert found.epochs[0].seconds == 321


def test_drnas_shows_the_mean_of_the_distribution_and_what_is_pruned(log: Log) -> None:
    found = parsed(log(public_logs.drnas()), "drnas")
    assert found.stages == ["all operations", "4 operations"]
    assert [epoch.stage for epoch in found.epochs] == [0, 0, 0, 1, 1]
    assert all(epoch.weights.keys() == {"normal", "reduce"} for epoch in found.epochs)
    first, last = found.epochs[0].weights["normal"], found.epochs[-1].weights["normal"]
    concentration = [1 + value for value in public_logs.weights(14, 7, 1)[0]]
    assert first.weights[0] == pytest.approx([value / sum(concentration) for value in concentration], abs=1e-4)
    assert last.alive is not None and last.alive[0] == [False] * 3 + [True] * 4
    assert last.weights[0][:3] == [0, 0, 0] and sum(last.weights[0]) == pytest.approx(1)
    assert last.extras["concentration"][0][:3] == [0, 0, 0]


def test_drnas_on_nasbench201_has_the_accuracies_of_the_table(log: Log) -> None:
    found = parsed(log(public_logs.drnas_201()), "drnas")
    assert (found.space, found.dataset) == ("nasbench201", "imagenet16_120")
    assert found.epochs[1].benchmark == {
        "cifar10": {"test (200 epochs)": 94.36},
        "cifar100": {"valid (200 epochs)": 73.1, "test (200 epochs)": 73.51},
        "imagenet16_120": {"valid (200 epochs)": 46.3, "test (200 epochs)": 46.34},
    }
    assert found.epochs[0].weights["cell"].operations[3] == "nor_conv_3x3"


def test_tenas_has_an_epoch_for_each_round_and_one_for_the_edges(log: Log) -> None:
    found = parsed(log(public_logs.tenas()), "tenas")
    assert len(found.epochs) == 3
    assert found.epochs[0].weights["normal"].weights[0] == pytest.approx([0, 0] + [1 / 6] * 6)
    assert found.epochs[1].weights["reduce"].operations[2] == "sep_conv_3x3"
    assert found.epochs[2].weights["normal"].weights[0] == [0] * 8  # its edge has been pruned
    assert (found.seed, found.dataset) == (7, "cifar10")
    assert [epoch.seconds for epoch in found.epochs] == [100, 100, 100]


def test_tenas_repeats_the_last_round_at_the_end_on_nasbench201(log: Log) -> None:
    found = parsed(log(public_logs.tenas_201()), "tenas")
    assert (found.space, found.dataset, len(found.epochs)) == ("nasbench201", "cifar100", 3)


def test_ista_has_the_cell_after_each_epoch(log: Log) -> None:
    found = parsed(log(public_logs.ista()), "ista")
    assert [epoch.genotype for epoch in found.epochs] == [parse_python(public_logs.CELL)] * 3
    assert found.epochs[1].learning_rates == {"weights": 0.0125}


def test_ista_in_one_stage_leaves_rejected_cells_out_and_trains_the_last(log: Log) -> None:
    found = parsed(log(public_logs.ista_onestage()), "ista")
    assert found.method == "ista_onestage"
    assert found.stages == ["search", "training of the fixed cell"]
    assert [epoch.genotype for epoch in found.epochs] == [parse_python(public_logs.CELL)] * 4
    assert [epoch.metrics["test_accuracy"] for epoch in found.epochs] == [36, 37, 66, 67]


def test_prdarts_has_the_pools_of_its_stages(log: Log) -> None:
    found = parsed(log(public_logs.prdarts()), "prdarts")
    assert (found.space, found.planned, found.stages) == ("prdarts", 4, ["stage 1", "stage 2"])
    assert found.epochs[1].weights["normal"].operations == ("skip", "c3m1")  # after stage 1
    assert found.epochs[3].weights["reduce"].operations == ("c3m1",)
    assert found.epochs[0].extras == {"batch_size": 64}


def test_nasbench201_names_its_method(log: Log) -> None:
    found = parsed(log(public_logs.nasbench201()), "nasbench201")
    assert (found.method, found.dataset, found.seed) == ("gdas", "imagenet16_120", 777)
    assert [epoch.seconds for epoch in found.epochs] == [100, 100, 100]
    assert found.epochs[2].metrics["search_accuracy"] == 37
    assert found.epochs[2].weights["cell"].weights == public_logs.weights(6, 5, 2)


def test_a_retraining_has_the_test_accuracy_and_its_cell(log: Log) -> None:
    found = parsed(log(public_logs.training()), "drnas")
    assert found.is_training
    assert [epoch.metrics["test_accuracy"] for epoch in found.epochs] == [90, 91, 92]
    assert [epoch.genotype for epoch in found.epochs] == [parse_python(public_logs.CELL)] * 3


# The run ----------------------------------------------------------------------------------------------------------


def imported(home: Home, path: Path, name: str = "drnas") -> tuple[RunStore, Imported]:
    store = RunStore(home)
    return store, import_file(path, format_named(name), store)


def test_the_run_reads_like_any_other(home: Home, log: Log) -> None:
    store, made = imported(home, log(public_logs.drnas()))
    record = store.find(made.config.id)
    assert (record.head["kind"], record.head["method"], str(record.status)) == ("imported", "drnas", "finished")
    assert record.summary.epoch == record.summary.epochs == 5
    assert record.summary.best_accuracy == 54
    epochs = history.load(made.paths).epochs
    cell = epochs[-1].architecture["normal"]
    assert cell.operations[0] == "none" and not any(row[0] for row in cell.alive)
    assert cell.chosen[0] == cell.operations.index("sep_conv_3x3")
    assert json.loads(made.paths.genotype.read_bytes()) == record.summary.genotype
    assert [found.id for found, _ in of_runs(store)] == [record.id]
    assert find(record.id, store, epoch=2).recipe == "drnas-cifar"


def test_the_cells_of_pdarts_for_other_limits_are_named(home: Home, log: Log) -> None:
    store, made = imported(home, log(public_logs.pdarts()), "pdarts")
    assert find(f"{made.config.id}:skips_3", store).genotype == parse_python(public_logs.OTHER_CELL)


def test_the_included_table_says_what_its_cells_are_worth(home: Home, log: Log) -> None:
    store, made = imported(home, log(public_logs.nasbench201()), "nasbench201")
    record = store.find(made.config.id)
    found = worth(record)
    assert found is not None
    assert (found.dataset, found.of) == ("ImageNet16-120", 15_625)
    assert found.accuracy == record.benchmark_accuracy == pytest.approx(40.0, abs=10)
    assert 1 <= found.rank <= 15_625
    assert all(epoch.benchmark.keys() >= {"cifar10", "imagenet16_120"} for epoch in history.load(made.paths).epochs)


def test_the_names_of_the_formats_are_those_of_their_table() -> None:
    assert tuple(FORMATS) == NAMES


def test_it_is_compared_with_searches_as_one_of_them(home: Home, log: Log) -> None:
    store, first = imported(home, log(public_logs.drnas()))
    _, second = imported(home, log(public_logs.darts()), "darts")
    _, trained = imported(home, log(public_logs.training()))
    records = [store.find(made.config.id) for made in (first, second, trained)]
    assert "method" in compare.compare(records[:2])["differs"]
    assert not any("kinds" in remark for remark in compare.remarks(records[:2]))
    assert any("kinds" in remark for remark in compare.remarks(records))


def test_runs_that_differ_only_in_their_seed_form_a_group(home: Home, log: Log) -> None:
    lines = public_logs.text(public_logs.darts()).splitlines()
    groups = set()
    for seed in (2, 3):
        store, made = imported(home, log(line.replace("seed=2", f"seed={seed}") for line in lines), "darts")
        groups.add(store.find(made.config.id).head["group"])
    assert len(groups) == 1


def test_files_without_arguments_are_not_taken_for_repetitions(home: Home, log: Log) -> None:
    path = log(public_logs.ista())
    groups = {store.find(made.config.id).head["group"] for store, made in (imported(home, path, "ista") for _ in "12")}
    assert len(groups) == 2


def test_it_cannot_be_resumed(home: Home, log: Log) -> None:
    store, made = imported(home, log(public_logs.drnas()))
    with pytest.raises(UsageError, match=r"was imported from 'log\.txt', so there is nothing to resume"):
        resuming.resume(store.find(made.config.id))


# What is refused, and what is damaged -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "has no epoch and no genotype"),
        (b"some other text\n", "has no epoch and no genotype"),
        (b"GIF89a\0\0", "not a text file"),
        (b"x" * (log_text.MOST_LINE_BYTES + 1), "longer than any line"),
    ],
    ids=["empty", "foreign", "binary", "long line"],
)
@pytest.mark.parametrize("name", FORMATS)
def test_it_is_refused_and_nothing_is_created(content: bytes, why: str, name: str, home: Home, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=why):
        import_file(path, format_named(name), RunStore(home))
    assert not home.runs.exists() or not list(home.runs.iterdir())


def test_more_epochs_than_any_run_are_refused(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.imports.formats.parser.MOST_EPOCHS", 2)
    with pytest.raises(UsageError, match="more than 2 epochs"):
        parsed(log(public_logs.darts()), "darts")


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=12)
@given(cut=st.floats(0, 1), noise=st.binary(max_size=40))
def test_damaged_logs_yield_what_is_whole(name: str, cut: float, noise: bytes) -> None:
    """Whatever has been cut off or overwritten, there are findings or one sentence, and they can be written."""
    whole = public_logs.text(public_logs.SEARCHES[name]()).encode()
    end = int(cut * len(whole))
    lines = (whole[:end] + noise.replace(b"\0", b"") + whole[end + len(noise) : end + len(whole) // 2]).decode(
        errors="replace"
    )
    items = items_of(lines)
    try:
        found = format_named(name).log().parse(items)
    except NastuiError:
        return
    for epoch in found.epochs:
        for weights in epoch.weights.values():
            assert len({len(row) for row in weights.weights} | {len(weights.operations)}) == 1


def items_of(text: str) -> list[log_text.Item]:
    items = []
    for line in text.splitlines():
        content, stamp = log_text.without_stamp(line)
        if printed_matrices.MatrixReader.starts(content):
            reader = printed_matrices.MatrixReader(content)
            items.append(log_text.Item("", "", reader.rows() if reader.done else []))
        else:
            items.append(log_text.Item(content, stamp))
    return items


def test_an_epoch_in_which_the_log_ends_is_left_out(log: Log) -> None:
    lines = public_logs.text(public_logs.darts()).splitlines()
    found = parsed(log(lines[:-3]), "darts")
    assert len(found.epochs) == 2
    assert any("ends within epoch 3" in remark for remark in found.remarks)


def test_of_several_runs_in_a_log_the_last_is_taken(log: Log) -> None:
    found = parsed(log([*public_logs.darts(5), *public_logs.darts(2)]), "darts")
    assert len(found.epochs) == 2
    assert "The log holds several runs: the last is taken." in found.remarks


def test_a_torn_genotype_is_counted(log: Log) -> None:
    lines = public_logs.text(public_logs.pcdarts()).splitlines()
    found = parsed(log(line[:80] if "genotype" in line else line for line in lines), "pcdarts")
    assert found.genotype is None
    assert "3 lines are torn or damaged and were left out." in found.remarks


# The parts of a log -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("tensor([[0.5, 0.25],\n        [1.0, 1e-3]], device='cuda:0')", [[[0.5, 0.25], [1, 0.001]]]),
        ("tensor([[0.1, 0.2,\n         0.3]])", [[[0.1, 0.2, 0.3]]]),
        ("tensor([[[1., 2.]],\n\n        [[3., 4.]]], grad_fn=<X>)", [[[1, 2]], [[3, 4]]]),
        ("[[0.5 0.25]\n [1.   0.1 ]]", [[[0.5, 0.25], [1, 0.1]]]),
        ("[[True, False], [False, True]]", [[[1, 0], [0, 1]]]),
        ("tensor([[nan, inf]])", [[[pytest.approx(float("nan"), nan_ok=True), float("inf")]]]),
        ("Variable containing:\n 0.5  0.25\n 1.0  0.1\n[torch.FloatTensor of size 2x2]", [[[0.5, 0.25], [1, 0.1]]]),
        ("Variable containing:\n1.00000e-02 *\n 5 25\n[torch.FloatTensor of size 1x2]", [[[0.05, 0.25]]]),
        (
            "Variable containing:\nColumns 0 to 1 \n 1 2\n\nColumns 2 to 2 \n 3\n[torch.FloatTensor of size 1x3]",
            [[[1, 2, 3]]],
        ),
        ("tensor([[0.5, 0.25], [1.0]])", []),
        ("[['conv', 'pool']]", []),
        ("tensor([[1e300]])", []),
    ],
)
def test_printed_matrices(text: str, rows: list[list[list[float]]], tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(text + "\nend\n")
    *matrices, end = log_text.read(path)
    assert end.text == "end"
    assert [item.matrices for item in matrices] == [rows]


def test_a_matrix_that_never_ends_does_not_hide_the_lines_after_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("tensor([[0.5, 0.25],\n09/25 01:00:00 PM train_acc 50.0\n")
    assert [item.text for item in log_text.read(path)] == ["train_acc 50.0"]


def test_arguments_are_read_not_evaluated() -> None:
    text = "args = Namespace(epochs=50, save=__import__('os').getcwd(), stages=[1, 2], name='x', none=None)"
    assert printed_arguments.namespace(text) == {"epochs": 50, "stages": [1, 2], "name": "x"}


@pytest.mark.parametrize(
    ("earlier", "later", "seconds"),
    [
        ("09/25 11:59:00 AM", "09/25 12:01:00 PM", 120),
        ("12/31 11:00:00 PM", "01/01 01:00:00 AM", 7200),
        ("25.09.19 10:00:00", "25.09.19 10:00:30", 30),
        ("", "09/25 11:59:00 AM", 0),
    ],
)
def test_time_between_stamps(earlier: str, later: str, seconds: float) -> None:
    assert log_text.seconds_between(earlier, later) == seconds
