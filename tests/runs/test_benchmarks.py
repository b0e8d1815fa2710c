"""Tables: imported results are found for any way to write an architecture; invalid files are rejected by name."""

from __future__ import annotations

import gzip
import json
import lzma
import math
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.benchmarks import included, store
from runs.benchmarks.table import MAGIC, Column, Table, shown
from runs.catalogue import library
from runs.catalogue.genotype_text import format_text, parse_text
from runs.errors import EnvironmentLacksError, NotFoundError, UsageError
from runs.genotypes.genotype import Cell, Edge, Genotype
from runs.genotypes.nasbench201 import TOPOLOGY, format_string, parse_string
from runs.home import Home
from runs.store.run_store import RunStore
from tests import vectors
from tests.tabulated import BEST, accuracy, lines, write_csv

REAL = Path(__file__).parents[3] / "shared" / "data" / "nasbench201.csv.gz"
ALL_SKIPS = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
STRONG = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
OTHER = json.dumps({"space": "mine", "cells": {"c": {"inputs": 1, "edges": [[0, 1, "a"]], "outputs": [1]}}})


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("made_up")
    return store.import_csv(write_csv(folder / "table.csv.gz"), Home(folder))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Table:
    if not REAL.exists():
        pytest.skip("the table is not there")
    return store.import_csv(REAL, Home(tmp_path_factory.mktemp("real")))


def imported(home: Home, *rows: str, name: str | None = None) -> Table:
    home.root.mkdir(exist_ok=True)
    file = home.root / "file.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return store.import_csv(file, home, name)


# What is found -------------------------------------------------------------------------------------------------


@given(st.integers(0, BEST))
def test_codes_are_base_five_the_first_edge_most_significant(code: int) -> None:
    genotype = TOPOLOGY.numbered(code)
    assert TOPOLOGY.number(genotype) == code
    operations = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    digits = [operations.index(edge.operation) for edge in genotype.cells["cell"].edges]
    assert int("".join(map(str, digits)), 5) == code


def row_of(table: Table, code: int) -> tuple[float, ...]:
    row = table.row(TOPOLOGY.numbered(code))
    assert row is not None
    return row


def test_every_row_is_found_by_genotype(made_up: Table) -> None:
    assert (len(made_up), made_up.space, made_up.name) == (15_625, "nasbench201", "nasbench201")
    for code in random.Random(0).sample(range(BEST + 1), 500):
        row = made_up.row(TOPOLOGY.numbered(code))
        assert row == pytest.approx((accuracy(code) / 2, accuracy(code)), abs=1e-4)


def test_best_rank_and_regret(made_up: Table) -> None:
    column = made_up.column("digits", "test", 200)
    assert made_up.best(column) == (90.0, TOPOLOGY.numbered(BEST))
    assert made_up.rank(column, row_of(made_up, BEST)[column]) == (1, 15_625)
    assert made_up.rank(column, row_of(made_up, 0)[column]) == (15_625, 15_625)
    assert made_up.regret(column, row_of(made_up, 0)[column]) == 80.0
    assert made_up.accuracies(TOPOLOGY.numbered(0)) == {"digits": {"valid (12 epochs)": 5.0, "test (200 epochs)": 10.0}}
    assert made_up.reported == (column,)
    assert len(list(made_up.values(column))) == 15_625


def test_an_edge_that_is_left_out_is_none(made_up: Table) -> None:
    whole = parse_string("|nor_conv_1x1~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|")
    partial = Genotype(
        whole.space,
        {"cell": Cell(1, tuple(edge for edge in whole.cells["cell"].edges if edge.operation != "none"), (3,))},
    )
    assert made_up.row(partial) == made_up.row(whole)


@pytest.mark.parametrize("entry", vectors.load("baselines/nb201")["architectures"], ids=lambda entry: entry["name"])
def test_strings_of_the_benchmark_are_found(made_up: Table, entry: dict[str, str]) -> None:
    row = made_up.row(parse_text(entry["arch"]))
    assert row is not None
    assert row[1] == pytest.approx(accuracy(TOPOLOGY.number(parse_text(entry["arch"]))), abs=1e-4)


def test_the_real_table_has_the_known_optima(real: Table) -> None:
    known = {"cifar10": (94.373, 94.37), "cifar100": (73.513, 73.51), "imagenet16_120": (47.311, 47.31)}
    assert len(real) == 15_625
    for dataset, (best, optimum) in known.items():
        column = real.column(dataset, "test", 200)
        value, genotype = real.best(column)
        assert value == best
        assert value == pytest.approx(optimum, abs=0.005)
        row = real.row(genotype)
        assert row is not None
        assert real.rank(column, row[column])[0] == 1
    cheap = [real.best(real.column(dataset, "test", 12))[0] for dataset in known]
    assert cheap == [89.16, 61.18, 38.267]
    label = "test (200 epochs)"
    for text, values in ((ALL_SKIPS, (54.297, 15.607, 16.322)), (STRONG, (94.363, 73.513, 46.344))):
        told = real.accuracies(parse_text(text))
        assert tuple(told[dataset][label] for dataset in known) == values
    assert [real.columns[place].dataset for place in real.reported] == list(known)
    assert "25,000" in real.columns[real.column("cifar10", "valid", 12)].note


def test_a_space_of_ones_own_is_found_by_key(home: Home) -> None:
    cells = [library.get(name) for name in ("DARTS_V1", "DARTS_V2", "PC_DARTS_cifar", "DrNAS_cifar10")]
    rows = [f'"{format_text(cell.genotype)}",{90 + place},{0.5 - place / 10:.1f}' for place, cell in enumerate(cells)]
    table = imported(home, "arch,mydata_test_50,mydata_valid_50_loss", *rows, name="own")
    assert (table.name, table.space, len(table)) == ("own", "darts", 4)
    for place, cell in enumerate(cells):
        assert table.row(cell.genotype) == pytest.approx((90 + place, 0.5 - place / 10), abs=1e-5)
    assert table.row(library.get("PDARTS").genotype) is None
    assert table.accuracies(library.get("PDARTS").genotype) == {}
    for column, best in ((0, (93.0, 3)), (1, (0.2, 3))):
        value, genotype = table.best(column)
        assert value == best[0]
        assert table.row(genotype) == table.row(cells[best[1]].genotype)
    assert table.rank(1, table.row(cells[0].genotype)[1]) == (4, 4)  # type: ignore[index]
    assert table.accuracies(cells[0].genotype)["mydata"] == {"test (50 epochs)": 90.0, "valid loss (50 epochs)": 0.5}


def test_the_order_of_edges_and_dead_ones_make_no_other_architecture(home: Home) -> None:
    table = imported(home, "arch,d_test_1", '"' + OTHER.replace('"', '""') + '",50')
    same = Genotype("mine", {"c": Cell(1, (Edge(0, 2, "none"), Edge(0, 1, "a")), (1,))})
    assert table.row(same) == (50.0,)
    assert table.row(Genotype("mine", {"c": Cell(1, (Edge(0, 1, "b"),), (1,))})) is None


def test_partial_tables_and_values_that_are_missing(home: Home) -> None:
    absent = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    rows = [f"0,{ALL_SKIPS},50,", f"1,{STRONG},40,30", f"2,{absent},,nan", ""]
    table = imported(home, "index,arch,d_test_200,d_test_12", *rows)
    assert len(table) == 2
    row = table.row(parse_text(ALL_SKIPS))
    assert row is not None
    assert row[0] == 50.0
    assert math.isnan(row[1])
    assert table.row(parse_text(absent)) is None
    assert table.accuracies(parse_text(absent)) == {}
    assert table.row(TOPOLOGY.numbered(0)) is None
    assert table.accuracies(parse_text(ALL_SKIPS)) == {"d": {"test (200 epochs)": 50.0}}
    assert table.rank(1, 30.0) == (1, 1)
    assert table.best(1) == (30.0, parse_text(STRONG))


def test_which_table_a_space_is_looked_up_in(home: Home) -> None:
    assert store.tables(home) == [included.table()]
    assert store.for_space(home, "nasbench201") is included.table()
    row = f"{ALL_SKIPS},50"
    imported(home, "arch,d_test_200", row, name="a-first")
    imported(home, "arch,d_test_200", row, name="b-second")
    assert store.for_space(home, "nasbench201").name == "a-first"  # type: ignore[union-attr]
    imported(home, "arch,d_test_200", row)
    assert store.for_space(home, "nasbench201").name == "nasbench201"  # type: ignore[union-attr]
    assert [table.name for table in store.tables(home)] == ["a-first", "b-second", "nasbench201"]
    assert store.for_space(home, "darts") is None


# The included table: its anchors are published results of the benchmark (see runs/benchmarks/included.py)


DATASETS = ("cifar10", "cifar100", "imagenet16_120")


def test_the_included_table_has_the_published_results() -> None:
    table = included.table()
    assert len(table) == 15_625
    published = {
        ALL_SKIPS: (54.297, 15.607, 16.322),
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|": (
            *(94.363, 73.513, 46.344),
        ),
    }
    for cell, accuracies in published.items():
        row = table.row(parse_text(cell))
        assert row is not None
        assert tuple(shown(row[column]) for column in table.reported) == accuracies
    assert [table.best(column)[0] for column in table.reported] == [94.373, 73.513, 47.311]


def test_the_included_table_is_complete_and_small() -> None:
    table = included.table()
    columns = [(column.dataset, column.split, column.epochs) for column in table.columns]
    assert columns == [
        *((dataset, split, 12) for dataset in DATASETS for split in ("valid", "test")),
        *((dataset, "test", 200) for dataset in DATASETS),
    ]
    assert all(0 < value < 100 for column in range(len(columns)) for value in table.values(column))
    assert included.FILE.stat().st_size < 400_000


def test_packing_the_included_table_gives_its_file() -> None:
    table = included.table()
    packed = included.packed(table, table.header.source)
    assert lzma.decompress(packed) == lzma.decompress(included.FILE.read_bytes())


def test_data_sets_have_the_catalogues_names(home: Home) -> None:
    table = imported(home, "arch,imagenet16_test_200", f"{ALL_SKIPS},50")
    assert (table.columns[0].dataset, table.columns[0].label) == ("imagenet16_120", "test (200 epochs)")
    assert Column("d", "valid", 3, "error").label == "valid error (3 epochs)"


def test_removed_tables_lie_in_the_trash_and_come_back(home: Home) -> None:
    row = f"{ALL_SKIPS},50"
    opened = imported(home, "arch,d_test_200", row)
    first = store.remove(home, "nasbench201")
    assert store.tables(home) == [included.table()]
    with pytest.raises(UsageError, match="comes with nastui"):
        store.remove(home, "nasbench201")
    assert opened.row(parse_text(ALL_SKIPS)) == (50.0,)  # readers that have it open keep it
    imported(home, "arch,d_test_200", f"{ALL_SKIPS},60")
    second = store.remove(home, "nasbench201")
    assert (first.name, second.name) == ("nasbench201.table", "nasbench201.2.table")
    with pytest.raises(NotFoundError, match="no table 'nasbench20'") as refused:
        store.restore(home, "nasbench20")
    assert "nasbench201" in refused.value.hint
    store.restore(home, "nasbench201")
    assert store.tables(home)[0].row(parse_text(ALL_SKIPS)) == (50.0,)
    with pytest.raises(NotFoundError, match=r"no table '\.\./nasbench201'"):
        store.remove(home, "../nasbench201")
    with pytest.raises(NotFoundError, match="No run in the trash has an id"):
        RunStore(home).restore("bench")
    (home.removed_benchmarks / "nasbench201.table").write_bytes(second.read_bytes())
    with pytest.raises(UsageError, match="another table 'nasbench201'"):
        store.restore(home, "nasbench201")


# What is refused -----------------------------------------------------------------------------------------------

ROW = f"{ALL_SKIPS},50"
HEAD = "arch,d_test_200"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no column 'arch'"),
        (["architecture,d_test_200", ROW], "no column 'arch'"),
        (["arch,index", f"{ALL_SKIPS},3"], "no column of results"),
        (["arch,accuracy", ROW], "Column 'accuracy' of 'file.csv' is not named"),
        (["arch,d_test_200,d_test_200", f"{ROW},3"], "column 'd_test_200' twice"),
        ([HEAD], "no value for d test"),
        ([HEAD, f"{ALL_SKIPS},"], "no value for d test"),
        ([HEAD, ROW, f"{STRONG},50,60"], "Line 3 of 'file.csv' has 3 fields, not 2"),
        ([HEAD, ROW, STRONG], "Line 3 of 'file.csv' has 1 fields, not 2"),
        ([HEAD, ROW, "|nor_conv_7x7~0|+|none~0|none~1|+|none~0|none~1|none~2|,3"], "Line 3 .*nor_conv_7x7"),
        ([HEAD, ROW, "|none~0|,3"], "Line 3 .*3 nodes joined"),
        ([HEAD, ROW, "__import__('os').system('touch evaluated'),3"], "Line 3 .*is not a genotype"),
        ([HEAD, f"{ALL_SKIPS},high"], "Line 2 .*'high' in column 'd_test_200' is not a number"),
        ([HEAD, f"{ALL_SKIPS},101"], "Line 2 .*is not a percentage"),
        ([HEAD, f"{ALL_SKIPS},-0.5"], "Line 2 .*is not a percentage"),
        (["arch,d_test_2_loss", f"{ALL_SKIPS},inf"], "Line 2 .*is not finite"),
        ([HEAD, f"{ALL_SKIPS},0.91", f"{STRONG},0.93"], "Give percent"),
        ([HEAD, ROW, f"{STRONG},40", f"{ALL_SKIPS},51"], "Line 4 .*other values for the architecture of line 2"),
        ([HEAD, ROW, '"' + OTHER.replace('"', '""') + '",50'], "Line 3 .*space 'mine', the lines before"),
        ([HEAD, f'"{ALL_SKIPS}",50', '"open'], "Line 3 of 'file.csv' is not valid CSV"),
        ([HEAD, f"{'x' * 100_001},50"], "Line 2 .*100,000 characters"),
    ],
)
def test_files_that_are_wrong(home: Home, rows: list[str], says: str) -> None:
    kept = imported(home, HEAD, ROW)
    before = (home.benchmarks / "nasbench201.table").read_bytes()
    with pytest.raises(UsageError, match=says) as refused:
        imported(home, *rows)
    assert refused.value.exit_code == 2
    assert [file.name for file in home.benchmarks.iterdir()] == ["nasbench201.table"]
    assert (home.benchmarks / "nasbench201.table").read_bytes() == before
    assert kept.row(parse_text(ALL_SKIPS)) == (50.0,)


def test_the_same_row_again_is_no_fault(home: Home) -> None:
    short = "|skip_connect~0|+|none~0|+|nor_conv_1x1~2|"
    whole = format_string(parse_string(short))
    assert short != whole
    table = imported(home, HEAD, f"{short},50", f"{whole},50.0")
    assert len(table) == 1
    with pytest.raises(UsageError, match=r"Line 3 .*line 2"):
        imported(home, HEAD, f"{short},50", f"{whole},51")


def test_a_second_import_replaces_the_first(home: Home) -> None:
    first = imported(home, HEAD, ROW)
    assert imported(home, HEAD, f"{ALL_SKIPS},60").row(parse_text(ALL_SKIPS)) == (60.0,)
    assert first.row(parse_text(ALL_SKIPS)) == (50.0,)  # readers that have it open keep the old content


@pytest.mark.parametrize("kept", [0.001, 0.5, 0.999])
def test_a_download_that_ends_in_the_middle(home: Home, tmp_path: Path, kept: float) -> None:
    content = gzip.compress("\n".join(lines()[:500]).encode())
    file = tmp_path / "cut.csv.gz"
    file.write_bytes(content[: max(12, int(kept * len(content)))])
    with pytest.raises(UsageError, match="ends in the middle"):
        store.import_csv(file, home)
    file.write_bytes(content[:50] + b"\x00\xff\x00" + content[53:])
    with pytest.raises(UsageError, match=r"ends in the middle or is damaged|is not text|Line"):
        store.import_csv(file, home)
    assert not home.benchmarks.exists()


def test_files_that_are_not_there_or_no_text(home: Home, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"absent\.csv"):
        store.import_csv(tmp_path / "absent.csv", home)
    with pytest.raises(NotFoundError, match="directory"):
        store.import_csv(tmp_path, home)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"arch,d_test_200\n\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not text"):
        store.import_csv(binary, home)


@pytest.mark.parametrize("name", ["", ".hidden", "../outside", "a/b", "x" * 65, "a b", "\x1b[31m"])
def test_names_that_are_none(home: Home, name: str) -> None:
    with pytest.raises(UsageError, match="is not a name for a table"):
        imported(home, HEAD, ROW, name=name)


def test_a_home_that_cannot_be_written(home: Home, tmp_path: Path) -> None:
    home.root.mkdir()
    home.benchmarks.write_text("in the way")
    with pytest.raises(EnvironmentLacksError, match="cannot be written"):
        imported(home, HEAD, ROW)


@pytest.mark.parametrize("keyed", [False, True])
def test_damaged_tables_are_named_and_leave_the_others(home: Home, keyed: bool) -> None:
    cell = '"' + OTHER.replace('"', '""') + '"' if keyed else ALL_SKIPS
    name = imported(home, HEAD, f"{cell},50", name="broken").name
    file = home.benchmarks / f"{name}.table"
    imported(home, HEAD, ROW)
    whole = file.read_bytes()
    for content in (b"", b"short", MAGIC, whole[:-1], whole + b"x", whole[:60], MAGIC + b"\xff" * 8 + whole[24:]):
        file.write_bytes(content)
        assert [table.name for table in store.tables(home)] == ["nasbench201"]
        assert list(store.damaged(home)) == ["broken"]
        assert "is not a benchmark table" in str(store.damaged(home)["broken"])


def test_questions_to_the_wrong_table(made_up: Table) -> None:
    with pytest.raises(UsageError, match="is of the space 'nasbench201', not 'darts'"):
        made_up.row(library.get("DARTS_V2").genotype)
    with pytest.raises(UsageError, match=r"has no accuracy of 'cifar10', test \(200 epochs\).*It has: digits valid"):
        made_up.column("cifar10", "test", 200)


# How fast ------------------------------------------------------------------------------------------------------


@pytest.mark.benchmark
def test_speed(tmp_path: Path) -> None:
    file, home = write_csv(tmp_path / "table.csv.gz"), Home(tmp_path)
    started = time.perf_counter()
    store.import_csv(file, home)
    took = time.perf_counter() - started
    started = time.perf_counter()
    table = Table.open(home.benchmarks / "nasbench201.table")
    opened = time.perf_counter() - started
    genotypes = [TOPOLOGY.numbered(code) for code in range(BEST + 1)]
    started = time.perf_counter()
    for genotype in genotypes:
        table.row(genotype)
    by_genotype = len(genotypes) / (time.perf_counter() - started)
    print(f"import {took:.2f} s, open {1000 * opened:.2f} ms, {by_genotype:,.0f} genotypes a second")
    assert took < 2
    assert opened < 0.02
    assert by_genotype > 100_000


# As other programs write tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("arch;cifar10_test_200;cifar100_test_200", f"{ALL_SKIPS};93,5;70,25"),
        ("arch\tcifar10_test_200\tcifar100_test_200", f"{ALL_SKIPS}\t93.5\t70,25"),
        (",arch,cifar10_test_200,cifar100_test_200", f"0,{ALL_SKIPS},93.5,70.25"),
        (";arch;cifar10_test_200;cifar100_test_200", f"0;{ALL_SKIPS};93,5;70,25"),
        ("\ufeffarch;cifar10_test_200;cifar100_test_200", f"{ALL_SKIPS};93,5;70,25"),
        ('"arch","cifar10_test_200","cifar100_test_200"', f'"{ALL_SKIPS}","93.5","70.25"'),
        ("arch,cifar-10_ori-test_200,CIFAR-100_x-test_200", f"{ALL_SKIPS},93.5,70.25"),
    ],
)
def test_tables_of_spreadsheets_and_pandas(home: Home, head: str, row: str) -> None:
    table = imported(home, head, row)
    assert table.row(parse_text(ALL_SKIPS)) == (93.5, 70.25)
    assert [column.dataset for column in table.columns] == ["cifar10", "cifar100"]


def test_the_benchmarks_own_names_of_data_sets(home: Home) -> None:
    head = "arch,cifar10-valid_x-valid_200,cifar10-valid_ori-test_200,cifar10_ori-test_200,ImageNet16-120_x-test_200"
    table = imported(home, head, f"{ALL_SKIPS},1,2,3,4")
    found = [(column.dataset, column.split) for column in table.columns]
    assert found == [("cifar10", "valid"), ("cifar10-valid", "test"), ("cifar10", "test"), ("imagenet16_120", "test")]
    with pytest.raises(UsageError, match="has the same results as one before it"):
        imported(home, "arch,imagenet16_test_200,ImageNet16-120_x-test_200", f"{ALL_SKIPS},1,2")


def test_a_number_that_means_two_things_is_refused(home: Home) -> None:
    with pytest.raises(UsageError, match=r"'1\.093,5' in column 'cifar10_test_200' is not a number"):
        imported(home, "arch;cifar10_test_200", f"{ALL_SKIPS};1.093,5")
