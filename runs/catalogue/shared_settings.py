"""Hyperparameters that many methods share: data, weight optimiser, hardware."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypeVar

from pydantic import model_validator

from runs.catalogue.settings import Settings, setting

Number = TypeVar("Number", int, float)


class BatchSettings(Settings):
    """The size of batches."""

    batch_size: int = setting(
        64, "Images in a training batch and in an architecture batch.", group="data", ge=2, le=65536
    )


class ImageSettings(Settings):
    """Which images are used, and at which size."""

    image_size: int = setting(
        0,
        "Resize images to this many pixels per side; 0 keeps the data set's own size.",
        group="data",
        ge=0,
        le=512,
    )
    image_limit: int = setting(
        0,
        "Use only this many training images, an equal share of every class; 0 uses all.",
        group="data",
        ge=0,
    )


class DataSettings(ImageSettings, BatchSettings):
    """How images are batched and augmented."""

    cutout_length: int = setting(
        0,
        "Side in pixels of the square that cutout blanks in training images; 0 disables cutout.",
        group="data",
        ge=0,
        le=512,
    )


class WeightSettings(Settings):
    """SGD on the network's weights, with one cosine learning rate per epoch."""

    learning_rate: float = setting(0.025, "Initial learning rate of the weights.", group="weights", gt=0, le=10)
    learning_rate_min: float = setting(
        0.001, "Final learning rate of the cosine schedule.", group="weights", ge=0, le=10
    )
    momentum: float = setting(0.9, "Momentum of SGD on the weights.", group="weights", ge=0, lt=1)
    weight_decay: float = setting(3e-4, "Weight decay of the weights.", group="weights", ge=0, le=1)
    gradient_clip: float = setting(
        5.0, "Clip the norm of the weight gradient at this value; 0 disables clipping.", group="weights", ge=0
    )


def gpus_setting() -> Any:
    """Declare the number of processes that share each batch, for runs that can be data-parallel."""
    return setting(
        1,
        "GPUs that share each batch, one process each (on the CPU: processes). "
        "Batch norm normalises each process's share separately.",
        group="hardware",
        ge=1,
        le=1024,
    )


class SupernetSettings(DataSettings, WeightSettings):
    """Hyperparameters of every search with shared weights."""

    split: Literal["stratified", "positional"] = setting(
        "stratified",
        "How training images are split in half: 'stratified' splits each class at random by the seed, "
        "'positional' cuts at the middle as the public code does.",
        group="compatibility",
    )
    nesterov: bool = setting(False, "Use Nesterov momentum for the weights.", group="weights")
    sampled_accuracy: bool = setting(
        False,
        "Also measure the search accuracy with freshly sampled weights, as the public code does; costs one more pass.",
        group="evaluation",
    )
    evaluated_epochs: int = setting(
        0,
        "Measure the search accuracy only in this many last epochs; 0 measures it in every epoch.",
        group="evaluation",
        ge=0,
    )
    gpus: int = gpus_setting()

    @model_validator(mode="after")
    def _batches_can_be_shared(self) -> Self:
        if self.gpus > 1 and (self.batch_size % self.gpus or self.batch_size < 2 * self.gpus):
            raise ValueError(
                f"batch_size must be a multiple of gpus={self.gpus} and at least {2 * self.gpus}, two images for each "
                f"process, got {self.batch_size}"
            )
        return self


class DifferentiableSettings(SupernetSettings):
    """Hyperparameters of every differentiable search: Adam on the architecture parameters, SGD on the weights."""

    derived_accuracy: bool = setting(
        True,
        "Also measure the derived cell inside the supernet, with the supernet's weights. A large gap to the search "
        "accuracy indicates a collapse.",
        group="evaluation",
    )
    epochs: int = setting(50, "Epochs of the search.", group="schedule", ge=1, le=100_000)
    arch_learning_rate: float = setting(3e-4, "Learning rate of Adam on alpha.", group="architecture", gt=0, le=10)
    arch_beta1: float = setting(0.5, "beta1 of Adam on alpha.", group="architecture", ge=0, lt=1)
    arch_beta2: float = setting(0.999, "beta2 of Adam on alpha.", group="architecture", ge=0, lt=1)
    arch_init_scale: float = setting(
        1e-3, "Standard deviation of the normal noise that alpha starts from.", group="architecture", ge=0, le=10
    )
    arch_gradient_clip: float = setting(
        0.0,
        "Clip the norm of the architecture gradient at this value; 0 disables clipping.",
        group="architecture",
        ge=0,
    )


class StreamSettings(DataSettings):
    """Images that may not fit into memory; they are then streamed from their files."""

    augmentation: Literal["crop", "imagenet"] = setting(
        "crop",
        "'crop' pads, crops and flips small images in memory; 'imagenet' streams randomly resized crops and flips from "
        "the image files.",
        group="data",
    )
    workers: int = setting(
        4, "Processes that decode streamed images; 0 decodes in the engine process.", group="data", ge=0, le=256
    )

    @model_validator(mode="after")
    def _cutout_is_of_crops(self) -> Self:
        if self.augmentation == "imagenet" and self.cutout_length:
            raise ValueError(
                f"cutout_length={self.cutout_length} needs augmentation=crop: set cutout_length=0, or augmentation=crop"
            )
        return self


class LargeDataSettings(StreamSettings):
    """Hyperparameters of a search on ImageNet: subsets of the training images, and a warm-up for large batches."""

    weight_share: float = setting(
        0.5, "Share of each class that trains the weights, if split=stratified.", group="data", gt=0, lt=1
    )
    arch_share: float = setting(
        0.5, "Share of each class that trains the architecture, if split=stratified.", group="data", gt=0, lt=1
    )
    warm_up_epochs: int = setting(
        0, "Raise the learning rate of the weights linearly over this many first epochs.", group="weights", ge=0
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.weight_share + self.arch_share > 1:
            raise ValueError(
                f"weight_share={self.weight_share:g} and arch_share={self.arch_share:g} must sum to at most 1, "
                f"got {self.weight_share + self.arch_share:g}: lower one of them"
            )
        if self.warm_up_epochs >= (epochs := getattr(self, "epochs", math.inf)):
            raise ValueError(f"warm_up_epochs must be less than epochs={epochs}, got {self.warm_up_epochs}")
        if (self.weight_share, self.arch_share) != (0.5, 0.5) and getattr(self, "split", "") == "positional":
            raise ValueError(
                f"split=positional always splits in half, but weight_share={self.weight_share:g} and "
                f"arch_share={self.arch_share:g}: set split=stratified, or both shares to 0.5"
            )
        return self


class StagedSettings(DifferentiableSettings):
    """A search in stages, each with fewer operations on each edge than the stage before."""

    stage_operations: str = setting(
        "0",
        "Operations on each edge in each stage, such as '5,3': one number per stage. A first number of 0 means all.",
        group="schedule",
    )
    stage_epochs: str = setting(
        "",
        "Epochs of each stage, such as '60,40'; they sum to `epochs`. If empty, stages have equal lengths.",
        group="schedule",
    )
    arch_frozen_epochs: int = setting(
        0,
        "Epochs at the start of each stage that train only the weights. A preset's number shrinks with `epochs` where "
        "it would not fit.",
        group="schedule",
        ge=0,
    )

    def candidates(self, operations: Sequence[str]) -> tuple[int, ...]:
        """Return the columns of a space's operations that are searched."""
        return tuple(range(len(operations)))

    @classmethod
    def adapted(cls, preset: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """Let a search with stages too short for the preset's frozen epochs freeze the same share of each."""
        values, frozen = super().adapted(preset, given), preset.get("arch_frozen_epochs", 0)
        usual = {"epochs": cls.model_fields["epochs"].get_default(), **preset}
        try:
            shortest, of_preset = _shortest_stage({**usual, **given}), _shortest_stage(usual)
        except (TypeError, ValueError, OverflowError):  # a wrong number is refused with all others
            return values
        if frozen >= shortest:
            values["arch_frozen_epochs"] = frozen * max(0, shortest) // of_preset
        return values

    @property
    def operations_of_stages(self) -> tuple[int, ...]:
        """Operations on each edge, by stage; a first number of 0 means all."""
        return numbers("stage_operations", self.stage_operations, int)

    @property
    def epochs_of_stages(self) -> tuple[int, ...]:
        """Epochs, by stage; if they do not divide evenly, earlier stages have one more."""
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
                raise ValueError(f"{shown} the first stage has all {searched} operations: start with {searched} or 0")
            left = (searched, *left[1:])
        if any(before and after > before for before, after in itertools.pairwise(left)):
            raise ValueError(f"{shown} a stage cannot have more operations than the stage before it")
        if min(left[1:], default=1) < 1:
            raise ValueError(f"{shown} every stage after the first needs at least 1 operation")
        if min(lengths) < 1:
            raise ValueError(
                f"{len(lengths)} stages need at least one epoch each, but epochs={self.epochs}"
                + (f" and stage_epochs={self.stage_epochs!r}" if self.stage_epochs else "")
            )
        if sum(lengths) != self.epochs:
            raise ValueError(
                f"stage_epochs={self.stage_epochs!r} sums to {sum(lengths)}, but epochs={self.epochs}: "
                "make them agree, or leave stage_epochs empty"
            )
        if self.arch_frozen_epochs >= min(lengths):
            raise ValueError(
                f"arch_frozen_epochs must be less than the shortest stage of {min(lengths)} epochs, "
                f"got {self.arch_frozen_epochs}: set at most {min(lengths) - 1}"
            )
        return self

    def _searched(self) -> int | None:
        """Return how many operations are searched; None until these settings are joined with a space."""
        return None if self.joined is None else len(self.candidates(self.joined.operations))


def _shortest_stage(values: Mapping[str, Any]) -> int:
    """Return the epochs of the shortest stage, of values that may be text, and wrong."""
    lengths = [int(length) for length in str(values.get("stage_epochs", "")).split(",") if length]
    stages = str(values.get("stage_operations", "0")).count(",") + 1
    return min(lengths or [int(float(values["epochs"])) // stages])


def numbers(name: str, text: str, kind: type[Number], stages: int = 0) -> tuple[Number, ...]:
    """Return the numbers of a setting that lists one number per stage.

    Args:
        name: the setting's name, for error messages.
        text: comma-separated numbers.
        kind: ``int`` or ``float``.
        stages: the number of stages; 0 for any.

    Raises:
        ValueError: the text is not such a list; the message says what is expected.
    """
    try:
        found = tuple(kind(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 0 or not all(map(math.isfinite, found)):
        what = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"{name} must be comma-separated {what} of at least 0, one per stage, got {text[:80]!r}")
    if stages and len(found) != stages:
        raise ValueError(
            f"{name} must have {stages} numbers, one per stage of stage_operations, got {len(found)}: {text[:80]!r}"
        )
    return found


class MachineSettings(Settings):
    """Hardware settings of every run; they change results only by rounding."""

    threads: int = setting(
        0,
        "CPU threads. 0 chooses when the run first starts: the idle cores, if the network is large enough to gain "
        "from them. A resumed run uses the same number; runs are bit-identical only with the same number.",
        group="hardware",
        ge=0,
        le=1024,
    )
    checkpoint_seconds: float = setting(
        300.0,
        "Seconds between checkpoints inside an epoch. A checkpoint is also written after every epoch.",
        group="hardware",
        ge=0.1,
    )


class HardwareSettings(MachineSettings):
    """Hardware settings of runs that train networks.

    `precision` changes results; `tf32` and `channels_last` change them by rounding. docs/performance.md, "Settings that
    decide the speed" has the defaults and their reasons.
    """

    precision: Literal["float32", "bfloat16"] = setting(
        "float32",
        "'bfloat16' runs the network under autocast: faster on recent GPUs, but results change.",
        group="hardware",
    )
    channels_last: bool = setting(
        True,
        "Keep images and kernels in channels-last memory format: 1.3 to 1.8 times faster on CPUs.",
        group="hardware",
    )
    deterministic: bool = setting(
        True,
        "Return the same bits for the same seed, also after a resume. On GPUs it excludes some faster algorithms; on "
        "CPUs it costs nothing.",
        group="hardware",
    )
    tf32: bool = setting(
        True,
        "Let convolutions on NVIDIA GPUs round their float32 inputs to TF32 (11 bits), which uses the tensor cores. "
        "No effect on CPUs.",
        group="hardware",
    )
    cudnn_benchmark: bool = setting(
        True,
        "If deterministic=false, let cuDNN time its algorithms and use the fastest for each shape. No effect on CPUs.",
        group="hardware",
    )
    cuda_graphs: Literal["auto", "on", "off"] = setting(
        "auto",
        "Capture the training step on a GPU once and replay it, so that the CPU does not slow it down; the results are "
        "the same. If that fails, 'auto' warns and continues without, 'on' stops. Steps that choose operations on the "
        "CPU are never captured.",
        group="hardware",
    )
