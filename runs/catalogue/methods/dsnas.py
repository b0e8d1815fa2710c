"""DSNAS: direct search without a relaxation of the network (Hu et al., CVPR 2020)."""

from __future__ import annotations

from runs.catalogue.baselines import NASBENCH201, QUICK_NASBENCH201, BaselineSettings, MeanSettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class DsnasSettings(MeanSettings, BaselineSettings):
    """When an edge has decided."""

    freeze_margin: float = setting(
        0.3,
        "An edge whose two largest probabilities are this far apart always takes its best operation; 1 lets all draw "
        "to the end.",
        group="architecture",
        gt=0,
        le=1,
    )


_DSNAS = {
    "arch_learning_rate": 1e-3,
    "arch_weight_decay": 0.0,
    "arch_init_mean": 1.0,
    "arch_init_scale": 0.01,
    "freeze_margin": 0.3,
}

METHOD = Method(
    name="dsnas",
    title="DSNAS",
    summary="Trains one drawn path a step, weights and probabilities together, by the score of the draw.",
    cost="One path of the supernet a step. The quick preset takes below a minute on two CPU cores; the paper preset "
    "wants a GPU.",
    reference="Hu, Xie, Zheng, Liu, Shi, Liu, Lin: DSNAS: Direct Neural Architecture Search without Parameter "
    "Retraining, CVPR 2020",
    options=DsnasSettings,
    engine="engine.methods.dsnas:build",
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            # The paper's space is its own. On this one its figures come without settings: these are the paper's for
            # the architecture and the epochs, and the benchmark authors' for the weights.
            summary="DSNAS's architecture settings on NAS-Bench-201: 240 epochs, 5 cells a stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201, **_DSNAS, "epochs": 240},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 30 epochs, 8 channels, 1 cell a stage. Below a minute on two cores.",
            space="nasbench201",
            dataset="digits",
            values={**QUICK_NASBENCH201, **_DSNAS, "arch_learning_rate": 0.02},
        ),
    ),
)
