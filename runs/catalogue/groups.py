"""Hyperparameters that many methods share: data, the weights' optimiser, the machine."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.settings import Settings, setting


class DataSettings(Settings):
    """How images reach the network."""

    batch_size: int = setting(
        64, "Images in a training batch, and in an architecture batch.", group="data", ge=2, le=65536
    )
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


class DifferentiableSettings(DataSettings, WeightSettings):
    """What every differentiable search has: Adam on its architecture variables beside SGD on the weights."""

    split: Literal["stratified", "positional"] = setting(
        "stratified",
        "How training images are halved: 'stratified' draws each class evenly by the seed, "
        "'positional' cuts at the middle as the public code does.",
        group="compatibility",
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
    nesterov: bool = setting(False, "Nesterov's form of momentum for the weights.", group="weights")
    sampled_accuracy: bool = setting(
        False,
        "Also measure the search accuracy with freshly sampled weights, as the public code does; costs a pass.",
        group="evaluation",
    )


class HardwareSettings(Settings):
    """The machine; none of these change what is computed beyond rounding, but for `precision`."""

    threads: int = setting(
        0,
        "CPU threads; 0 takes every core. Runs repeat bit for bit only with the same number. "
        "Of several runs at once give each its share: together on the same cores they are many times slower.",
        group="hardware",
        ge=0,
        le=1024,
    )
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
    checkpoint_seconds: float = setting(
        300.0,
        "Write a checkpoint at least this often inside an epoch; one is written after every epoch.",
        group="hardware",
        ge=0.1,
    )
