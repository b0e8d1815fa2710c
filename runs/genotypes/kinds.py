"""What operations do: the one classification that events, drawings and screens share."""

from __future__ import annotations

import functools
import re
from enum import StrEnum

from runs.errors import UsageError
from runs.genotypes.genotype import NONE
from runs.genotypes.operations import Operation, Pool, Separable, Skip, Zero, operation

_MOST_CHARACTERS = 100  # the name may come from a log that was edited
_DILATED = re.compile(r"dil")


class OperationKind(StrEnum):
    """The kinds of operation. Skips and pools have no weights; searches that collapse end in them."""

    CONVOLUTION = "convolution"
    POOL = "pool"
    SKIP = "skip"
    NONE = "none"
    OTHER = "other"


# Substrings of operation names that no space describes, in the order in which they are tried.
_MARKS = (
    (NONE, OperationKind.NONE),
    ("zero", OperationKind.NONE),
    ("skip", OperationKind.SKIP),
    ("identity", OperationKind.SKIP),
    ("pool", OperationKind.POOL),
    ("dil", OperationKind.CONVOLUTION),
    ("conv", OperationKind.CONVOLUTION),
)


def kind(of: Operation) -> OperationKind:
    """Return the kind of an operation of DARTS-like cells."""
    match of:
        case Zero():
            return OperationKind.NONE
        case Skip():
            return OperationKind.SKIP
        case Pool():
            return OperationKind.POOL
    return OperationKind.CONVOLUTION


@functools.lru_cache(maxsize=4096)
def kind_by_name(name: str) -> OperationKind:
    """Return the kind of an operation from its name alone.

    Names of DARTS-like cells are looked up. Others are classified by the words in them, and may be ``OTHER``.
    """
    name = name[:_MOST_CHARACTERS].lower()
    try:
        return kind(operation(name))
    except UsageError:
        return next((found for mark, found in _MARKS if mark in name), OperationKind.OTHER)


@functools.lru_cache(maxsize=4096)
def is_dilated(name: str) -> bool:
    """Return whether an operation is a dilated convolution, according to its name."""
    name = name[:_MOST_CHARACTERS].lower()
    try:
        of = operation(name)
    except UsageError:
        return _DILATED.search(name) is not None
    return isinstance(of, Separable) and max(of.dilations) > 1
