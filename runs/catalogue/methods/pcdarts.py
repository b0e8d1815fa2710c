"""PC-DARTS: partial channel connections (Xu et al., ICLR 2020)."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from runs.catalogue.baselines import DARTS, NASBENCH201_OF_DRNAS, QUICK_DARTS, QUICK_NASBENCH201, BaselineSettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import LargeDataSettings


class PcDartsSettings(LargeDataSettings, BaselineSettings):
    """The share of channels that operations process, and when the architecture starts to train."""

    partial: int = setting(
        4,
        "k: operations process 1/k of an edge's channels, the other channels bypass them. It must divide `channels`.",
        group="search space",
        ge=1,
        le=64,
    )
    arch_frozen_epochs: int = setting(0, "Epochs at the start that train only the weights.", group="schedule", ge=0)

    @model_validator(mode="after")
    def _plan_fits(self) -> Self:
        channels = getattr(self, "channels", self.partial)
        if channels % self.partial:
            fitting = ", ".join(str(k) for k in range(1, min(channels, 64) + 1) if channels % k == 0)
            raise ValueError(f"partial={self.partial} must divide channels={channels}: {fitting}")
        if self.arch_frozen_epochs >= self.epochs:
            raise ValueError(
                f"arch_frozen_epochs must be less than epochs={self.epochs}, so that the architecture is trained, "
                f"got {self.arch_frozen_epochs}"
            )
        return self


METHOD = Method(
    name="pcdarts",
    title="PC-DARTS",
    summary="DARTS on a part of the channels, with a learned weight per edge: needs several times less memory.",
    cost="One supernet on 1/k of the channels. The quick presets take about a minute on two CPU cores; the paper "
    "presets need a GPU.",
    reference="Xu, Xie, Zhang, Chen, Qi, Tian, Xiong: PC-DARTS: Partial Channel Connections for Memory-Efficient "
    "Architecture Search, ICLR 2020",
    options=PcDartsSettings,
    engine="engine.methods.pcdarts:build",
    recipes={"darts": "pcdarts-cifar", "nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="The published CIFAR-10 search: 50 epochs, batch 256, 1/4 of 16 channels, 8 cells. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values={
                **DARTS,
                "partial": 4,
                "batch_size": 256,
                "learning_rate": 0.1,
                "learning_rate_min": 0.0,
                "arch_learning_rate": 6e-4,
                "arch_frozen_epochs": 15,
            },
        ),
        Preset(
            name="paper-imagenet",
            summary="The published ImageNet search: 10 % and 2.5 % of the images, 1/2 of 16 channels. For a large GPU.",
            space="darts",
            dataset="imagenet",
            seed=2,
            values={
                **DARTS,
                "stem": "imagenet",
                "augmentation": "imagenet",
                "image_size": 224,
                "split": "stratified",
                "weight_share": 0.1,
                "arch_share": 0.025,
                "partial": 2,
                "batch_size": 1024,
                "learning_rate": 0.5,
                "learning_rate_min": 0.0,
                "warm_up_epochs": 5,
                "arch_learning_rate": 6e-3,
                "arch_gradient_clip": 5.0,
                "arch_frozen_epochs": 35,
            },
        ),
        Preset(
            name="quick",
            summary="The same search, small: 12 epochs, 1/2 of 8 channels, 3 cells. About a minute on two cores.",
            space="darts",
            dataset="digits",
            values={**QUICK_DARTS, "partial": 2, "epochs": 12, "arch_frozen_epochs": 2},
        ),
        Preset(
            name="paper",
            # No paper gives settings for this space. These are from DrNAS, whose table has the results.
            summary="The NAS-Bench-201 search with DrNAS's settings: 100 epochs, 1/4 of 16 channels. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201_OF_DRNAS, "partial": 4, "arch_frozen_epochs": 0},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 30 epochs, 1/2 of 8 channels, 1 cell per stage. A minute on two cores.",
            space="nasbench201",
            dataset="digits",
            values={**QUICK_NASBENCH201, "partial": 2, "arch_frozen_epochs": 5},
        ),
    ),
)
