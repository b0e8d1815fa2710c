"""GDAS: search with one sampled operation per edge (Dong and Yang, CVPR 2019)."""

from __future__ import annotations

from runs.catalogue.baselines import (
    DARTS,
    NASBENCH201,
    NASBENCH201_OF_DRNAS,
    QUICK_DARTS,
    QUICK_NASBENCH201,
    BaselineSettings,
    TemperatureSettings,
)
from runs.catalogue.entries import Method, Preset


class GdasSettings(TemperatureSettings, BaselineSettings):
    """Hyperparameters shared with other methods: temperatures, weights and architecture parameters."""


_GDAS = {"epochs": 250, "temperature_start": 10.0, "temperature_end": 0.1}

METHOD = Method(
    name="gdas",
    title="GDAS",
    summary="Samples one operation per edge, with straight-through Gumbel gradients: a fraction of the cost of DARTS.",
    cost="One path of the supernet per step. The quick presets take under a minute on two CPU cores; the paper presets "
    "need a GPU.",
    reference="Dong, Yang: Searching for a Robust Neural Architecture in Four GPU Hours, CVPR 2019",
    options=GdasSettings,
    engine="engine.methods.gdas:build",
    recipes={"darts": "darts-cifar", "nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="The published CIFAR-10 search: 250 epochs, batch 256, 6 cells, temperature 10 to 0.1. For a GPU.",
            space="darts",
            dataset="cifar10",
            values={**DARTS, **_GDAS, "layers": 6, "batch_size": 256, "nesterov": True, "weight_decay": 5e-4},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 20 epochs, 8 channels, 3 cells. About a minute on two cores.",
            space="darts",
            dataset="digits",
            values={**QUICK_DARTS, "epochs": 20},
        ),
        Preset(
            name="paper",
            summary="As run by the authors of NAS-Bench-201: 250 epochs, 5 cells per stage. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201, **_GDAS},
        ),
        Preset(
            name="drnas",
            summary="With the settings of DrNAS's code: 100 epochs, temperature 10 to 1. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            seed=2,
            values={**NASBENCH201_OF_DRNAS, "temperature_start": 10.0, "temperature_end": 1.0},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 30 epochs, 8 channels, 1 cell per stage. Under a minute on two cores.",
            space="nasbench201",
            dataset="digits",
            values={**QUICK_NASBENCH201},
        ),
    ),
)
