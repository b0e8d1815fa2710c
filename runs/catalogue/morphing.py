"""The stages of a search that prunes and refills the operations of every edge (PR-DARTS).

See docs/methods/prdarts.md, "Schedule and hyperparameters".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from pydantic import model_validator

from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import DifferentiableSettings, numbers
from runs.genotypes import morphisms
from runs.genotypes.morphisms import POOLS, SETS, Restrictions

# Settings that list one number per stage, with the type of the numbers.
LISTS: Mapping[str, type[int] | type[float]] = {
    "stage_keep": int,
    "stage_morphs": int,
    "stage_epochs": int,
    "stage_frozen_epochs": int,
    "added_layers": int,
    "added_channels": int,
    "skip_dropout": float,
}
# A stage raises a multiplier by at most one, and operation names go up to 99.
_MOST_STAGES = 50
_MOST_ADDED = {"added_layers": 100, "added_channels": 1024}


@dataclass(frozen=True, slots=True)
class PoolStage:
    """A stage of the search.

    Attributes:
        number: counted from 0.
        first_epoch: its first epoch in the run, counted from 0.
        epochs: its number of epochs.
        frozen_epochs: the number of its first epochs that train only the weights (grace epochs).
        added_layers, added_channels: cells and channels of its supernet beyond ``layers`` and ``channels``.
        skip_dropout: initial rate of the dropout after identity operations.
        pool: the number of operations on a full edge during the stage.
        keep: the number of operations on an edge after the stage.
        morphs: how many of those are new.
        last: whether it is the last stage.
        carries: whether the supernet of the stage before has the same size, so that its weights fit.
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
        """How many operations a full edge loses after the stage."""
        return self.pool - self.keep + self.morphs


def plan(lists: Mapping[str, Sequence[Any]], pool: int) -> tuple[PoolStage, ...]:
    """Return the stages of a search.

    Args:
        lists: for each name of ``LISTS``, one number per stage, or one number for all stages. The length of
            ``stage_keep`` is the number of stages.
        pool: number of operations on an edge at the start.

    Raises:
        ValueError: the stages are impossible; the message names the list and the entry.
    """
    count = len(lists["stage_keep"])
    if count > _MOST_STAGES:
        raise ValueError(f"stage_keep must have at most {_MOST_STAGES} numbers, one per stage, got {count}")
    for name, values in lists.items():
        if len(values) not in (1, count):
            raise ValueError(
                f"{name} has {len(values)} numbers, but stage_keep has {count}: give one per stage, or one for all"
            )
    stages = tuple(_stages({name: [*values] * (count // len(values)) for name, values in lists.items()}, pool))
    for stage in stages:
        _check(stage)
    return stages


class MorphingSettings(DifferentiableSettings):
    """A search that prunes the operations of every edge in stages, and refills the edge by morphing the survivors."""

    initial_pool: Literal["prdarts4", "prdarts5", "darts"] = setting(
        "prdarts4",
        "Operations of every edge at the start: 'prdarts4' has two pools, skip and a 3x3 convolution; 'prdarts5' also "
        "has none; 'darts' has the 8 operations of DARTS.",
        group="search space",
    )
    restrictions: Literal["darts_like", "r_depth", "unrestricted"] = setting(
        "darts_like",
        "Which operations morphing can reach: 'darts_like' (DL) 15 like those of DARTS, 'r_depth' (DR) 45 of at most "
        "two stages, 'unrestricted' (UR) any.",
        group="search space",
    )
    none_competes: bool = setting(
        True,
        "Let an edge end with 'none' if the initial pool has it; if false, only an edge without other operations can.",
        group="architecture",
    )
    kernel_min: int = setting(
        -1, "Smallest side of a kernel, odd; -1 uses the limit of `restrictions`.", group="search space", ge=-1, le=99
    )
    kernel_max: int = setting(
        -1, "Largest side of a kernel, odd; -1 uses the limit of `restrictions`.", group="search space", ge=-1, le=99
    )
    dilation_max: int = setting(
        -1, "Largest dilation; -1 uses the limit of `restrictions`.", group="search space", ge=-1, le=99
    )
    extra_stages_max: int = setting(
        -1,
        "Largest number of stages of a convolution beyond the first; -1 uses the limit of `restrictions`.",
        group="search space",
        ge=-1,
        le=999,
    )
    multiplier_sum_max: int = setting(
        -1,
        "Largest sum of the multipliers of a convolution; -1 uses the limit of `restrictions`.",
        group="search space",
        ge=-1,
        le=999,
    )
    multiplier_max: int = setting(
        -1,
        "Largest multiplier of a convolution's width; -1 uses the limit of `restrictions`.",
        group="search space",
        ge=-1,
        le=999,
    )
    stage_keep: str = setting(
        "6,6,6,6,6,4,3,2,1",
        "Operations on each edge after each stage, including new ones; the last number is 1.",
        group="schedule",
    )
    stage_morphs: str = setting(
        "3,3,3,3,3,0,0,0,0",
        "How many of those operations are new, per stage; a single number applies to all stages.",
        group="schedule",
    )
    stage_epochs: str = setting(
        "",
        "Epochs of each stage, such as '15,15,10'; they sum to `epochs`. If empty, stages have equal lengths.",
        group="schedule",
    )
    stage_frozen_epochs: str = setting(
        "0",
        "Epochs at the start of each stage that train only the weights; a single number applies to all stages.",
        group="schedule",
    )
    added_layers: str = setting(
        "0", "Cells of each stage beyond `layers`; a single number applies to all stages.", group="search space"
    )
    added_channels: str = setting(
        "0", "Channels of each stage beyond `channels`; a single number applies to all stages.", group="search space"
    )
    skip_dropout: str = setting(
        "0",
        "Initial rate of the dropout after identity skips, per stage; a single number applies to all stages. The rate "
        "decays within a stage.",
        group="weights",
    )

    @property
    def limits(self) -> Restrictions:
        """The limits of morphing: those of ``restrictions``, replaced by the limits that are set."""
        own = {name: getattr(self, name) for name in Restrictions.__slots__}
        return replace(SETS[self.restrictions], **{name: limit for name, limit in own.items() if limit >= 0})

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of every edge at the start."""
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
        """How many operations a kind of cell can discover in these stages, and in any number; None if unbounded."""
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
                f"stage_epochs={self.stage_epochs!r} sums to {total}, but epochs={self.epochs}: "
                "make them agree, or leave stage_epochs empty"
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
    """Raise ValueError, naming list and entry, if the stage is impossible."""

    def refuse(name: str, value: float, why: str) -> None:
        raise ValueError(f"{name} is {value:g} for stage {stage.number + 1}, but {why}")

    if stage.epochs < 1:
        refuse("stage_epochs", stage.epochs, "a stage needs at least 1 epoch")
    if stage.frozen_epochs >= stage.epochs:
        why = f"some of its {stage.epochs} epochs must train the architecture: set at most {stage.epochs - 1}"
        refuse("stage_frozen_epochs", stage.frozen_epochs, why)
    if stage.keep < 1:
        refuse("stage_keep", stage.keep, "that leaves an edge without operations: keep at least 1")
    if stage.last and stage.keep != 1:
        refuse("stage_keep", stage.keep, "after the last stage every edge has 1 operation: end with 1")
    if not stage.last and stage.keep == 1:
        refuse("stage_keep", stage.keep, "the next stage must have a choice: keep at least 2 before the last stage")
    if stage.last and stage.morphs:
        refuse("stage_morphs", stage.morphs, "no stage follows to train new operations: end with 0")
    if stage.morphs >= stage.keep and stage.morphs:
        why = f"it keeps {stage.keep}, and new operations are made from old ones: set at most {stage.keep - 1}"
        refuse("stage_morphs", stage.morphs, why)
    if stage.dropped < 0:
        why = f"an edge has {stage.pool} operations and gets {stage.morphs}: keep at most {stage.pool + stage.morphs}"
        refuse("stage_keep", stage.keep, why)
    for name, most in _MOST_ADDED.items():
        if getattr(stage, name) > most:
            refuse(name, getattr(stage, name), f"a stage can add at most {most}")
    if stage.skip_dropout >= 1:
        refuse("skip_dropout", stage.skip_dropout, "a dropout rate must be below 1")
