"""Local search: its hyperparameters and presets."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.black_box import PAPER, QUICK, QuerySettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class LocalSearchSettings(QuerySettings):
    """The budget, and when a climb takes a step."""

    move: Literal["first", "best"] = setting(
        "first",
        "Move to the 'first' better neighbour, or to the 'best' once all neighbours are known.",
        group="architecture",
    )


METHOD = Method(
    name="local_search",
    title="Local search",
    summary="Climbs to a better neighbour until there is none, then starts anew; never asks about a cell twice.",
    cost="Nothing where an imported benchmark table answers: a second or two. With evaluator=training a short training "
    "each query, with evaluator=supernet one long training.",
    reference="White, Nolen, Savani: Exploring the Loss Landscape in Neural Architecture Search, UAI 2021",
    options=LocalSearchSettings,
    engine="engine.methods.local_search:build",
    recipes={"nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="First better neighbour, as many queries as stand for 12,000 simulated seconds. A second or two.",
            space="nasbench201",
            dataset="cifar10",
            values=PAPER | {"move": "first"},
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
