"""Random search: its presets."""

from __future__ import annotations

from runs.catalogue.black_box import PAPER, QUICK, QUICK_TRAINING, QuerySettings
from runs.catalogue.entries import Method, Preset

METHOD = Method(
    name="random_search",
    title="Random search",
    summary="Draws cells evenly, asks what short training makes of them, and keeps the best: the control.",
    cost="Nothing where an imported benchmark table answers: a second or two. With evaluator=training a short training "
    "each query, with evaluator=supernet one long training.",
    reference="Li, Talwalkar: Random Search and Reproducibility for Neural Architecture Search, UAI 2019",
    options=QuerySettings,
    engine="engine.methods.random_search:build",
    recipes={"nasbench201": "nasbench201-200", "darts": "darts-cifar"},
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
        Preset(
            name="paper",
            # The paper trains 24 cells for 100 epochs each; the size is that of its searches.
            summary="The control of DARTS: 24 cells, 100 epochs each, 16 channels, 8 cells. Days on a GPU.",
            space="darts",
            dataset="cifar10",
            values={
                "evaluator": "training",
                "queries": 24,
                "epoch_queries": 1,
                "training_epochs": 100,
                "channels": 16,
                "layers": 8,
                "batch_size": 64,
                "learning_rate": 0.025,
                "learning_rate_min": 0.001,
                "weight_decay": 3e-4,
            },
        ),
        Preset(
            name="quick",
            summary="The same, small: 10 cells, 3 epochs each, 8 channels, 3 cells. About a minute on two cores.",
            space="darts",
            dataset="digits",
            values=QUICK_TRAINING,
        ),
    ),
)
