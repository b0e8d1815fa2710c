"""DrNAS: Dirichlet neural architecture search (Chen et al., ICLR 2021)."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.entries import Method, Preset
from runs.catalogue.groups import DifferentiableSettings
from runs.catalogue.settings import setting


class DrNasSettings(DifferentiableSettings):
    """What is DrNAS's own in the plain script."""

    arch_frozen_epochs: int = setting(
        0, "Epochs at the start of a stage that train the weights alone.", group="schedule", ge=0
    )
    regulariser: Literal["l2", "kl"] = setting(
        "l2",
        "What pulls the Dirichlet towards the flat one: 'l2' as weight decay on alpha, "
        "'kl' as a term of the architecture loss.",
        group="architecture",
    )
    regulariser_scale: float = setting(1e-3, "Strength of the regulariser.", group="architecture", ge=0, le=1000)
    clip_scope: Literal["weights", "all"] = setting(
        "weights",
        "Gradients that enter the clipped norm: 'weights', or 'all' with alpha's gradient of the weight step, "
        "as the public code has it on NAS-Bench-201.",
        group="compatibility",
    )


METHOD = Method(
    name="drnas",
    title="DrNAS",
    summary="Learns a Dirichlet distribution over the operations of each edge from sampled mixtures.",
    cost="One supernet. The quick preset takes half a minute on two CPU cores; the paper preset wants a GPU.",
    reference="Chen, Wang, Cheng, Tang, Hsieh: DrNAS: Dirichlet Neural Architecture Search, ICLR 2021",
    options=DrNasSettings,
    engine="engine.methods.drnas:build",
    presets=(
        Preset(
            name="paper",
            summary="The published NAS-Bench-201 search: 100 epochs, 16 channels, 5 cells a stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            seed=2,
            values={
                "channels": 16,
                "cells": 5,
                "batch_norm": "running",
                "batch_size": 64,
                "split": "positional",
                "cutout_length": 0,
                "epochs": 100,
                "arch_frozen_epochs": 0,
                "learning_rate": 0.025,
                "learning_rate_min": 0.001,
                "momentum": 0.9,
                "weight_decay": 3e-4,
                "gradient_clip": 5.0,
                "arch_learning_rate": 3e-4,
                "arch_beta1": 0.5,
                "arch_beta2": 0.999,
                "arch_init_scale": 1e-3,
                "regulariser": "l2",
                "regulariser_scale": 1e-3,
            },
        ),
        Preset(
            name="quick",
            summary="The same search, small: 30 epochs, 8 channels, 1 cell a stage. About a minute on two cores.",
            space="nasbench201",
            dataset="digits",
            seed=2,
            values={
                "channels": 8,
                "cells": 1,
                "image_size": 16,
                "image_limit": 4000,
                "epochs": 30,
                "learning_rate": 0.05,
                # So few steps need larger ones, or alpha would not leave its start.
                "arch_learning_rate": 0.05,
            },
        ),
    ),
)
