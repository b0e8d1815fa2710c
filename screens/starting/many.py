"""The part of a form that starts many runs: seeds, values that vary, and whether runs wait in the queue."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from runs import configuration
from runs.configuration import Draft, RunConfig
from runs.errors import NastuiError, UsageError
from runs.fleet import grid as grids
from runs.fleet.grid import Grid
from runs.fleet.sweep import MANY
from screens.models.forms import FieldView

SECTION = "sweep and queue"
NOW, QUEUED = "now", "queued"
USUAL = {"seeds": "", "vary": "", "start": NOW}
"""The fields, and their values if nothing is typed."""
_MOST_ESTIMATED = 16
_SEED = re.compile(r" --seed [0-9]+")


@dataclass(frozen=True)
class Many:
    """Several runs: the seeds, and the values of each setting that varies."""

    seeds: tuple[int, ...]
    grid: Grid


@dataclass(frozen=True)
class Checked:
    """The result of the slower checks: faults by field (an empty name for the whole form), or the configuration.

    Attributes:
        config: of the run, or what the runs of a sweep have in common.
        runs: how many will be started.
        configs: of a sweep, those of its first combinations, from which its cost is estimated.
        words: what the command has beside those of a single run that starts now.
    """

    faults: dict[str, str]
    config: RunConfig | None = None
    runs: int = 1
    configs: tuple[RunConfig, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command that starts the same runs; empty if there are faults."""
        if self.config is None:
            return ""
        # A resolved run names its seed; in a sweep, the seeds take its place.
        seeded = any(word.startswith("--seeds") for word in self.words)
        command = _SEED.sub("", self.config.command) if seeded else self.config.command
        return " ".join([command, *self.words])

    @property
    def epochs(self) -> int | None:
        """The epochs of each run; None if its method does not count epochs, or if they vary."""
        epochs = self.config.options.get("epochs") if self.config else None
        vary = {config.options.get("epochs") for config in self.configs}
        return epochs if isinstance(epochs, int) and len(vary) < 2 else None


def views(typed: Mapping[str, str], *, grid: bool) -> list[FieldView]:
    """Return the fields.

    Args:
        typed: text by field.
        grid: whether settings may vary.
    """
    many = bool(typed.get("seeds") or typed.get("vary"))
    fields = [
        FieldView(
            "seeds",
            SECTION,
            typed.get("seeds", ""),
            "seeds" in typed,
            ("such as 0-9",),
            "Queue one run for each seed: 0-9 or 0,3,7-9. Empty: a single run with the seed above.",
        ),
        FieldView(
            "vary",
            SECTION,
            typed.get("vary", ""),
            "vary" in typed,
            help="Queue one run for each value, and for several settings each combination: "
            "learning_rate=0.01,0.025 batch_size=64,128. method, space, dataset and preset vary, too.",
        ),
        FieldView(
            "start",
            SECTION,
            QUEUED if many else typed.get("start", NOW),
            "start" in typed or many,
            (),
            "A queued run starts when a device is free, after the runs that wait. Several runs are always queued.",
            (QUEUED,) if many else (NOW, QUEUED),
        ),
    ]
    return [view for view in fields if grid or view.name != "vary"]


def many(typed: Mapping[str, str]) -> Many | None:
    """Return what is typed about several runs; None for a single one.

    Raises:
        UsageError: it is not seeds or a grid.
    """
    seeds, vary = typed.get("seeds", ""), typed.get("vary", "")
    if not seeds and not vary:
        return None
    return Many(grids.seeds_of(seeds) if seeds else (), grids.grid_of(vary.split()))


def checked(draft: Draft, typed: Mapping[str, str]) -> Checked:
    """Return a checked draft, with what is typed about several runs. Reads folders and devices: call it in a thread.

    Every value is tried once; whether they all fit together is checked when the sweep starts.
    """
    name = ""
    try:
        config = configuration.resolve(draft)
        if not typed.get("seeds") and not typed.get("vary"):
            return Checked({}, config, words=("--queue",) if typed.get("start") == QUEUED else ())
        name = "seeds"
        seeds = grids.seeds_of(typed["seeds"]) if typed.get("seeds") else ()
        if seeds and draft.seed is not None:
            raise UsageError("There is a seed above, too; leave one of them empty.")
        name = "vary"
        grid = grids.checked_grid(grids.grid_of(typed.get("vary", "").split()), draft)
        number = grids.size(grid, seeds or (0,))
        if number > MANY:
            raise UsageError(f"These are {number:,} runs; more than {MANY:,} need --yes on the command line.")
        first = {key: values[0] for key, values in grid.items()}
        seed = seeds[0] if seeds else None
        for key, values in grid.items():
            for value in values:
                configuration.resolve(grids.member_draft(draft, seed, {**first, key: value}))
        combined = itertools.islice(grids.combinations(grid), _MOST_ESTIMATED)
        configs = tuple(configuration.resolve(grids.member_draft(draft, seed, values)) for values in combined)
    except NastuiError as error:
        return Checked({name: _without_options(error) if name else str(error)})
    words = [f"--seeds {grids.seed_ranges(seeds).replace(' ', '')}"] if seeds else []
    words += [f"--grid {key}={','.join(map(str, values))}" for key, values in grid.items()]
    return Checked({}, config, number, configs, tuple(words))


def _without_options(error: NastuiError) -> str:
    """Return the message of an error, which may begin with an option of the command line."""
    text = error.message
    return text.partition(", but ")[2] or text if text.startswith("--seeds") else text.removeprefix("--grid ")
