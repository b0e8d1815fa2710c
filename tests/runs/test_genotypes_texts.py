"""Genotypes as text: every notation can be read back, as can those of public repositories; invalid text is rejected."""

from __future__ import annotations

import contextlib
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.catalogue import library
from runs.catalogue.genotype_text import FORMS, convert, format_text, is_text, parse_text, read
from runs.errors import NotFoundError, UsageError
from runs.genotypes import darts, morphable
from runs.genotypes.genotype import Cell, Edge, Genotype
from runs.genotypes.operations import operation
from tests.runs.strategies import darts_genotypes, genotypes
from tests.runs.test_genotypes_costs import NETWORKS, PRDARTS, genotype

PAIR = "('sep_conv_3x3', 0), ('skip_connect', 1)"
CELL = f"[{PAIR}, {PAIR}, {PAIR}, {PAIR}]"


def text(**parts: str) -> str:
    """Return the text of a genotype with parts of it replaced, or omitted if empty."""
    usual = {"normal": CELL, "normal_concat": "[2, 3, 4, 5]", "reduce": CELL, "reduce_concat": "range(2, 6)"}
    return f"Genotype({', '.join(f'{name}={value}' for name, value in (usual | parts).items() if value)})"


class TestForms:
    @given(genotypes(), st.sampled_from(["json", "python", "string"]))
    def test_every_text_form_is_read_back(self, genotype: Genotype, form: str) -> None:
        assert parse_text(convert(genotype, form)) == genotype

    @given(darts_genotypes())
    def test_the_text_is_one_line_that_is_read_back(self, genotype: Genotype) -> None:
        assert "\n" not in format_text(genotype)
        assert parse_text(f"  {format_text(genotype)}\n") == genotype

    @given(genotypes(), st.sampled_from(["dot", "svg"]))
    def test_drawings_name_every_operation(self, genotype: Genotype, form: str) -> None:
        drawn = convert(genotype, form)
        for kind, cell in genotype.cells.items():
            assert kind in drawn
            assert all(edge.operation in drawn for edge in cell.edges)
        if form == "svg":
            root = ET.fromstring(drawn)
            labels = [element.text for element in root.iter() if element.tag.endswith("}text")]
            edges = [edge.operation for cell in genotype.cells.values() for edge in cell.edges]
            assert sorted(label for label in labels if label in edges) == sorted(edges)

    def test_drawings_take_any_name(self) -> None:
        odd = Genotype('<&"', {'a"b<': Cell(1, (Edge(0, 1, '</text>"\\'),), (1,))})
        ET.fromstring(convert(odd, "svg"))
        assert r'label="a\"b<"' in convert(odd, "dot")

    def test_there_is_no_other_form(self) -> None:
        with pytest.raises(UsageError, match="Did you mean 'json'"):
            convert(library.get("DARTS").genotype, "jsn")
        assert set(FORMS) == {"json", "python", "string", "dot", "svg"}

    @pytest.mark.parametrize("name", NETWORKS)
    def test_the_text_of_published_cells(self, name: str) -> None:
        raw = NETWORKS[name]["genotype"]
        written = ", ".join(
            f"{kind}={[(op, node) for op, node in raw[kind]]}, {kind}_concat={raw[f'{kind}_concat']}"
            for kind in ("normal", "reduce")
        )
        assert parse_text(f"Genotype({written})") == genotype(raw)
        assert format_text(genotype(raw)) == f"Genotype({written})"


class TestWhatRepositoriesPrint:
    def test_ranges_lists_tuples_and_lines(self) -> None:
        expected = parse_text(text())
        assert expected.cells["normal"].outputs == (2, 3, 4, 5)
        tuples = CELL.replace("(", "<").replace(")", "(").replace("<", "[").replace("(", "]")
        for given_ in (
            text(normal_concat="range(2, 6)", reduce_concat="(2, 3, 4, 5)"),
            text(normal=tuples, reduce=f"({CELL[1:-1]})"),
            f"DARTS_V9 = {text()}",
            text().replace(", ", ",\n    "),
            text().replace("'", '"'),
        ):
            assert parse_text(given_) == expected

    def test_fourteen_entries_are_every_edge_or_seven_nodes(self) -> None:
        entries = ", ".join(f"('none', {source})" for target in range(2, 6) for source in range(target))
        every = parse_text(text(normal=f"[{entries}]")).cells["normal"]
        assert [edge.target for edge in every.edges] == [2] * 2 + [3] * 3 + [4] * 4 + [5] * 5
        seven = parse_text(text(normal=f"[{', '.join([PAIR] * 7)}]", normal_concat="[8]")).cells["normal"]
        assert [edge.target for edge in seven.edges] == [target for target in range(2, 9) for _ in range(2)]

    def test_names_with_a_space(self) -> None:
        found = parse_text(text(normal=CELL.replace("sep_conv_3x3", "conv 3x3")))
        assert found.cells["normal"].edges[0].operation == "conv 3x3"

    def test_a_string_in_quotes(self) -> None:
        cell = library.get("NB201_ResNet").genotype
        assert parse_text(repr(format_text(cell))) == parse_text(format_text(cell)) == cell

    @pytest.mark.parametrize("name", ["DL1", "DL2", "DR", "UR", "PDARTS"])
    @pytest.mark.parametrize("as_list", [True, False])
    def test_prdarts_stores_kinds_and_settings(self, name: str, as_list: bool) -> None:
        raw, stored = PRDARTS[name], []
        for kind in ("normal", "reduce"):
            genes = []
            for op, node in raw[kind]:
                family, named = morphable.settings(operation(op))
                genes.append([family, [*map(list, named.items())] if as_list else named, node])
            stored += [genes, raw[f"{kind}_concat"]]
        assert parse_text(json.dumps(stored)) == genotype(raw)

    def test_edges_left_out_of_json_are_none_in_text(self) -> None:
        cell = Cell(2, (Edge(1, 2, "skip_connect"), Edge(0, 3, "none"), Edge(2, 3, "max_pool_3x3")), (2, 3))
        sparse = Genotype("darts", {"normal": cell, "reduce": cell})
        darts.check(sparse)
        read_back = parse_text(format_text(sparse)).cells["normal"]
        assert [edge for edge in read_back.edges if edge.operation != "none"] == [cell.edges[0], cell.edges[2]]
        assert len(read_back.edges) == 5


# Malformed texts, and what the message says about them.
MALFORMED: list[tuple[str, str]] = [
    ("", "is not a genotype"),
    ("Genotype", "is not a genotype"),
    ("print('hi')", "is not a genotype"),
    ("Genotype(", "in line 1"),
    ("Genotype()", "lacks normal= and normal_concat= and reduce= and reduce_concat="),
    (text(reduce=""), "lacks reduce="),
    (text(reduce="", redcue=CELL), "Unknown part 'redcue' of the Genotype. Did you mean 'reduce'?"),
    (f"Genotype({CELL}, [2, 3, 4, 5], {CELL}, [2, 3, 4, 5])", "are given by name"),
    (f"Genotype(**{{'normal': {CELL}}})", "are given by name"),
    (text() + "; import os", "not one Genotype"),
    (text() + ".normal", "not one Genotype"),
    (f"Genotype({text()})", "are given by name"),
    ("Genotype(normal=1, normal=2)", "gives normal= twice"),
    (text(normal="__import__('os').system('touch here')"), "normal is '__import__('os').system('touch here')'"),
    (text(normal="[__import__('os')]"), "Entry 0 of normal is '__import__('os')'"),
    (text(normal="[x for x in ()]"), "normal is '[x for x in ()]'"),
    (text(normal="[('sep_conv_3x3', len('a'))]"), "Entry 0 of normal is '('sep_conv_3x3', len('a'))'"),
    (text(normal=CELL.replace("0)", "-1)", 1)), "Entry 0 of normal is '('sep_conv_3x3', -1)'"),
    (text(normal=CELL.replace("0)", "True)", 1)), "Entry 0 of normal"),
    (text(normal=CELL.replace("0)", "0.0)", 1)), "Entry 0 of normal"),
    (text(normal=CELL.replace("0)", "0, 0.3, 1)", 1)), "Entry 0 of normal"),
    (text(normal=CELL.replace("'sep_conv_3x3'", "3", 1)), "Entry 0 of normal"),
    (text(normal=CELL.replace("'sep_conv_3x3'", "f'{1}'", 1)), "Entry 0 of normal"),
    (text(normal=CELL.replace("'sep_conv_3x3'", "b'none'", 1)), "Entry 0 of normal"),
    (text(normal="[]"), "Cell 'normal' has 0 entries"),
    (text(reduce=f"[{PAIR}, ('none', 0)]"), "Cell 'reduce' has 3 entries"),
    (text(reduce=f"[{', '.join([PAIR] * 900)}]"), "Cell 'reduce' has 1,800 entries"),
    (
        text(reduce=CELL.replace("sep_conv_3x3", "sep_conv_3x4", 1)),
        "Unknown operation 'sep_conv_3x4' on edge 2←0 of cell 'reduce'. Did you mean 'sep_conv_3x3'?",
    ),
    (text(normal=CELL.replace("skip_connect", "c4m1", 1)), "'c4m1' on edge 2←1 of cell 'normal'"),
    (text(normal=CELL.replace("skip_connect", "", 1)), "Unknown operation '' on edge 2←1"),
    (text(normal=CELL.replace("1)", "2)", 1)), "Node 2 of cell 'normal' cannot take node 2 as input"),
    (text(normal=CELL.replace("1)", "9999999)", 1)), "Node 2 of cell 'normal' cannot take node 9999999"),
    (text(normal_concat="[2, 3, 4, 6]"), "Output 6 of cell 'normal' is not a node. Its nodes are 2 … 5."),
    (text(normal_concat="[1, 5]"), "Output 1 of cell 'normal' is not a node"),
    (text(reduce_concat="[5, 5]"), "Cell 'reduce' lists an output twice"),
    (text(reduce_concat="[2, 3]"), "Node 5 of cell 'reduce' leads nowhere"),
    (text(reduce_concat="[]"), "Node 5 of cell 'reduce' leads nowhere"),
    (text(reduce_concat="range(2, 10**9)"), "reduce_concat is 'range(2, 10**9)'"),
    (text(reduce_concat="range(2, 1000000000)"), "reduce_concat is 'range(2, 1000000000)'"),
    (text(reduce_concat="range(6)"), "reduce_concat is 'range(6)'"),
    (text(reduce_concat="list(range(2, 6))"), "reduce_concat is 'list(range(2, 6))'"),
    (text(reduce_concat="['2', 3]"), "reduce_concat is '['2', 3]'"),
    (text(normal="[" * 5000 + "]" * 5000), "cannot be read"),
    (text(normal="-" * 20_000 + "1"), "nested too deeply"),
    (text(normal="9" * 6000), "in line 1"),
    (text() + " " * 10 + "#" * 60_000, "characters; 50,000 are the most"),
    ("Genotype(\x00)", "cannot be read"),
    ("{", "is not valid JSON"),
    ("[" * 100_000, "is not valid JSON"),
    ("[]", "this one has 0 entries"),
    ("[1, [5], [], [5]]", "normal of the genotype is '1'"),
    ('[[], ["5"], [], [5]]', "normal_concat of the genotype"),
    ('[[["conv", {}, 0]], [2], [], [2]]', "Gene 0 of cell 'normal': 'conv' with {} is not an operation"),
    ('[[["conv", 3, 0]], [2], [], [2]]', "Gene 0 of cell 'normal'"),
    ('[[["conv", [1], 0]], [2], [], [2]]', "Gene 0 of cell 'normal'"),
    ("'|none~0|'", "3 nodes"),
]


@pytest.mark.parametrize(("given_", "says"), MALFORMED, ids=lambda value: value[:40].replace("\x00", "0"))
def test_malformed_texts_are_refused_by_name(given_: str, says: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as refusal:
        parse_text(given_)
    assert says in str(refusal.value)
    assert len(str(refusal.value)) < 400
    assert not list(tmp_path.iterdir())


def with_edges(*edges: list[Any], kind: str = "reduce", **changes: Any) -> str:
    good = library.get("DARTS").genotype.to_json()
    good["cells"][kind] |= ({"edges": list(edges)} if edges else {}) | changes
    return json.dumps(good)


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        (json.dumps({"space": "darts", "cells": {"normal": {"inputs": 2, "edges": [], "outputs": []}}}), "has no edge"),
        (with_edges(kind="reduce", inputs=1), "Cell 'reduce' has 1 inputs; a DARTS cell has 2"),
        (with_edges([0, 2, "none"], [1, 4, "none"]), "No edge leads into node 3 of cell 'reduce'"),
        (with_edges([0, 3, "none"]), "No edge leads into node 2 of cell 'reduce'"),
        (with_edges([0, 2, "none"], [1, 3, "none"], [1, 2, "none"]), "Edge 2←1 of cell 'reduce' comes after one into"),
        (with_edges([0, 2, "none"], [0, 3, "none"], [0, 3, "skip"], outputs=[3]), "reads node 0 twice"),
        (with_edges([0, 10**12, "none"]), "beyond the 30 nodes"),
        (with_edges([0, 2, "sep_conv"], [1, 2, "none"]), "Unknown operation 'sep_conv' on edge 2←0 of cell 'reduce'"),
        (with_edges().replace('"reduce"', '"reduction"'), "Unknown cell 'reduction'. Did you mean 'reduce'?"),
    ],
)
def test_malformed_cells_are_refused_by_name(given_: str, says: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_text(given_)
    assert says in str(refusal.value)


@given(st.text() | st.text(alphabet="Genotype(normal=[]',0123_ )", max_size=80).map(lambda rest: f"Genotype({rest}"))
def test_any_text_is_a_genotype_or_a_usage_error(given_: str) -> None:
    with contextlib.suppress(UsageError):
        parse_text(given_)


ONE = format_text(library.get("DARTS").genotype)
OTHER = format_text(library.get("DrNAS_cifar10").genotype)


def nested(text: str) -> str:
    """Put the two pairs of each node into a tuple of their own, as AutoDL-Projects does."""
    return re.sub(r"(\('\w+', \d\)), (\('\w+', \d\))", r"(\1, \2)", text)


@pytest.mark.parametrize(
    "pasted",
    [
        f"06/27 03:11:52 PM genotype = {ONE}",
        f"2019-06-27 03:11:52,123 INFO (epoch 49) derived: {ONE} valid_acc=(97.2",
        f"\ufeff{ONE}",
        f"# the cell of the paper\nPRIMITIVES = ['none']\n\nDARTS_V2 = {ONE}\nDARTS = DARTS_V2\n",
        f"Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')\nA = {ONE}",
        f"```\n{ONE}\n```",
        f'"{ONE}"',
        f"epoch 1 {ONE}\nepoch 2 {ONE}",
        nested(ONE),
        re.sub(r"', (\d)\)", r"', \1, 0.25)", ONE),
        re.sub(r"', (\d)\)", r"', np.int64(\1))", ONE),
        re.sub(r"\b([2-5])\b(?=[,\]])", r"numpy.int32(\1)", ONE),
        re.sub(r"normal_concat=\[[^]]*\], ", "", ONE).replace("reduce_concat", "connectN"),
    ],
    ids=lambda text: text[:20],
)
def test_a_genotype_as_tools_print_it(pasted: str) -> None:
    assert is_text(pasted)
    assert parse_text(pasted) == parse_text(ONE)


def test_of_several_genotypes_one_is_named(tmp_path: Path) -> None:
    text = f"import os\nFIRST = {ONE}\nSECOND = {OTHER}  # )\n"
    with pytest.raises(UsageError, match="holds 2 genotypes: FIRST, SECOND"):
        parse_text(text)
    (tmp_path / "genotypes.py").write_text(text)
    assert read(tmp_path / "genotypes.py", "SECOND") == parse_text(OTHER)
    with pytest.raises(UsageError, match="Did you mean 'FIRST'"):
        read(tmp_path / "genotypes.py", "FIRS")


class TestFiles:
    def test_a_file_of_any_form(self, tmp_path: Path) -> None:
        cell = library.get("DrNAS_cifar10").genotype
        for form in ("json", "python", "string"):
            (tmp_path / form).write_text(convert(cell, form))
            assert read(tmp_path / form) == cell

    def test_files_that_hold_none(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="cannot be read"):
            read(tmp_path / "absent")
        (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(NotFoundError, match="cannot be read"):
            read(tmp_path / "binary")
        (tmp_path / "large").write_bytes(b" " * 2_000_000)
        with pytest.raises(UsageError, match="larger than a genotype"):
            read(tmp_path / "large")
