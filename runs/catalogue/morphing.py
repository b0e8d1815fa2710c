"""The plan of a search whose pool of operations is pruned and refilled, stage by stage (PR-DARTS; prdarts.md 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from pydantic import model_validator

from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import DifferentiableSettings, numbers
from runs.genotypes import morphisms
from runs.genotypes.morphisms import POOLS, SETS, Restrictions

# The settings that list one number for each stage, and which numbers.
LISTS: Mapping[str, type[int] | type[float]] = {
    "stage_keep": int,
    "stage_morphs": int,
    "stage_epochs": int,
    "stage_frozen_epochs": int,
    "added_layers": int,
    "added_channels": int,
    "skip_dropout": float,
}
# A stage raises a multiplier by one at most, and names of operations end at 99.
_MOST_STAGES = 50
_MOST_ADDED = {"added_layers": 100, "added_channels": 1024}


@dataclass(frozen=True, slots=True)
class PoolStage:
    """A stage of the plan.

    Attributes:
        number: from 0.
        first_epoch: the number of its first epoch in the run, from 0.
        epochs: how many it has.
        frozen_epochs: the first of them that train the weights alone (grace epochs).
        added_layers, added_channels: what its supernet has beyond the settings' size.
        skip_dropout: initial rate of the dropout behind identities.
        pool: operations on an edge while it runs, where none is short.
        keep: operations on an edge after it.
        morphs: how many of these are new then.
        last: whether no stage follows.
        carries: whether the supernet before it has the same size, so that weights fit.
    """

    number: int
    first_epoch: int
    epochs: int
    frozen_epochs: int
    added_layers: int
    added_channels: int
    skip_dropout: float
    pool: int
    keep: int
    morphs: int
    last: bool
    carries: bool

    @property
    def dropped(self) -> int:
        """How many operations an edge loses after it, where it is not short."""
        return self.pool - self.keep + self.morphs


def plan(lists: Mapping[str, Sequence[Any]], pool: int) -> tuple[PoolStage, ...]:
    """Return the stages that lists describe.

    Args:
        lists: by each name of ``LISTS``, one number for each stage, or one for all; ``stage_keep`` says how many.
        pool: operations of an edge at the start.

    Raises:
        ValueError: there can be no such search; the message names the list and the entry.
    """
    count = len(lists["stage_keep"])
    if count > _MOST_STAGES:
        raise ValueError(f"stage_keep has {count} numbers, but {_MOST_STAGES} stages are the most")
    for name, values in lists.items():
        if len(values) not in (1, count):
            raise ValueError(
                f"{name} has {len(values)} numbers, but stage_keep has {count}: give each stage one, or one for all"
            )
    stages = tuple(_stages({name: [*values] * (count // len(values)) for name, values in lists.items()}, pool))
    for stage in stages:
        _check(stage)
    return stages


class MorphingSettings(DifferentiableSettings):
    """A search that prunes the operations of every edge in stages, and refills them by morphing what is left."""

    initial_pool: Literal["prdarts4", "prdarts5", "darts"] = setting(
        "prdarts4",
        "Operations of every edge at the start: pools, skip and a 3x3 convolution ('prdarts4'); these and none "
        "('prdarts5'); the 8 of DARTS.",
        group="search space",
    )
    restrictions: Literal["darts_like", "r_depth", "unrestricted"] = setting(
        "darts_like",
        "How far morphisms go: to operations like those of DARTS (DL, 15 in all), to two stages (DR, 45), or on (UR).",
        group="search space",
    )
    none_competes: bool = setting(
        True,
        "Let an edge end with 'none', where the initial pool has it; false: only where it has nothing else.",
        group="architecture",
    )
    kernel_min: int = setting(
        -1, "Smallest side of a kernel, odd; -1 as `restrictions` says.", group="search space", ge=-1, le=99
    )
    kernel_max: int = setting(
        -1, "Largest side of a kernel, odd; -1 as `restrictions` says.", group="search space", ge=-1, le=99
    )
    dilation_max: int = setting(-1, "Largest dilation; -1 as `restrictions` says.", group="search space", ge=-1, le=99)
    extra_stages_max: int = setting(
        -1,
        "Most stages of a convolution beyond the first; -1 as `restrictions` says.",
        group="search space",
        ge=-1,
        le=999,
    )
    multiplier_sum_max: int = setting(
        -1,
        "Most that the multipliers of a convolution sum up to; -1 as `restrictions` says.",
        group="search space",
        ge=-1,
        le=999,
    )
    multiplier_max: int = setting(
        -1,
        "Largest multiplier of a convolution's width; -1 as `restrictions` says.",
        group="search space",
        ge=-1,
        le=999,
    )
    stage_keep: str = setting(
        "6,6,6,6,6,4,3,2,1",
        "Operations on each edge after each stage, refilled ones included; the last number is 1.",
        group="schedule",
    )
    stage_morphs: str = setting(
        "3,3,3,3,3,0,0,0,0", "How many of these are new, by stage; one number counts for all stages.", group="schedule"
    )
    stage_epochs: str = setting(
        "", "Epochs of each stage, such as '15,15,10', together `epochs`; empty shares them evenly.", group="schedule"
    )
    stage_frozen_epochs: str = setting(
        "0",
        "Epochs at the start of each stage that train the weights alone; one number counts for all stages.",
        group="schedule",
    )
    added_layers: str = setting(
        "0", "Cells that each stage has beyond `layers`; one number counts for all stages.", group="search space"
    )
    added_channels: str = setting(
        "0", "Channels that each stage has beyond `channels`; one number counts for all stages.", group="search space"
    )
    skip_dropout: str = setting(
        "0",
        "Initial rate of the dropout behind identity skips in each stage, one number for all; it decays inside one.",
        group="weights",
    )

    @property
    def limits(self) -> Restrictions:
        """How far morphisms go: the named set, with the limits that are given in its place."""
        own = {name: getattr(self, name) for name in Restrictions.__slots__}
        return replace(SETS[self.restrictions], **{name: limit for name, limit in own.items() if limit >= 0})

    @property
    def operations(self) -> tuple[str, ...]:
        """Operations of every edge at the start."""
        return POOLS[self.initial_pool]

    @property
    def plan(self) -> tuple[PoolStage, ...]:
        """The stages."""
        texts = {name: getattr(self, name) for name in LISTS}
        if not self.stage_epochs:
            count = len(numbers("stage_keep", self.stage_keep, int))
            texts["stage_epochs"] = ",".join(
                str(self.epochs // count + (stage < self.epochs % count)) for stage in range(count)
            )
        return plan({name: numbers(name, texts[name], kind) for name, kind in LISTS.items()}, len(self.operations))

    @property
    def reachable(self) -> tuple[int | None, int | None]:
        """How many operations a kind of cell can discover within the stages, and ever; None without practical bound."""
        refills = sum(stage.morphs > 0 for stage in self.plan)
        return (
            morphisms.reachable(self.operations, self.limits, refills),
            morphisms.reachable(self.operations, self.limits),
        )

    @model_validator(mode="after")
    def _search_is_possible(self) -> Self:
        stages = self.plan
        if (total := sum(stage.epochs for stage in stages)) != self.epochs:
            raise ValueError(
                f"stage_epochs is {self.stage_epochs!r}, together {total}, but epochs is {self.epochs}: "
                "set both, or leave stage_epochs empty"
            )
        morphisms.check(self.limits, self.operations, adds=any(stage.morphs for stage in stages))
        return self


def _stages(lists: Mapping[str, Sequence[Any]], pool: int) -> Iterator[PoolStage]:
    first, before = 0, None
    count = len(lists["stage_keep"])
    for number in range(count):
        given = {name: values[number] for name, values in lists.items()}
        size = given["added_layers"], given["added_channels"]
        yield PoolStage(
            number=number,
            first_epoch=first,
            epochs=given["stage_epochs"],
            frozen_epochs=given["stage_frozen_epochs"],
            added_layers=given["added_layers"],
            added_channels=given["added_channels"],
            skip_dropout=given["skip_dropout"],
            pool=pool,
            keep=given["stage_keep"],
            morphs=given["stage_morphs"],
            last=number == count - 1,
            carries=size == before,
        )
        first, before, pool = first + given["stage_epochs"], size, given["stage_keep"]


def _check(stage: PoolStage) -> None:
    """Raise ValueError, naming list and entry, where there can be no such stage."""

    def refuse(name: str, value: float, why: str) -> None:
        raise ValueError(f"{name} is {value:g} for stage {stage.number + 1}, but {why}")

    if stage.epochs < 1:
        refuse("stage_epochs", stage.epochs, "a stage has one epoch at least")
    if stage.frozen_epochs >= stage.epochs:
        why = f"it has {stage.epochs} epochs and has to train the architecture: at most {stage.epochs - 1}"
        refuse("stage_frozen_epochs", stage.frozen_epochs, why)
    if stage.keep < 1:
        refuse("stage_keep", stage.keep, "that leaves an edge nothing: keep 1 at least")
    if stage.last and stage.keep != 1:
        refuse("stage_keep", stage.keep, "after the last stage every edge has 1 operation")
    if not stage.last and stage.keep == 1:
        refuse("stage_keep", stage.keep, "the next stage has to choose: keep 2 at least before the last")
    if stage.last and stage.morphs:
        refuse("stage_morphs", stage.morphs, "no stage follows that could train new operations: end with 0")
    if stage.morphs >= stage.keep and stage.morphs:
        why = f"it keeps {stage.keep}: one operation at least has to stay, for the new ones to be made from"
        refuse("stage_morphs", stage.morphs, why)
    if stage.dropped < 0:
        why = f"an edge has {stage.pool} and gets {stage.morphs}: at most {stage.pool + stage.morphs}"
        refuse("stage_keep", stage.keep, why)
    for name, most in _MOST_ADDED.items():
        if getattr(stage, name) > most:
            refuse(name, getattr(stage, name), f"a stage adds {most} at most")
    if stage.skip_dropout >= 1:
        refuse("skip_dropout", stage.skip_dropout, "a rate is below 1")
