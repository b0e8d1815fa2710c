"""Retraining: the hyperparameters for training a discrete network, with the papers' recipes as presets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from runs.catalogue.adaptive_batch import GrowingBatchSettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import StreamSettings, gpus_setting


class FeedSettings(GrowingBatchSettings, StreamSettings):
    """How images are batched, augmented and normalised in training."""

    batch_size: int = setting(96, "Images in a training batch, over all processes.", group="data", ge=2, le=65536)
    colour_jitter: bool = setting(
        True, "Jitter brightness, contrast, saturation (by 0.4) and hue (by 0.2) of streamed images.", group="data"
    )
    normalisation: Literal["dataset", "measured", "space", "darts", "pdarts", "tenas", "nasbench201"] = setting(
        "dataset",
        "Mean and standard deviation per channel: of the 'dataset', 'measured' on its images, or of the code of the "
        "'space' or of a paper.",
        group="data",
    )
    broken_images: Literal["refuse", "skip"] = setting(
        "refuse",
        "What to do with image files that cannot be read: 'refuse' stops and names one, 'skip' skips and counts them.",
        group="data",
    )


class TrainingSettings(FeedSettings):
    """SGD on a discrete network, from scratch."""

    epochs: int = setting(600, "Epochs of the training.", group="schedule", ge=1, le=100_000)
    learning_rate: float = setting(0.025, "Peak learning rate.", group="weights", gt=0, le=10)
    learning_rate_end: float = setting(0.0, "Final learning rate of the cosine schedule.", group="weights", ge=0, le=10)
    schedule: Literal["cosine", "linear", "exponential", "power"] = setting(
        "cosine",
        "Learning rate by epoch: 'cosine' is half a cosine; 'linear' falls linearly, more slowly over the last 5 "
        "epochs; 'exponential' multiplies by 0.97 per epoch; 'power' is cosine power annealing, with its own warm-up.",
        group="schedule",
    )
    rate_power: float = setting(
        2.0,
        "p of schedule=power: the larger p, the earlier the learning rate falls; 1 is the plain cosine.",
        group="schedule",
        ge=1,
        le=1000,
    )
    warm_up_epochs: int = setting(
        0, "Epochs at the start over which the learning rate rises.", group="schedule", ge=0, le=1000
    )
    warm_up: Literal["base", "scaled"] = setting(
        "base",
        "In epoch e of a warm-up of W epochs the learning rate is (e + 1) / W of the peak ('base', PC-DARTS), or of "
        "the schedule's value ('scaled', P-DARTS).",
        group="schedule",
    )
    evaluate_only: bool = setting(
        False, "Test the weights given by --weights once, without training.", group="evaluation"
    )
    momentum: float = setting(0.9, "Momentum of SGD.", group="weights", ge=0, lt=1)
    nesterov: bool = setting(False, "Use Nesterov momentum.", group="weights")
    weight_decay: float = setting(3e-4, "Weight decay of all weights.", group="weights", ge=0, le=1)
    gradient_clip: float = setting(
        5.0, "Clip the norm of the gradient at this value; 0 disables clipping.", group="weights", ge=0
    )
    label_smoothing: float = setting(
        0.0, "Share of the target that label smoothing spreads over all classes.", group="weights", ge=0, lt=1
    )
    pieces: int = setting(
        1,
        "Compute each batch in this many pieces, one after the other, to save memory. "
        "Batch norm normalises each piece separately.",
        group="hardware",
        ge=1,
        le=4096,
    )
    out_of_memory: Literal["halve", "stop"] = setting(
        "halve",
        "If a batch does not fit into memory: 'halve' its pieces and continue with a warning, or 'stop' and report "
        "what fits.",
        group="hardware",
    )
    compile: bool = setting(
        False,
        "Compile each cell with torch.compile, after one to three minutes of start-up. Meant for GPUs; on CPUs it is "
        "slower for small batches (0.85 times the speed with 8 images).",
        group="hardware",
    )
    gpus: int = gpus_setting()

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.schedule == "power" and self.warm_up_epochs >= self.epochs:
            raise ValueError(f"warm_up_epochs must be less than epochs={self.epochs}, got {self.warm_up_epochs}")
        if self.gpus > 1 and self.augmentation == "imagenet" and self.broken_images == "skip":
            raise ValueError(
                f"broken_images=skip does not work with gpus={self.gpus}, as processes would skip different images: "
                "repair the files, or set gpus=1"
            )
        if self.gpus > 1 and self.batch_size < 2 * self.gpus * self.pieces:
            raise ValueError(
                f"batch_size must be at least {2 * self.gpus * self.pieces}, two images per piece and process "
                f"(gpus={self.gpus}, pieces={self.pieces}), got {self.batch_size}"
            )
        return self


_CIFAR: Mapping[str, Any] = {
    "channels": 36,
    "layers": 20,
    "stem": "cifar",
    "norms": "plain",
    "auxiliary": True,
    "auxiliary_weight": 0.4,
    "drop_path": 0.2,
    "epochs": 600,
    "batch_size": 96,
    "augmentation": "crop",
    "cutout_length": 16,
    "normalisation": "darts",
    "learning_rate": 0.025,
    "learning_rate_end": 0.0,
    "schedule": "cosine",
    "warm_up_epochs": 0,
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 3e-4,
    "gradient_clip": 5.0,
    "label_smoothing": 0.0,
}
_IMAGENET: Mapping[str, Any] = {
    **_CIFAR,
    "channels": 48,
    "layers": 14,
    "stem": "imagenet",
    "drop_path": 0.0,
    "epochs": 250,
    "batch_size": 1024,
    "augmentation": "imagenet",
    "colour_jitter": True,
    "image_size": 224,
    "cutout_length": 0,
    "normalisation": "dataset",
    "learning_rate": 0.5,
    "schedule": "linear",
    "warm_up_epochs": 5,
    "warm_up": "base",
    "weight_decay": 3e-5,
    "label_smoothing": 0.1,
}
# The user provides ImageNet as a folder, named by --dataset.
_FOLDER = "imagenet"
_OF_BENCHMARK = ("cifar10", "cifar100", "imagenet16_120")
_BENCHMARK: Mapping[str, Any] = {
    "channels": 16,
    "cells": 5,
    "batch_size": 256,
    "cutout_length": 0,
    "normalisation": "nasbench201",
    "learning_rate": 0.1,
    "learning_rate_end": 0.0,
    "schedule": "cosine",
    "momentum": 0.9,
    "nesterov": True,
    "weight_decay": 5e-4,
    "gradient_clip": 0.0,
    "label_smoothing": 0.0,
}


# The recipes of each paper, by data set. SNAS trains on ImageNet as DARTS does. sharpDARTS has a script of its own for
# ImageNet, with AutoAugment and half precision, which no recipe stands for.
_DATASETS = ("cifar10", "cifar100", _FOLDER)
_PAPERS = (
    ("darts-cifar", "darts-cifar", "darts-imagenet"),
    ("pcdarts-cifar", "pcdarts-cifar", "pcdarts-imagenet"),
    ("pdarts-cifar", "pdarts-cifar100", "pdarts-imagenet"),
    ("drnas-cifar", "drnas-cifar", "drnas-imagenet"),
    ("snas-cifar", "snas-cifar", "darts-imagenet"),
    ("ista-cifar", "ista-cifar", "ista-imagenet"),
    ("ista-cifar-bn", "ista-cifar-bn", "ista-imagenet"),
    ("prdarts-cifar", "prdarts-cifar100", "prdarts-imagenet"),
    ("prdarts-cifar-fixed", "prdarts-cifar-fixed", "prdarts-imagenet"),
    ("tenas-cifar", "tenas-cifar", "tenas-imagenet"),
    ("sharpdarts-cifar", "sharpdarts-cifar", "darts-imagenet"),
)


def _recipe(name: str, summary: str, base: Mapping[str, Any], dataset: str = "cifar10", **changes: Any) -> Preset:
    paper = next((recipes for recipes in _PAPERS if name in recipes), None)
    return Preset(
        name=name,
        summary=summary,
        space="darts",
        dataset=dataset,
        values={**base, **changes},
        elsewhere=dict(zip(_DATASETS, paper, strict=True)) if paper else {},
    )


_PDARTS: Mapping[str, Any] = {**_CIFAR, "drop_path": 0.3, "batch_size": 128, "normalisation": "pdarts"}
_PRDARTS: Mapping[str, Any] = {**_PDARTS, "batch_size": 32, "batch_size_max": 128, "batch_multiple": 8}


_DARTS_SPACE = (
    _recipe("darts-cifar", "DARTS on CIFAR: 600 epochs, batch 96, drop path 0.2.", _CIFAR),
    _recipe("pcdarts-cifar", "PC-DARTS on CIFAR: as DARTS with drop path 0.3.", _CIFAR, drop_path=0.3),
    _recipe(
        "pdarts-cifar",
        "P-DARTS on CIFAR: as DARTS with drop path 0.3, batch 128.",
        _PDARTS,
    ),
    _recipe(
        "pdarts-cifar100", "P-DARTS on CIFAR-100: the same, with the statistics of CIFAR-100.", _PDARTS, "cifar100"
    ),
    _recipe(
        "drnas-cifar",
        "DrNAS on CIFAR: 600 epochs, batch 64, drop path 0.3, batch norm after pools.",
        _CIFAR,
        drop_path=0.3,
        batch_size=64,
        norms="pool",
    ),
    _recipe(
        "snas-cifar",
        "SNAS on CIFAR: as DARTS, with affine batch norm after pools.",
        _CIFAR,
        norms="affine_pool",
    ),
    _recipe("ista-cifar", "ISTA-NAS on CIFAR, for cells of the two-stage search ('plain').", _CIFAR),
    _recipe(
        "ista-cifar-bn",
        "ISTA-NAS on CIFAR, for cells of the one-stage search: batch norm after pools and skips ('bn').",
        _CIFAR,
        norms="all",
    ),
    _recipe(
        "prdarts-cifar",
        "PR-DARTS on CIFAR: drop path 0.3, a batch that grows from 32 to 128 as memory allows.",
        _PRDARTS,
    ),
    _recipe("prdarts-cifar-fixed", "PR-DARTS on CIFAR with a batch of 128 throughout.", _PDARTS),
    _recipe(
        "prdarts-cifar100", "PR-DARTS on CIFAR-100: the same, with the statistics of CIFAR-100.", _PRDARTS, "cifar100"
    ),
    _recipe(
        "tenas-cifar",
        "TE-NAS on CIFAR: 600 epochs (the public command has 800), drop path 0.3, batch norm after pools.",
        _CIFAR,
        drop_path=0.3,
        norms="pool",
        normalisation="tenas",
    ),
    _recipe(
        "sharpdarts-cifar",
        "sharpDARTS on CIFAR: 2000 epochs, batch 64, cosine power annealing to 1e-8; the paper adds AutoAugment.",
        _CIFAR,
        epochs=2000,
        batch_size=64,
        schedule="power",
        rate_power=2.0,
        learning_rate_end=1e-8,
        warm_up_epochs=5,
    ),
    _recipe(
        "darts-imagenet",
        "DARTS on ImageNet: 250 epochs, batch 128, learning rate times 0.97 per epoch.",
        _IMAGENET,
        _FOLDER,
        batch_size=128,
        learning_rate=0.1,
        schedule="exponential",
        warm_up_epochs=0,
    ),
    _recipe(
        "pcdarts-imagenet",
        "PC-DARTS on ImageNet: 250 epochs, batch 1024, linear decay after 5 epochs of warm-up.",
        _IMAGENET,
        _FOLDER,
    ),
    _recipe(
        "pdarts-imagenet",
        "P-DARTS on ImageNet: as PC-DARTS, with a warm-up that scales the decayed rate, and one more batch norm in "
        "the auxiliary head.",
        _IMAGENET,
        _FOLDER,
        warm_up="scaled",
        auxiliary_norm=True,
    ),
    _recipe(
        "drnas-imagenet",
        "DrNAS on ImageNet: 250 epochs, batch 768, batch norm after pools.",
        _IMAGENET,
        _FOLDER,
        batch_size=768,
        norms="pool",
    ),
    _recipe("ista-imagenet", "ISTA-NAS on ImageNet: 250 epochs, batch 1024.", _IMAGENET, _FOLDER),
    _recipe(
        "tenas-imagenet",
        "TE-NAS on ImageNet: batch 768, cosine after 5 epochs of warm-up, no auxiliary head.",
        _IMAGENET,
        _FOLDER,
        batch_size=768,
        schedule="cosine",
        norms="pool",
        auxiliary=False,
    ),
    _recipe(
        "prdarts-imagenet",
        "PR-DARTS on ImageNet, by its code (no results published): batch 256, learning rate 0.1, no auxiliary head.",
        _IMAGENET,
        _FOLDER,
        batch_size=256,
        learning_rate=0.1,
        warm_up_epochs=0,
        auxiliary=False,
        auxiliary_norm=True,
    ),
    _recipe(
        "quick",
        "A small network and few epochs, to check that a cell learns. Minutes on two cores.",
        {},
        "digits",
        channels=8,
        layers=5,
        auxiliary=True,
        drop_path=0.1,
        epochs=12,
        batch_size=64,
        image_limit=4000,
        cutout_length=0,
        learning_rate=0.05,
    ),
)
_NASBENCH201_SPACE = (
    Preset(
        name="nasbench201-200",
        summary="The training behind the reported NAS-Bench-201 accuracies: 200 epochs.",
        space="nasbench201",
        dataset="cifar10",
        seed=777,
        values={**_BENCHMARK, "epochs": 200},
        elsewhere=dict.fromkeys(_OF_BENCHMARK, "nasbench201-200"),
    ),
    Preset(
        name="nasbench201-12",
        summary="The benchmark's cheap training for searches: 12 epochs of a full cosine schedule.",
        space="nasbench201",
        dataset="cifar10",
        seed=777,
        values={**_BENCHMARK, "epochs": 12},
        elsewhere=dict.fromkeys(_OF_BENCHMARK, "nasbench201-12"),
    ),
    Preset(
        name="quick",
        summary="A small network and few epochs, to check that a cell learns. A minute on two cores.",
        space="nasbench201",
        dataset="digits",
        values={
            "channels": 8,
            "cells": 1,
            "epochs": 12,
            "batch_size": 64,
            "image_limit": 4000,
            "learning_rate": 0.1,
            "weight_decay": 5e-4,
            "nesterov": True,
        },
    ),
)

TRAINER = Method(
    name="retrain",
    title="Retraining",
    summary="Trains the network of a genotype from scratch, by the recipe of a paper.",
    cost="One network. The quick preset takes minutes on two CPU cores; the papers' recipes need a GPU for hours.",
    reference="the evaluation in each paper; see the presets",
    options=TrainingSettings,
    presets=_DARTS_SPACE + _NASBENCH201_SPACE,
    engine="engine.training.trainer:build",
    kind="retrain",
)
