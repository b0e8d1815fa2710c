"""REINFORCE: its hyperparameters and presets."""

from __future__ import annotations

from runs.catalogue.black_box import PAPER, QUICK, QuerySettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class ReinforceSettings(QuerySettings):
    """The budget, the policy's optimiser and its baseline. The defaults are those of the benchmark's public code."""

    arch_learning_rate: float = setting(0.01, "Learning rate of Adam on the policy.", group="architecture", gt=0, le=10)
    baseline_momentum: float = setting(
        0.9, "Share of the moving average of rewards that stays at each query.", group="architecture", ge=0, lt=1
    )
    init_scale: float = setting(
        1e-3, "Standard deviation of the policy's logits at the start.", group="architecture", ge=0, le=10
    )


_PUBLISHED = {"arch_learning_rate": 0.01, "baseline_momentum": 0.9, "init_scale": 1e-3}

METHOD = Method(
    name="reinforce",
    title="REINFORCE",
    summary="Samples cells from a policy with one distribution an edge, and makes the better ones likelier.",
    cost="Nothing where an imported benchmark table answers: a second or two. With evaluator=training a short training "
    "each query, with evaluator=supernet one long training.",
    reference="Williams: Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning, "
    "Machine Learning 1992; as a baseline in Dong, Yang: NAS-Bench-201, ICLR 2020",
    options=ReinforceSettings,
    engine="engine.methods.reinforce:build",
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="NAS-Bench-201's: Adam at 0.01, queries for 12,000 simulated seconds. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER | _PUBLISHED,
        ),
        Preset(
            name="quick",
            summary="50 queries at a rate that shows in so few. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=QUICK | {"arch_learning_rate": 0.1},
        ),
    ),
)
