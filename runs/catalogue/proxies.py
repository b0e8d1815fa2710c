"""Hyperparameters of zero-cost proxies, for searches and for scoring single architectures."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import ImageSettings, MachineSettings


class ProxySettings(ImageSettings):
    """How the condition number of the NTK and the number of linear regions are measured.

    See docs/methods/tenas.md, "Condition number of the NTK" and "Linear regions".
    """

    batch_size: int = setting(
        32,
        "Images per neural tangent kernel (NTK); at most the number of training images.",
        group="data",
        ge=2,
        le=4096,
    )
    region_batches: int = setting(
        3, "Batches of 3 x 3 crops on which linear regions are counted together.", group="data", ge=1, le=1000
    )
    region_samples: int = setting(
        1000, "Crops in such a batch; the count of regions cannot exceed all crops.", group="data", ge=2, le=100_000
    )
    repeats: int = setting(
        8,
        "Draws of weights and images per network; the noise falls with the square root of this number.",
        group="schedule",
        ge=1,
        le=1000,
    )
    init: Literal["default", "kaiming"] = setting(
        "default",
        "Initial weights: 'default' is torch's own, which the public code uses in every case; 'kaiming' is Kaiming "
        "normal as in the paper.",
        group="weights",
    )
    ntk: Literal["sum", "trace", "full"] = setting(
        "sum",
        "Kernel of a network with K outputs: of their 'sum' (public code), the 'trace' over outputs (K times the "
        "work), or the 'full' kernel of all pairs (for few classes: singular beyond 12, or beyond 8 in DARTS).",
        group="evaluation",
    )
    ntk_norm: Literal["batch", "frozen", "centred"] = setting(
        "frozen",
        "'batch' differentiates through the batch statistics (public code); 'frozen' treats them as constants, about "
        "20 times faster on a CPU; 'centred' does, too, without what all images have in common, which 'batch' "
        "cancels.",
        group="evaluation",
    )
    ntk_backward: Literal["auto", "loop", "chunked", "per_sample"] = setting(
        "auto",
        "Backward passes: 'loop' runs one per row, 'chunked' several rows at once, 'per_sample' one for all rows "
        "(unless ntk_norm=batch). 'auto' chooses the fastest exact one.",
        group="hardware",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.ntk_backward == "per_sample" and self.ntk_norm == "batch":
            raise ValueError(
                "ntk_backward=per_sample needs ntk_norm=frozen or ntk_norm=centred: with batch statistics, the "
                "gradient of an image depends on all images"
            )
        if self.ntk_norm == "centred" and self.batch_size < 3:
            raise ValueError("ntk_norm=centred needs batch_size=3 or more: two images have a single difference")
        return self


class ScoreSettings(ProxySettings, MachineSettings):
    """How a single architecture is scored, and on which hardware."""

    threads: int = setting(
        1, "CPU threads; for networks this small, one thread is fastest.", group="hardware", ge=1, le=1024
    )
