"""Hyperparameters that many methods share: data, the weights' optimiser, the machine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal, Self, TypeVar

from pydantic import model_validator

from runs.catalogue.settings import Settings, setting

Number = TypeVar("Number", int, float)


class BatchSettings(Settings):
    """How many images are looked at together."""

    batch_size: int = setting(
        64, "Images in a training batch, and in an architecture batch.", group="data", ge=2, le=65536
    )


class ImageSettings(Settings):
    """Which images there are."""

    image_size: int = setting(
        0,
        "Resize images to this many pixels a side; 0 keeps the data set's own size.",
        group="data",
        ge=0,
        le=512,
    )
    image_limit: int = setting(
        0,
        "Use only this many training images, the same share of every class; 0 uses all.",
        group="data",
        ge=0,
    )


class DataSettings(ImageSettings, BatchSettings):
    """How images reach the network."""

    cutout_length: int = setting(
        0,
        "Side of the square that cutout blanks in training images; 0 turns it off.",
        group="data",
        ge=0,
        le=512,
    )


class WeightSettings(Settings):
    """Stochastic gradient descent on the network's weights, cosine rate per epoch."""

    learning_rate: float = setting(0.025, "Initial learning rate of the weights.", group="weights", gt=0, le=10)
    learning_rate_min: float = setting(
        0.001, "Learning rate that the cosine schedule ends at.", group="weights", ge=0, le=10
    )
    momentum: float = setting(0.9, "Momentum of the weights' SGD.", group="weights", ge=0, lt=1)
    weight_decay: float = setting(3e-4, "Weight decay of the weights.", group="weights", ge=0, le=1)
    gradient_clip: float = setting(
        5.0, "Clip the norm of the weights' gradient at this; 0 turns clipping off.", group="weights", ge=0
    )


class SupernetSettings(DataSettings, WeightSettings):
    """What every search with shared weights has."""

    split: Literal["stratified", "positional"] = setting(
        "stratified",
        "How training images are halved: 'stratified' draws each class evenly by the seed, "
        "'positional' cuts at the middle as the public code does.",
        group="compatibility",
    )
    nesterov: bool = setting(False, "Nesterov's form of momentum for the weights.", group="weights")
    sampled_accuracy: bool = setting(
        False,
        "Also measure the search accuracy with freshly sampled weights, as the public code does; costs a pass.",
        group="evaluation",
    )
    evaluated_epochs: int = setting(
        0, "Measure the search accuracy only in so many last epochs; 0 measures it in all.", group="evaluation", ge=0
    )


class DifferentiableSettings(SupernetSettings):
    """What every differentiable search has: Adam on its architecture variables beside SGD on the weights."""

    derived_accuracy: bool = setting(
        True,
        "Also measure the derived cell inside the supernet, with the supernet's weights: how far it falls behind "
        "shows a collapse.",
        group="evaluation",
    )
    epochs: int = setting(50, "Epochs of the search.", group="schedule", ge=1, le=100_000)
    arch_learning_rate: float = setting(3e-4, "Learning rate of Adam on alpha.", group="architecture", gt=0, le=10)
    arch_beta1: float = setting(0.5, "First moment decay of Adam on alpha.", group="architecture", ge=0, lt=1)
    arch_beta2: float = setting(0.999, "Second moment decay of Adam on alpha.", group="architecture", ge=0, lt=1)
    arch_init_scale: float = setting(
        1e-3, "Standard deviation of alpha's normal noise at the start.", group="architecture", ge=0, le=10
    )
    arch_gradient_clip: float = setting(
        0.0, "Clip the norm of the architecture's gradient at this; 0 turns clipping off.", group="architecture", ge=0
    )


class StreamSettings(DataSettings):
    """Images that may be too many for the memory."""

    augmentation: Literal["crop", "imagenet"] = setting(
        "crop",
        "'crop' pads, crops and flips small images in memory; 'imagenet' streams random resized crops and flips from "
        "the files.",
        group="data",
    )
    workers: int = setting(
        4, "Processes that decode streamed images; 0 decodes in the engine.", group="data", ge=0, le=256
    )

    @model_validator(mode="after")
    def _cutout_is_of_crops(self) -> Self:
        if self.augmentation == "imagenet" and self.cutout_length:
            raise ValueError("cutout_length goes with augmentation=crop alone: set cutout_length=0")
        return self


class LargeDataSettings(StreamSettings):
    """What a search on ImageNet asks for: parts of the training images, and a warm-up for its large batches."""

    weight_share: float = setting(
        0.5, "Share of each class that trains the weights, where split=stratified.", group="data", gt=0, lt=1
    )
    arch_share: float = setting(
        0.5, "Share of each class that trains the architecture, where split=stratified.", group="data", gt=0, lt=1
    )
    warm_up_epochs: int = setting(
        0, "Raise the weights' learning rate linearly over so many first epochs.", group="weights", ge=0
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.weight_share + self.arch_share > 1:
            raise ValueError(
                f"weight_share={self.weight_share:g} and arch_share={self.arch_share:g} are more than all images; "
                "together they may be 1 at most"
            )
        if self.warm_up_epochs >= getattr(self, "epochs", math.inf):
            raise ValueError(f"warm_up_epochs={self.warm_up_epochs} must be fewer than all epochs")
        if (self.weight_share, self.arch_share) != (0.5, 0.5) and getattr(self, "split", "") == "positional":
            raise ValueError("split=positional cuts in halves; set split=stratified, or both shares to 0.5")
        return self


class StagedSettings(DifferentiableSettings):
    """A search in stages that leave ever fewer operations on each edge."""

    stage_operations: str = setting(
        "0",
        "Operations on each edge in each stage, such as '5,3'; as many numbers as stages, the first 0 for all.",
        group="schedule",
    )
    stage_epochs: str = setting(
        "", "Epochs of each stage, such as '60,40', together `epochs`; empty shares them evenly.", group="schedule"
    )
    arch_frozen_epochs: int = setting(
        0, "Epochs at the start of each stage that train the weights alone.", group="schedule", ge=0
    )

    def candidates(self, operations: Sequence[str]) -> tuple[int, ...]:
        """Return which of a space's operations are searched at all, as columns."""
        return tuple(range(len(operations)))

    @property
    def operations_of_stages(self) -> tuple[int, ...]:
        """Operations on each edge, by stage; 0 in front for all."""
        return numbers("stage_operations", self.stage_operations, int)

    @property
    def epochs_of_stages(self) -> tuple[int, ...]:
        """Epochs, by stage; where they do not divide evenly, the earlier have one more."""
        stages = len(self.operations_of_stages)
        if self.stage_epochs:
            return numbers("stage_epochs", self.stage_epochs, int, stages)
        return tuple(self.epochs // stages + (stage < self.epochs % stages) for stage in range(stages))

    @model_validator(mode="after")
    def _stages_are_sound(self) -> Self:
        left, lengths = self.operations_of_stages, self.epochs_of_stages
        shown = f"stage_operations is {self.stage_operations!r}, but"
        if (searched := self._searched()) is not None:
            if left[0] not in (0, searched):
                raise ValueError(f"{shown} the first stage has all {searched} operations: begin with {searched}")
            left = (searched, *left[1:])
        if any(before and after > before for before, after in itertools.pairwise(left)):
            raise ValueError(f"{shown} no stage has more operations than the one before")
        if min(left[1:], default=1) < 1:
            raise ValueError(f"{shown} every edge keeps at least 1 operation")
        if min(lengths) < 1:
            raise ValueError(
                f"{len(lengths)} stages of at least one epoch do not fit in epochs={self.epochs}"
                + (f" as stage_epochs={self.stage_epochs!r}" if self.stage_epochs else "")
            )
        if sum(lengths) != self.epochs:
            raise ValueError(
                f"stage_epochs is {self.stage_epochs!r}, together {sum(lengths)}, but epochs is {self.epochs}: "
                "set both, or leave stage_epochs empty"
            )
        if self.arch_frozen_epochs >= min(lengths):
            raise ValueError(
                f"arch_frozen_epochs is {self.arch_frozen_epochs}, but the shortest stage has {min(lengths)} epochs "
                f"and has to train the architecture: at most {min(lengths) - 1}"
            )
        return self

    def _searched(self) -> int | None:
        """Return how many operations are searched; None before these settings are joined with a space."""
        return None if self.joined is None else len(self.candidates(self.joined.operations))


def numbers(name: str, text: str, kind: type[Number], stages: int = 0) -> tuple[Number, ...]:
    """Return the numbers of a setting that lists one for each stage.

    Args:
        name: of the setting, for the message.
        text: numbers with commas between.
        kind: whole or not.
        stages: how many there must be; 0 for any.

    Raises:
        ValueError: it is no such list; the message says what would be one.
    """
    try:
        found = tuple(kind(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 0 or not all(map(math.isfinite, found)):
        what = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"{name} is {text[:80]!r}, but must be {what} from 0 with commas between, one for each stage")
    if stages and len(found) != stages:
        raise ValueError(
            f"{name} is {text[:80]!r}, but must have {stages} numbers as stage_operations has, not {len(found)}"
        )
    return found


class MachineSettings(Settings):
    """The machine, for every run; none of these change what is computed beyond rounding."""

    threads: int = setting(
        0,
        "CPU threads; 0 takes every core. Runs repeat bit for bit only with the same number. "
        "Of several runs at once give each its share: together on the same cores they are many times slower.",
        group="hardware",
        ge=0,
        le=1024,
    )
    checkpoint_seconds: float = setting(
        300.0,
        "Write a checkpoint at least this often inside an epoch; one is written after every epoch.",
        group="hardware",
        ge=0.1,
    )


class HardwareSettings(MachineSettings):
    """The machine, where networks are trained; `precision` changes what is computed."""

    precision: Literal["float32", "bfloat16"] = setting(
        "float32",
        "'bfloat16' runs the network under autocast: faster on recent GPUs, results change.",
        group="hardware",
    )
    channels_last: bool = setting(
        True,
        "Keep images and kernels in channels-last memory order: 1.3 to 1.8 times faster on CPUs.",
        group="hardware",
    )
