"""ENAS: efficient search by parameter sharing (Pham et al., ICML 2018): its hyperparameters and presets."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from runs.catalogue.entries import Method, Preset
from runs.catalogue.path_sampling import NASBENCH201, QUICK_NASBENCH201, SamplingSettings
from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import SupernetSettings


class EnasSettings(SamplingSettings, SupernetSettings):
    """The controller and its training. The defaults are those of NAS-Bench-201."""

    epochs: int = setting(250, "Epochs of the search.", group="schedule", ge=1, le=100_000)
    rate_period: int = setting(
        0,
        "Epochs of one cosine of the learning rate of the weights; 0 for a single one over all epochs.",
        group="schedule",
        ge=0,
        le=100_000,
    )
    after_period: Literal["restart", "swing"] = setting(
        "restart",
        "After a cosine of rate_period epochs the learning rate starts anew at its peak ('restart'), or rises again as "
        "it fell ('swing'), as in the public code.",
        group="compatibility",
    )
    arch_learning_rate: float = setting(
        1e-3, "Learning rate of Adam on the controller.", group="architecture", gt=0, le=10
    )
    arch_beta1: float = setting(0.0, "beta1 of Adam on the controller.", group="architecture", ge=0, lt=1)
    arch_beta2: float = setting(0.999, "beta2 of Adam on the controller.", group="architecture", ge=0, lt=1)
    arch_epsilon: float = setting(1e-3, "epsilon of Adam on the controller.", group="architecture", gt=0, le=1)
    arch_init_scale: float = setting(
        0.1,
        "The controller's weights start uniformly between minus and plus this value.",
        group="architecture",
        gt=0,
        le=10,
    )
    arch_gradient_clip: float = setting(
        5.0,
        "Clip the norm of the controller's gradient at this value; 0 disables clipping.",
        group="architecture",
        ge=0,
    )
    controller_size: int = setting(32, "Units of each layer of the controller.", group="architecture", ge=1, le=4096)
    controller_layers: int = setting(2, "Layers of the controller.", group="architecture", ge=1, le=16)
    controller_steps: int = setting(
        50, "Controller steps after each epoch of the weights.", group="schedule", ge=1, le=100_000
    )
    controller_samples: int = setting(
        20, "Cells sampled per controller step; their gradients are averaged.", group="schedule", ge=1, le=10_000
    )
    tanh_constant: float = setting(
        2.5, "Bound the controller's logits between minus and plus this value.", group="architecture", gt=0, le=100
    )
    temperature: float = setting(
        5.0, "Divide the controller's logits by this value before bounding them.", group="architecture", gt=0, le=1000
    )
    entropy_weight: float = setting(
        1e-4,
        "Weight of the entropy (in nats) in a cell's reward, whose other part is an accuracy in 0..1.",
        group="architecture",
        ge=0,
    )
    baseline_momentum: float = setting(
        0.99, "Momentum of the moving average of rewards.", group="architecture", ge=0, lt=1
    )

    @model_validator(mode="after")
    def _swings_have_a_period(self) -> Self:
        if self.after_period == "swing" and not self.rate_period:
            raise ValueError("after_period=swing needs a rate_period: set rate_period=10, or after_period=restart")
        return self


_ENAS = {
    "arch_learning_rate": 1e-3,
    "arch_beta1": 0.0,
    "arch_beta2": 0.999,
    "arch_epsilon": 1e-3,
    "arch_init_scale": 0.1,
    "arch_gradient_clip": 5.0,
    "controller_size": 32,
    "controller_layers": 2,
    "controller_steps": 50,
    "controller_samples": 20,
    "tanh_constant": 2.5,
    "temperature": 5.0,
    "entropy_weight": 1e-4,
    "baseline_momentum": 0.99,
    "samples": 100,
    "sample_images": 512,
}
# ENAS.config and ENAS.sh of the authors of NAS-Bench-201.
_PAPER = {
    **NASBENCH201,
    **_ENAS,
    "batch_norm": "running",
    "batch_size": 128,
    "sample_images": 128,
    "learning_rate": 0.05,
    "learning_rate_min": 0.0005,
    "weight_decay": 2.5e-4,
    "epochs": 250,
    "rate_period": 10,
}

METHOD = Method(
    name="enas",
    title="ENAS",
    summary="A recurrent controller samples cells and learns which ones do well with shared weights.",
    cost="One path of the supernet per step, and after each epoch a thousand paths without gradients. The quick preset "
    "takes about a minute on two CPU cores; the paper preset needs a GPU.",
    reference="Pham, Guan, Zoph, Le, Dean: Efficient Neural Architecture Search via Parameter Sharing, ICML 2018; as a "
    "baseline in Dong, Yang: NAS-Bench-201, ICLR 2020",
    options=EnasSettings,
    engine="engine.methods.enas.method:build",
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="The settings of the authors of NAS-Bench-201: 250 epochs, 50 x 20 samples per epoch, rate 0.05 to "
            "0.0005 every 10 epochs. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values=_PAPER,
        ),
        Preset(
            name="public",
            summary="As their code ran: the learning rate falls for 10 epochs and rises again for 10. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**_PAPER, "after_period": "swing"},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 30 epochs, 8 channels, 1 cell per stage. About a minute on two cores.",
            space="nasbench201",
            dataset="digits",
            values={
                **QUICK_NASBENCH201,
                "batch_norm": "batch",
                **_ENAS,
                "epochs": 30,
                "arch_learning_rate": 0.02,
                "controller_steps": 5,
                "controller_samples": 10,
                "samples": 20,
                "sample_images": 256,
            },
        ),
    ),
)
