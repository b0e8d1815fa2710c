"""Hypothesis strategies: events, generated from the declared types of their fields, and genotypes of the spaces."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.genotypes import darts, nasbench201, operations
from runs.genotypes.genotype import Genotype
from runs.log import events as vocabulary
from runs.log.events import EVENT_TYPES, CellSnapshot, Event

text = st.text(max_size=20)
whole = st.integers(-(2**70), 2**70)
number = st.floats()
seconds = st.floats(0, 1e11)
json_values = st.recursive(
    st.none() | st.booleans() | whole | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)
_OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: text,
    int: whole,
    float: number,
    bool: st.booleans(),
    Any: json_values,
    type(None): st.none(),
}
_LIMITED: tuple[tuple[Any, st.SearchStrategy[Any]], ...] = (
    (vocabulary.Seconds, seconds),
    (vocabulary.Epochs, st.integers(0, 10**9)),
    (vocabulary.Count, st.integers(0, 2**63 - 1)),
    (vocabulary.Measured, st.floats(-1e100, 1e100) | st.sampled_from([math.nan, math.inf, -math.inf])),
)


@st.composite
def cells(draw: st.DrawFn) -> CellSnapshot:
    """Return snapshots with a row per edge and a column per operation."""
    edges = draw(st.lists(st.tuples(st.integers(0, 9), st.integers(10, 99)), max_size=3))
    operations = draw(st.lists(text, max_size=3))

    def rows(values: st.SearchStrategy[Any]) -> list[list[Any]]:
        return [[draw(values) for _ in operations] for _ in edges]

    chosen = [draw(st.integers(-1, len(operations) - 1)) for _ in edges]
    extras = {name: rows(number) for name in draw(st.lists(text, max_size=2))}
    return CellSnapshot(edges, operations, rows(number), rows(st.booleans()), chosen, extras)


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a field's type, of a size that an engine could write."""
    for limited, possible in _LIMITED:
        if hint == limited:
            return possible
    if typing.get_origin(hint) is typing.Annotated:
        return of_type(typing.get_args(hint)[0])
    if hint in _OF_TYPE:
        return _OF_TYPE[hint]
    if hint is vocabulary.CellSnapshot:
        return cells()
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        return st.builds(hint, **{field.name: of_type(hints[field.name]) for field in dataclasses.fields(hint)})
    inner = [of_type(part) for part in typing.get_args(hint)]
    match typing.get_origin(hint):
        case kind if kind in (list, Sequence):
            return st.lists(*inner, max_size=3)
        case kind if kind is tuple:
            return st.tuples(*inner)
        case kind if kind in (dict, Mapping):
            return st.dictionaries(*inner, max_size=3)
        case _:
            return st.one_of(inner)


PAYLOADS: tuple[type[Event], ...] = tuple(
    kind for kind in vars(vocabulary).values() if getattr(kind, "type", None) in EVENT_TYPES
)


def events(kinds: typing.Iterable[type[Event]] = PAYLOADS) -> st.SearchStrategy[Event]:
    """Return events of these types with arbitrary values."""
    return st.one_of([of_type(kind) for kind in kinds])


COMPACT = st.builds(
    lambda kernel, dilation, multipliers: f"c{kernel}{dilation}{'m' if multipliers else ''}{'.'.join(multipliers)}",
    st.sampled_from([1, 3, 5, 7]),
    st.sampled_from(["", "d2", "d3"]),
    st.lists(st.sampled_from("1234"), max_size=3),
)
OPERATIONS = st.sampled_from([*operations.USUAL, "conv 3x3", "flood_conv_3x3", "sharp_dil_conv_5x5"]) | COMPACT


@st.composite
def darts_genotypes(draw: st.DrawFn) -> Genotype:
    """Return genotypes of the DARTS space: two edges per node or every edge, with one to seven nodes."""

    def cell() -> tuple[list[darts.Pair], list[int]]:
        nodes, every = draw(st.integers(1, 7)), draw(st.booleans())
        pairs = []
        for target in range(2, 2 + nodes):
            twice = st.lists(st.integers(0, target - 1), min_size=2, max_size=2)
            for source in draw(st.permutations(range(target)) if every else twice):
                pairs.append((draw(OPERATIONS), source))
        last = 1 + nodes
        others = draw(st.lists(st.integers(2, last - 1), unique=True)) if nodes > 1 else []
        return pairs, [*others, last]

    normal, normal_concat = cell()
    reduce, reduce_concat = cell()
    return darts.genotype(normal, reduce, normal_concat, reduce_concat)


def genotypes() -> st.SearchStrategy[Genotype]:
    """Return genotypes of every space."""
    indices = st.lists(st.integers(0, len(NASBENCH201.operations) - 1), min_size=6, max_size=6)
    return darts_genotypes() | indices.map(nasbench201.genotype)
