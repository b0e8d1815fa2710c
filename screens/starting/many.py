"""The part of a form that starts many runs, and says where: seeds, values that vary, the queue, a Slurm profile."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from runs import configuration
from runs.configuration import Draft, RunConfig
from runs.errors import NastuiError, UsageError
from runs.fleet import grid as grids
from runs.fleet.grid import Grid
from runs.fleet.sweep_planning import MANY
from runs.slurm.profile import Request
from screens.models.forms import FieldView
from screens.starting.slurm_profiles import SlurmProfiles

SECTION = "sweep and queue"
NOW, QUEUED = "now", "queued"
USUAL = {"seeds": "", "vary": "", "start": NOW, "nodes": "1"}
"""The fields, and their values if nothing is typed."""
_HELP = {
    NOW: "At once, on this machine. Several runs are always queued, or in Slurm.",
    QUEUED: "When a device of this machine is free, after the runs that wait.",
}
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
        request: what each run asks of Slurm; None if it works on this machine.
    """

    faults: dict[str, str]
    config: RunConfig | None = None
    runs: int = 1
    configs: tuple[RunConfig, ...] = ()
    words: tuple[str, ...] = ()
    request: Request | None = None

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


def views(typed: Mapping[str, str], slurm: SlurmProfiles, *, grid: bool) -> list[FieldView]:
    """Return the fields.

    Args:
        typed: text by field.
        slurm: the profiles that can be chosen.
        grid: whether settings may vary.
    """
    many = bool(typed.get("seeds") or typed.get("vary"))
    in_slurm = bool(slurm.name(typed))
    start = QUEUED if many and not in_slurm else typed.get("start", NOW)
    fields = [
        FieldView(
            "seeds",
            SECTION,
            typed.get("seeds", ""),
            "seeds" in typed,
            ("such as 0-9",),
            "Start one run for each seed: 0-9 or 0,3,7-9. Empty: a single run with the seed above.",
        ),
        FieldView(
            "vary",
            SECTION,
            typed.get("vary", ""),
            "vary" in typed,
            help="Start one run for each value, and for several settings each combination: "
            "learning_rate=0.01,0.025 batch_size=64,128. method, space, dataset and preset vary, too.",
        ),
        FieldView(
            "start",
            SECTION,
            start,
            "start" in typed or many,
            (),
            _HELP.get(start, "As a job of Slurm, with this profile of config.toml. Several runs are an array of jobs."),
            (*(() if many else (NOW,)), QUEUED, *slurm.choices),
        ),
        *slurm.nodes(typed, SECTION),
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


def checked(draft: Draft, typed: Mapping[str, str], slurm: SlurmProfiles) -> Checked:
    """Return a checked draft, with what is typed about several runs and about Slurm.

    It reads folders and devices and may ask Slurm: call it in a thread. Every value is tried once; whether they all fit
    together is checked when the sweep starts.
    """
    named = ("--name", shlex.quote(draft.name)) if draft.name else ()
    name = "start"
    try:
        profile = slurm.checked_profile(typed)
        name = "nodes"
        target = slurm.target(typed, profile)
        name = "device"
        device = "" if target is None else target.device(draft.device)
        name = ""
        config = configuration.resolve(draft, device)
        if not typed.get("seeds") and not typed.get("vary"):
            words = ("--queue",) if typed.get("start") == QUEUED else tuple(map(shlex.quote, slurm.words(typed)))
            name = "nodes"
            request = None if target is None else target.request([config])
            return Checked({}, config, words=named + words, request=request)
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
        tried = [
            configuration.resolve(grids.member_draft(draft, seed, {**first, key: value}), device)
            for key, values in grid.items()
            for value in values
        ]
        combined = itertools.islice(grids.combinations(grid), _MOST_ESTIMATED)
        configs = tuple(configuration.resolve(grids.member_draft(draft, seed, values), device) for values in combined)
        name = "vary" if "gpus" in grid else "nodes"
        request = None if target is None else target.request([*tried, *configs])
    except NastuiError as error:
        return Checked({name: _without_options(error) if name not in ("", "start") else str(error)})
    words = (f"--seeds {grids.seed_ranges(seeds).replace(' ', '')}",) if seeds else ()
    words += tuple("--grid " + shlex.quote(f"{key}={','.join(map(str, values))}") for key, values in grid.items())
    return Checked({}, config, number, configs, (*named, *words, *map(shlex.quote, slurm.words(typed))), request)


def _without_options(error: NastuiError) -> str:
    """Return the message of an error, which may begin with an option of the command line."""
    text = error.message
    return text.partition(", but ")[2] or text if text.startswith("--seeds") else text.removeprefix("--grid ")
