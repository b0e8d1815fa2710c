"""NASP: search by proximal iterations (Yao et al., AAAI 2020)."""

from __future__ import annotations

from runs.catalogue.baselines import DARTS, QUICK_DARTS, BaselineSettings, MeanSettings
from runs.catalogue.entries import Method, Preset


class NaspSettings(MeanSettings, BaselineSettings):
    """Hyperparameters shared with other methods; alpha starts inside the box [0, 1]."""


_START = {"arch_init_mean": 0.5, "arch_init_scale": 0.0}

METHOD = Method(
    name="nasp",
    title="NASP",
    summary="Trains a discrete cell at every step and updates the architecture by proximal steps within a box.",
    cost="The chosen cell in a weight step, the whole supernet in an architecture step. The quick preset takes about a "
    "minute on two CPU cores; the paper preset needs a GPU.",
    reference="Yao, Xu, Tu, Zhu: Efficient Neural Architecture Search via Proximal Iterations, AAAI 2020",
    options=NaspSettings,
    engine="engine.methods.nasp:build",
    recipes={"darts": "darts-cifar"},
    presets=(
        Preset(
            name="paper",
            summary="The published CIFAR-10 search with 12 operations: 50 epochs, 16 channels, 8 cells. For a GPU.",
            space="darts_nasp",
            dataset="cifar10",
            values={**DARTS, **_START},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 10 epochs, 8 channels, 3 cells. About a minute on two cores.",
            space="darts_nasp",
            dataset="digits",
            values={**QUICK_DARTS, **_START, "arch_learning_rate": 0.01},
        ),
    ),
)
