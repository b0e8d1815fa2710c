"""Topologies of any shape, and kinds of operations: the two components of a space."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs import catalogue
from runs.errors import UsageError
from runs.genotypes import operations
from runs.genotypes.genotype import Cell, Edge, Genotype
from runs.genotypes.kinds import OperationKind, is_dilated, kind, kind_by_name
from runs.genotypes.topology import Topology

TWO = Topology("two", ("upper", "lower"), ((0, 2), (1, 2), (2, 3)), ("none", "a", "b"), (2, 3))
WITHOUT_NONE = Topology("full", ("cell",), ((0, 1), (1, 2)), ("a", "b"), (2,))


@given(st.integers(0, TWO.size - 1))
def test_every_genotype_has_a_number(number: int) -> None:
    genotype = TWO.numbered(number)
    assert TWO.number(genotype) == number
    assert TWO.genotype(TWO.columns(genotype)) == genotype


def test_the_first_edge_of_the_first_cell_is_the_most_significant_digit() -> None:
    assert (TWO.size, TWO.inputs) == (3**6, 2)
    assert TWO.columns(TWO.numbered(2 * 3**5 + 1)) == {"upper": [2, 0, 0], "lower": [0, 0, 1]}


def test_an_edge_that_is_left_out_is_none_where_the_space_has_it() -> None:
    cell = Cell(2, (Edge(1, 2, "b"),), (2, 3))
    assert TWO.columns(Genotype("two", {"upper": cell, "lower": cell}))["upper"] == [0, 2, 0]
    assert WITHOUT_NONE.columns(Genotype("full", {"cell": Cell(1, (Edge(0, 1, "b"),), (2,))})) == {"cell": [1, -1]}


@pytest.mark.parametrize(
    ("genotype", "named"),
    [
        (Genotype("one", {}), "belongs to the space 'one', not to 'full'"),
        (Genotype("full", {"other": Cell(1, (), (2,))}), "has the cell 'cell', not 'other'"),
        (Genotype("full", {"cell": Cell(1, (), (1,))}), "outputs the nodes 1; in 'full' these are 2"),
        (Genotype("full", {"cell": Cell(1, (Edge(0, 2, "a"),), (2,))}), "2←0 of cell 'cell' is unknown"),
        (Genotype("full", {"cell": Cell(1, (Edge(0, 1, "a"), Edge(0, 1, "b")), (2,))}), "1←0 of cell 'cell' is listed"),
        (Genotype("full", {"cell": Cell(1, (Edge(0, 1, "c"),), (2,))}), "Unknown operation 'c' on edge 1←0"),
    ],
)
def test_what_does_not_belong_to_a_space_is_named(genotype: Genotype, named: str) -> None:
    with pytest.raises(UsageError) as refusal:
        WITHOUT_NONE.check(genotype)
    assert named in str(refusal.value)


def test_the_kind_by_name_is_that_of_the_operation() -> None:
    for name in operations.USUAL:
        assert kind_by_name(name) is kind(operations.operation(name))
    dilated = [name for name in operations.USUAL if is_dilated(name)]
    assert dilated == ["dil_conv_3x3", "dil_conv_5x5", "c3d2", "c5d2"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nor_conv_3x3", OperationKind.CONVOLUTION),
        ("identity", OperationKind.SKIP),
        ("my_pool", OperationKind.POOL),
        ("zeroize", OperationKind.NONE),
        ("attention", OperationKind.OTHER),
        ("x" * 100_000, OperationKind.OTHER),
    ],
)
def test_foreign_names_are_judged_by_their_words(name: str, expected: OperationKind) -> None:
    assert kind_by_name(name) is expected


def test_every_operation_of_the_catalogue_has_a_kind() -> None:
    listed = itertools.chain.from_iterable(
        ((space, name) for name in space.operations) for space in catalogue.spaces().values()
    )
    for space, name in listed:
        assert space.kind_of(name) is not OperationKind.OTHER
        assert space.kind_of(name) is kind_by_name(name), "a table says nothing else than the name"
        assert catalogue.operation_kind(name, space.name) is catalogue.operation_kind(name)
