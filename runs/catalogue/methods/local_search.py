"""Local search: its hyperparameters and presets."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.black_box import PAPER, QUICK, QuerySettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class LocalSearchSettings(QuerySettings):
    """The budget, and which neighbour to move to."""

    move: Literal["first", "best"] = setting(
        "first",
        "Move to the 'first' better neighbour, or to the 'best' after evaluating all neighbours.",
        group="architecture",
    )


METHOD = Method(
    name="local_search",
    title="Local search",
    summary="Moves to a better neighbour until there is none, then restarts; never evaluates a cell twice.",
    cost="A second or two with an imported benchmark table. With evaluator=training, a short training per cell; with "
    "evaluator=supernet, one long training.",
    reference="White, Nolen, Savani: Exploring the Loss Landscape in Neural Architecture Search, UAI 2021",
    options=LocalSearchSettings,
    engine="engine.methods.local_search:build",
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="First better neighbour, 90 cells (12,000 simulated seconds). A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER | {"move": "first"},
        ),
        Preset(
            name="quick",
            summary="50 cells, reported more often. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=QUICK,
        ),
    ),
)
