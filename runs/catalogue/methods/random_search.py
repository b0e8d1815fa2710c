"""Random search: its presets."""

from __future__ import annotations

from runs.catalogue.entries import Method, Preset
from runs.catalogue.queries import PAPER, QUICK, QuerySettings

METHOD = Method(
    name="random_search",
    title="Random search",
    summary="Draws cells evenly, looks up what short training makes of them, and keeps the best: the control.",
    cost="Nothing: it trains no network. It needs an imported benchmark table; a second or two.",
    reference="Li, Talwalkar: Random Search and Reproducibility for Neural Architecture Search, UAI 2019",
    options=QuerySettings,
    engine="engine.methods.random_search:build",
    needs_images=False,
    uses_supernet=False,
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="As many queries as stand for the benchmark's 12,000 simulated seconds. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER,
        ),
        Preset(
            name="quick",
            summary="50 queries, reported more often. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=QUICK,
        ),
    ),
)
