"""DrNAS: Dirichlet neural architecture search (Chen et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import LargeDataSettings, StagedSettings, numbers


class DrNasSettings(LargeDataSettings, StagedSettings):
    """Hyperparameters of DrNAS, in one stage or progressive."""

    stage_partial: str = setting(
        "1",
        "k of each stage, such as '4,2': operations process 1/k of an edge's channels; the next stage widens them.",
        group="schedule",
    )
    none_operation: bool = setting(
        True,
        "Whether `none` is a candidate if the space has it; in the paper's DARTS space it is not.",
        group="search space",
    )
    regulariser: Literal["l2", "kl"] = setting(
        "l2",
        "What pulls the Dirichlet distribution towards the uniform one: 'l2' is weight decay on alpha, 'kl' a term of "
        "the architecture loss.",
        group="architecture",
    )
    regulariser_scale: float = setting(1e-3, "Strength of the regulariser.", group="architecture", ge=0, le=1000)
    clip_scope: Literal["weights", "all"] = setting(
        "weights",
        "Gradients in the clipped norm: 'weights', or 'all' to include alpha's gradient in the weight step, as in the "
        "public code on NAS-Bench-201.",
        group="compatibility",
    )
    edge_ranking: Literal["softmax", "mean"] = setting(
        "softmax",
        "How edges into a node are ranked: by the 'softmax' of alpha as in the public code, or by the 'mean' of the "
        "Dirichlet distribution.",
        group="compatibility",
    )
    rate_at_switch: Literal["nominal", "torch-1.3", "torch-recent"] = setting(
        "nominal",
        "Learning rate at the start of a stage: 'nominal', or the jump that the public code makes with an old or a "
        "recent torch.",
        group="compatibility",
    )

    def candidates(self, operations: Sequence[str]) -> tuple[int, ...]:
        """Return the columns of the operations that are searched."""
        return tuple(op for op, name in enumerate(operations) if self.none_operation or name != "none")

    @property
    def partial_of_stages(self) -> tuple[int, ...]:
        """The k of partial channels, by stage."""
        return numbers("stage_partial", self.stage_partial, int, len(self.operations_of_stages))

    @model_validator(mode="after")
    def _partial_channels_fit(self) -> Self:
        parts, channels = self.partial_of_stages, getattr(self, "channels", 0)
        shown = f"stage_partial is {self.stage_partial!r}, but"
        if sorted(parts, reverse=True) != list(parts) or parts[-1] < 1:
            raise ValueError(f"{shown} k must be at least 1 and must not grow from stage to stage")
        if channels and any(channels % k for k in parts):
            fitting = ", ".join(str(k) for k in range(1, channels + 1) if channels % k == 0)
            raise ValueError(f"{shown} every k must divide channels={channels}: {fitting}")
        return self


_SEARCH = {
    "cutout_length": 0,
    "momentum": 0.9,
    "weight_decay": 3e-4,
    "gradient_clip": 5.0,
    "arch_beta1": 0.5,
    "arch_beta2": 0.999,
    "arch_init_scale": 1e-3,
    "regulariser": "l2",
    "regulariser_scale": 1e-3,
}
_NASBENCH201 = _SEARCH | {
    "channels": 16,
    "cells": 5,
    "batch_norm": "running",
    "batch_size": 64,
    "split": "positional",
    "epochs": 100,
    "learning_rate": 0.025,
    "learning_rate_min": 0.001,
    "arch_learning_rate": 3e-4,
}
_DARTS = _SEARCH | {
    "none_operation": False,
    "epochs": 50,
    "stage_operations": "7,4",
    "stage_epochs": "25,25",
    "arch_frozen_epochs": 10,
    "learning_rate_min": 0.0,
}
_PROGRESSIVE = _NASBENCH201 | {
    "stage_operations": "5,3",
    "stage_partial": "4,2",
    "stage_epochs": "50,50",
    "arch_frozen_epochs": 10,
}
_CIFAR = _DARTS | {
    "stem": "cifar",
    "channels": 36,
    "layers": 20,
    "batch_size": 64,
    "split": "positional",
    "stage_partial": "6,4",
    "learning_rate": 0.1,
    "arch_learning_rate": 6e-4,
}
_IMAGENET = _DARTS | {
    "stem": "imagenet",
    "augmentation": "imagenet",
    "image_size": 224,
    "channels": 48,
    "layers": 14,
    "batch_size": 512,
    "split": "stratified",
    "weight_share": 0.1,
    "arch_share": 0.025,
    "stage_partial": "6,3",
    "learning_rate": 0.5,
    "warm_up_epochs": 5,
    "arch_learning_rate": 6e-3,
    "arch_gradient_clip": 5.0,
    "evaluated_epochs": 3,
}
# What the public code did under its authors' torch 1.3. Alpha is a parameter of the network on NAS-Bench-201 only.
_PUBLIC = {"rate_at_switch": "torch-1.3", "sampled_accuracy": True}
_PUBLIC_NASBENCH201 = _PUBLIC | {"clip_scope": "all"}
_QUICK = {
    "channels": 8,
    "image_size": 16,
    "image_limit": 4000,
    "learning_rate": 0.05,
    # With so few steps, smaller ones would leave alpha near its start.
    "arch_learning_rate": 0.05,
}

METHOD = Method(
    name="drnas",
    title="DrNAS",
    summary="Learns a Dirichlet distribution over the operations of each edge from sampled mixtures.",
    cost="One supernet. The quick preset takes half a minute on two CPU cores; the paper preset needs a GPU.",
    reference="Chen, Wang, Cheng, Tang, Hsieh: DrNAS: Dirichlet Neural Architecture Search, ICLR 2021",
    options=DrNasSettings,
    engine="engine.methods.drnas:build",
    recipes={"darts": "drnas-cifar", "nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="The published NAS-Bench-201 search: 100 epochs, 16 channels, 5 cells per stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            seed=2,
            values=_NASBENCH201 | {"arch_frozen_epochs": 0},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 30 epochs, 8 channels, 1 cell per stage. Half a minute on two cores.",
            space="nasbench201",
            dataset="digits",
            seed=2,
            # Weights that have not been trained favour operations without weights.
            values=_QUICK | {"cells": 1, "epochs": 30, "arch_frozen_epochs": 10},
        ),
        Preset(
            name="paper-progressive",
            summary="The published two-stage search: k = 4 then 2, 5 then 3 operations, 50 epochs each. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            seed=2,
            values=_PROGRESSIVE,
        ),
        Preset(
            name="public",
            summary="As the public code ran: alpha's gradient in the clipped norm. 100 epochs. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            seed=2,
            values=_NASBENCH201 | _PUBLIC_NASBENCH201 | {"arch_frozen_epochs": 0},
        ),
        Preset(
            name="public-progressive",
            summary="As the public code ran in two stages: the same, and a jump of the learning rate. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            seed=2,
            values=_PROGRESSIVE | _PUBLIC_NASBENCH201,
        ),
        Preset(
            name="quick-progressive",
            summary="A small two-stage search: 30 epochs, 8 channels, 1 cell per stage. Under a minute on two cores.",
            space="nasbench201",
            dataset="digits",
            seed=2,
            values=_QUICK
            | {
                "cells": 1,
                "epochs": 30,
                "stage_operations": "5,3",
                "stage_partial": "4,2",
                "arch_frozen_epochs": 3,
            },
        ),
        Preset(
            name="paper",
            summary="The published CIFAR-10 search: 25 + 25 epochs, 36 channels, 20 cells. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values=_CIFAR,
        ),
        Preset(
            name="paper-imagenet",
            summary="The published ImageNet search: 10 % and 2.5 % of the images, 48 channels. For a large GPU.",
            space="darts",
            dataset="imagenet",
            seed=0,
            values=_IMAGENET,
        ),
        Preset(
            name="public",
            summary="As the public code ran on CIFAR-10: the learning rate jumps at the stage switch. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values=_CIFAR | _PUBLIC,
        ),
        Preset(
            name="public-imagenet",
            summary="As the public code ran on ImageNet: the learning rate jumps at the stage switch. For a large GPU.",
            space="darts",
            dataset="imagenet",
            seed=0,
            values=_IMAGENET | _PUBLIC,
        ),
        Preset(
            name="quick",
            summary="A small two-stage search: 20 epochs, 12 channels, 3 cells. A few minutes on two cores.",
            space="darts",
            dataset="digits",
            seed=2,
            values=_QUICK
            | {
                "none_operation": False,
                "channels": 12,
                "layers": 3,
                "epochs": 20,
                "stage_operations": "7,4",
                "stage_partial": "6,4",
                "arch_frozen_epochs": 2,
                "learning_rate_min": 0.0,
            },
        ),
    ),
)
