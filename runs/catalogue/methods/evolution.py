"""Regularised evolution: its hyperparameters and presets."""

from __future__ import annotations

from runs.catalogue.black_box import PAPER, QUICK, QUICK_TRAINING, QuerySettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class EvolutionSettings(QuerySettings):
    """The budget, and the size of the population."""

    population_size: int = setting(
        10, "Cells in the population; the first ones are sampled uniformly.", group="architecture", ge=1, le=10_000
    )
    sample_size: int = setting(
        3,
        "Cells drawn from the population per step; the best of them is mutated.",
        group="architecture",
        ge=1,
        le=10_000,
    )


_PUBLISHED = {"population_size": 10, "sample_size": 3}

METHOD = Method(
    name="evolution",
    title="Regularised evolution",
    summary="Mutates the best of a small sample in one place; the oldest cell of the population dies.",
    cost="A second or two with an imported benchmark table. With evaluator=training, a short training per cell; with "
    "evaluator=supernet, one long training.",
    reference="Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search, AAAI 2019",
    options=EvolutionSettings,
    engine="engine.methods.evolution:build",
    recipes={"nasbench201": "nasbench201-200", "darts": "darts-cifar"},
    presets=(
        Preset(
            name="paper",
            summary="As in NAS-Bench-201: population 10, sample 3, 90 cells (12,000 simulated seconds). Seconds.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER | _PUBLISHED,
        ),
        Preset(
            name="quick",
            summary="50 cells, reported more often. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=QUICK | _PUBLISHED,
        ),
        Preset(
            name="paper",
            # AmoebaNet's own space has five nodes and larger networks.
            summary="As in AmoebaNet: population 100, sample 25, 20,000 cells of 25 epochs. Thousands of GPU days.",
            space="darts",
            dataset="cifar10",
            values={
                "evaluator": "training",
                "population_size": 100,
                "sample_size": 25,
                "queries": 20_000,
                "epoch_queries": 100,
                "training_epochs": 25,
                "channels": 24,
            },
        ),
        Preset(
            name="quick",
            summary="The same search, small: 10 cells, population 5. About a minute on two cores.",
            space="darts",
            dataset="digits",
            values={**QUICK_TRAINING, "population_size": 5, "sample_size": 2},
        ),
    ),
)
