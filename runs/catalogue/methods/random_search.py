"""Random search: its presets."""

from __future__ import annotations

from runs.catalogue.black_box import PAPER, QUICK, QUICK_TRAINING, QuerySettings
from runs.catalogue.entries import Method, Preset

METHOD = Method(
    name="random_search",
    title="Random search",
    summary="Samples cells uniformly, evaluates them and keeps the best: the baseline for every other method.",
    cost="A second or two with an imported benchmark table. With evaluator=training, a short training per cell; with "
    "evaluator=supernet, one long training.",
    reference="Li, Talwalkar: Random Search and Reproducibility for Neural Architecture Search, UAI 2019",
    options=QuerySettings,
    engine="engine.methods.random_search:build",
    recipes={"nasbench201": "nasbench201-200", "darts": "darts-cifar"},
    presets=(
        Preset(
            name="paper",
            summary="90 cells, which stand for the benchmark's 12,000 simulated seconds. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER,
        ),
        Preset(
            name="quick",
            summary="50 cells, reported more often. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=QUICK,
        ),
        Preset(
            name="paper",
            # The paper trains 24 cells for 100 epochs each; the network size is that of its searches.
            summary="The random baseline of DARTS: 24 cells, 100 epochs each, 16 channels, depth 8. Days on a GPU.",
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
            summary="The same, small: 10 cells, 3 epochs each, 8 channels, depth 3. About a minute on two cores.",
            space="darts",
            dataset="digits",
            values=QUICK_TRAINING,
        ),
    ),
)
