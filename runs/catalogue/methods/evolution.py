"""Regularised evolution: its hyperparameters and presets."""

from __future__ import annotations

from runs.catalogue.entries import Method, Preset
from runs.catalogue.queries import PAPER, QUICK, QuerySettings
from runs.catalogue.settings import setting


class EvolutionSettings(QuerySettings):
    """The budget, and the size of the population."""

    population_size: int = setting(
        10, "Cells that live at a time; the first so many are drawn evenly.", group="architecture", ge=1, le=10_000
    )
    sample_size: int = setting(
        3, "Cells drawn from the population; the best has a child.", group="architecture", ge=1, le=10_000
    )


_PUBLISHED = {"population_size": 10, "sample_size": 3}

METHOD = Method(
    name="evolution",
    title="Regularised evolution",
    summary="Changes the best of a small sample on one edge; the oldest of the population dies.",
    cost="Nothing: it trains no network. It needs an imported benchmark table; a second or two.",
    reference="Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search, AAAI 2019",
    options=EvolutionSettings,
    engine="engine.methods.evolution:build",
    needs_images=False,
    uses_supernet=False,
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="NAS-Bench-201's: population 10, sample 3, queries for 12,000 simulated seconds. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER | _PUBLISHED,
        ),
        Preset(
            name="quick",
            summary="50 queries, reported more often. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=QUICK | _PUBLISHED,
        ),
    ),
)
