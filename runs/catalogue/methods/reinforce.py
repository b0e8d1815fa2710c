"""REINFORCE: its hyperparameters and presets."""

from __future__ import annotations

from runs.catalogue.black_box import PAPER, QUICK, QuerySettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class ReinforceSettings(QuerySettings):
    """The budget, the policy's optimiser and its baseline. The defaults are those of the benchmark's public code."""

    arch_learning_rate: float = setting(0.01, "Learning rate of Adam on the policy.", group="architecture", gt=0, le=10)
    baseline_momentum: float = setting(
        0.9, "Momentum of the moving average of rewards.", group="architecture", ge=0, lt=1
    )
    init_scale: float = setting(
        1e-3, "Standard deviation of the policy's initial logits.", group="architecture", ge=0, le=10
    )


_PUBLISHED = {"arch_learning_rate": 0.01, "baseline_momentum": 0.9, "init_scale": 1e-3}

METHOD = Method(
    name="reinforce",
    title="REINFORCE",
    summary="Samples cells from a policy with one distribution per edge, and makes better cells more likely.",
    cost="A second or two with an imported benchmark table. With evaluator=training, a short training per cell; with "
    "evaluator=supernet, one long training.",
    reference="Williams: Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning, "
    "Machine Learning 1992; as a baseline in Dong, Yang: NAS-Bench-201, ICLR 2020",
    options=ReinforceSettings,
    engine="engine.methods.reinforce:build",
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="As in NAS-Bench-201: Adam at 0.01, 90 cells (12,000 simulated seconds). A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER | _PUBLISHED,
        ),
        Preset(
            name="nasbench201",
            summary="As NAS-Bench-201 runs it: Adam at 0.001, 90 cells (12,000 simulated seconds). A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER | _PUBLISHED | {"arch_learning_rate": 0.001},
        ),
        Preset(
            name="nats-bench",
            summary="As NATS-Bench runs it: Adam at 0.01, 150 cells (20,000 simulated seconds). A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER | _PUBLISHED | {"queries": 150},
        ),
        Preset(
            name="quick",
            summary="50 cells, at a learning rate that has an effect within so few. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=QUICK | {"arch_learning_rate": 0.1},
        ),
    ),
)
