"""Training-free indicators: their hyperparameters, for searches and for single architectures."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import ImageSettings, MachineSettings


class ProxySettings(ImageSettings):
    """The condition number of the NTK and the number of linear regions: of what, and how often (tenas.md 3 and 4)."""

    batch_size: int = setting(
        32, "Images of one kernel (NTK); none has more rows than the data set has images.", group="data", ge=2, le=4096
    )
    region_batches: int = setting(
        3, "Batches of 3 x 3 crops that linear regions are counted on, together.", group="data", ge=1, le=1000
    )
    region_samples: int = setting(
        1000, "Crops in such a batch; the count can never exceed all of them.", group="data", ge=2, le=100_000
    )
    repeats: int = setting(
        8,
        "Draws of weights and images that each network is measured with; the noise falls as one over their root.",
        group="schedule",
        ge=1,
        le=1000,
    )
    init: Literal["default", "kaiming"] = setting(
        "default",
        "Initial weights: the library's 'default', which the public code runs with whatever it is told, or 'kaiming' "
        "normal as the paper has it.",
        group="weights",
    )
    ntk: Literal["sum", "trace", "full"] = setting(
        "sum",
        "Kernel of a network of many outputs: that of their 'sum' (public code), the 'trace' over outputs (K times the "
        "work), or the 'full' one of all pairs (for few classes: singular beyond 12, in DARTS 8).",
        group="evaluation",
    )
    ntk_norm: Literal["batch", "frozen"] = setting(
        "frozen",
        "Gradients go through the statistics of the 'batch' (public code), or take them as constants: 'frozen' is "
        "about 20 times faster on a CPU, another number, and ranks alike.",
        group="evaluation",
    )
    ntk_backward: Literal["auto", "loop", "chunked", "per_sample"] = setting(
        "auto",
        "Backward passes: 'loop' has one a row, 'chunked' several rows at once, 'per_sample' one for all, where "
        "ntk_norm=frozen. 'auto' takes the fastest that is right.",
        group="hardware",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.ntk_backward == "per_sample" and self.ntk_norm == "batch":
            raise ValueError(
                "ntk_backward=per_sample needs ntk_norm=frozen: through the statistics of a batch every image changes "
                "the gradients of every other"
            )
        return self


class ScoreSettings(ProxySettings, MachineSettings):
    """What is measured of a single architecture, and on what machine."""

    threads: int = setting(
        1, "CPU threads; networks so small lose speed to a second one.", group="hardware", ge=1, le=1024
    )
