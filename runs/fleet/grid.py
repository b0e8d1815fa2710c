"""The grid of a sweep: which seeds, and which values of which settings, in every combination."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from runs.configuration import Draft
from runs.errors import UsageError

# What a grid may vary beside hyperparameters.
CHOICES = ("method", "space", "dataset", "preset")
_RANGE = re.compile(r"([0-9]{1,19})(?:-([0-9]{1,19}))?")
MOST_SEEDS = 100_000
# A grid of many keys has a number of members that takes pages to print.
_UNCOUNTED = 10**18

Grid = dict[str, tuple[Any, ...]]
Combination = dict[str, Any]


def seeds_of(text: str) -> tuple[int, ...]:
    """Return the seeds of a text such as ``0-9`` or ``0,3,7-9``, in that order.

    Raises:
        UsageError: it is not a list of seeds, or a seed occurs twice.
    """
    found: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise UsageError(f"--seeds is '{text[:80]}', but must be seeds and ranges.", "For example: --seeds 0-9,20")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(f"The range of seeds '{part.strip()}' runs backwards.", f"Write {last}-{first}.")
        if last - first >= MOST_SEEDS:
            raise UsageError(f"The range '{part.strip()}' has {last - first + 1:,} seeds.", f"At most {MOST_SEEDS:,}.")
        if len(found) + last - first >= MOST_SEEDS:
            raise UsageError(f"--seeds has more than {MOST_SEEDS:,} seeds.", "Name fewer.")
        found += range(first, last + 1)
    return checked_seeds(found)


def seed_ranges(seeds: Iterable[int]) -> str:
    """Return the text of seeds, ``0-9, 20``, as :func:`seeds_of` reads it."""
    runs: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1][1:] = [seed]
        else:
            runs.append([seed])
    return ", ".join("-".join(map(str, run)) for run in runs)


def checked_seeds(seeds: Sequence[Any]) -> tuple[int, ...]:
    """Return seeds after checking them.

    Raises:
        UsageError: one of them is not a seed, or occurs twice.
    """
    seen: set[int] = set()
    for seed in seeds:
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
            raise UsageError(f"{str(seed)[:80]!r} is not a seed.", "Seeds are whole numbers between 0 and 2^63-1.")
        if seed in seen:
            raise UsageError(f"The seed {seed} occurs twice.", "Name each seed once.")
        seen.add(seed)
    return tuple(seeds)


def grid_of(words: Sequence[str]) -> Grid:
    """Return the grid of command-line words such as ``learning_rate=0.01,0.025``.

    Raises:
        UsageError: a word is not of this form, or a key occurs twice.
    """
    grid: Grid = {}
    for word in words:
        key, equals, values = word.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UsageError(f"--grid takes KEY=VALUE,VALUE, got '{word[:80]}'.", "For example: --grid epochs=25,50")
        if key in grid:
            raise UsageError(f"--grid names '{key}' twice.", f"Write all its values in one: --grid {key}=...,...")
        grid[key] = tuple(value.strip() for value in values.split(","))
    return grid


def checked_grid(grid: Mapping[str, Any], draft: Draft) -> Grid:
    """Return a grid after checking the number of its values. Whether a value is valid, its member's draft says.

    Raises:
        UsageError: a key is one that cannot vary or is also set, or it has fewer than two different values.
    """
    checked: Grid = {}
    for key, values in grid.items():
        if not isinstance(values, list | tuple):
            raise UsageError(f"The grid's '{key}' must be a list of values, got '{str(values)[:80]}'.")
        if key == "seed":
            raise UsageError("The grid names 'seed'.", "Seeds have an option of their own: --seeds 0-9")
        if key in draft.options:
            raise UsageError(f"'{key}' is set to {draft.options[key]} and also in the grid.", "Leave one out.")
        if "" in values:
            raise UsageError(f"The grid's '{key}' has an empty value.", "Write its values with commas between them.")
        if len(set(map(str, values))) < len(values):
            raise UsageError(f"The grid's '{key}' has a value twice: {', '.join(map(str, values))}.")
        if len(values) < 2:
            raise UsageError(f"The grid's '{key}' has a single value.", f"To set it for all runs: --set {key}=...")
        checked[key] = tuple(values)
    return checked


def size(grid: Grid, seeds: Sequence[int | None]) -> int:
    """Return the number of members, or a large one if there are even more."""
    number = len(seeds)
    for values in grid.values():
        number = min(number * len(values), _UNCOUNTED)
    return number


def combinations(grid: Grid) -> Iterator[Combination]:
    """Yield every combination of the values of a grid; a single empty one if the grid is empty."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def members(grid: Grid, seeds: Sequence[int | None]) -> Iterator[tuple[int | None, Combination]]:
    """Yield the members in the order in which they are to run: all combinations with the first seed come first."""
    for seed in seeds:
        for combination in combinations(grid):
            yield seed, combination


def member_draft(draft: Draft, seed: int | None, combination: Combination) -> Draft:
    """Return the draft of a member.

    Raises:
        UsageError: the grid has a key of a draft with a value of another type than text.
    """
    chosen = {key: value for key, value in combination.items() if key in CHOICES}
    for key, value in chosen.items():
        if not isinstance(value, str):
            raise UsageError(f"The grid's '{key}' must be a list of names, got {value!r}.")
    options = {key: value for key, value in combination.items() if key not in CHOICES}
    return draft.model_copy(
        update={
            **chosen,
            "seed": seed,
            "options": {**draft.options, **options},
            "source": f"{draft.source} or --grid" if options else draft.source,
        }
    )
