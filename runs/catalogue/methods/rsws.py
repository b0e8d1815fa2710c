"""Random search with weight sharing (Li and Talwalkar, UAI 2019): its hyperparameters and presets."""

from __future__ import annotations

from runs.catalogue.entries import Method, Preset
from runs.catalogue.path_sampling import NASBENCH201, QUICK_NASBENCH201, SamplingSettings
from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import SupernetSettings


class RswsSettings(SamplingSettings, SupernetSettings):
    """The length of the search; it has no architecture parameters."""

    epochs: int = setting(250, "Epochs of the search.", group="schedule", ge=1, le=100_000)


METHOD = Method(
    name="rsws",
    title="RS-WS",
    summary="Random search with weight sharing: trains a uniformly sampled cell per step, keeps the best of 100.",
    cost="One path of the supernet per step. The quick preset takes under a minute on two CPU cores; the paper preset "
    "needs a GPU.",
    reference="Li, Talwalkar: Random Search and Reproducibility for Neural Architecture Search, UAI 2019",
    options=RswsSettings,
    engine="engine.methods.rsws:build",
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="As run by the authors of NAS-Bench-201: 250 epochs, best of 100 by one batch each. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201, "epochs": 250, "samples": 100, "sample_images": 512},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 30 epochs, 8 channels, 1 cell per stage. Under a minute on two cores.",
            space="nasbench201",
            dataset="digits",
            values={**QUICK_NASBENCH201, "batch_norm": "batch", "epochs": 30, "samples": 20, "sample_images": 256},
        ),
    ),
)
