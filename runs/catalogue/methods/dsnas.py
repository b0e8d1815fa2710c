"""DSNAS: direct search without a relaxation of the network (Hu et al., CVPR 2020)."""

from __future__ import annotations

from runs.catalogue.baselines import NASBENCH201, QUICK_NASBENCH201, BaselineSettings, MeanSettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class DsnasSettings(MeanSettings, BaselineSettings):
    """When the operation of an edge is fixed."""

    freeze_margin: float = setting(
        0.3,
        "Fix an edge to its best operation once its two largest probabilities differ by this much; 1 never fixes an "
        "edge.",
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
    summary="Samples one path per step and trains its weights and the path's probabilities together.",
    cost="One path of the supernet per step. The quick preset takes under a minute on two CPU cores; the paper preset "
    "needs a GPU.",
    reference="Hu, Xie, Zheng, Liu, Shi, Liu, Lin: DSNAS: Direct Neural Architecture Search without Parameter "
    "Retraining, CVPR 2020",
    options=DsnasSettings,
    engine="engine.methods.dsnas:build",
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            # The paper uses a search space of its own, and reports results on NAS-Bench-201 without settings. The
            # architecture settings and the epochs here are the paper's; the weight settings are the benchmark authors'.
            summary="DSNAS's architecture settings on NAS-Bench-201: 240 epochs, 5 cells per stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201, **_DSNAS, "epochs": 240},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 30 epochs, 8 channels, 1 cell per stage. Under a minute on two cores.",
            space="nasbench201",
            dataset="digits",
            values={**QUICK_NASBENCH201, **_DSNAS, "arch_learning_rate": 0.02},
        ),
    ),
)
