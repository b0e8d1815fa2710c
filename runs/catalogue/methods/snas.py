"""SNAS: stochastic neural architecture search (Xie et al., ICLR 2019)."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.baselines import (
    DARTS,
    NASBENCH201_OF_DRNAS,
    QUICK_DARTS,
    QUICK_NASBENCH201,
    BaselineSettings,
    MeanSettings,
    TemperatureSettings,
)
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting


class SnasSettings(TemperatureSettings, MeanSettings, BaselineSettings):
    """The levels of optimisation, and how a cell is derived."""

    levels: Literal["one", "two"] = setting(
        "one",
        "'one' trains weights and alpha together on all training images and also reports the test accuracy; 'two' "
        "trains each on its own half.",
        group="architecture",
    )
    derived_edges: Literal["all", "two"] = setting(
        "all",
        "Edges of a derived DARTS cell, including `none`: 'all', or the 'two' strongest into each node. "
        "In NAS-Bench-201 always all.",
        group="architecture",
    )


# The command in the public code also drops paths with probability 0.3 in the search network, and adds one of three
# resource costs to the loss. This search does neither.
_PAPER = {
    **DARTS,
    "levels": "one",
    "derived_edges": "all",
    "epochs": 150,
    "arch_gradient_clip": 10.0,
    "arch_init_mean": 1.0,
    "arch_init_scale": 0.01,
    "temperature_start": 1.0,
    "temperature_end": 0.03,
}

METHOD = Method(
    name="snas",
    title="SNAS",
    summary="Mixes operations by Gumbel-softmax samples that become discrete; weights and architecture share one loss.",
    cost="One supernet. The quick presets take about a minute on two CPU cores; the paper presets need a GPU.",
    reference="Xie, Zheng, Liu, Lin: SNAS: Stochastic Neural Architecture Search, ICLR 2019",
    options=SnasSettings,
    engine="engine.methods.snas:build",
    recipes={"darts": "snas-cifar", "nasbench201": "nasbench201-200"},
    presets=(
        Preset(
            name="paper",
            summary="The published CIFAR-10 search without cost term: 150 epochs, temperature 1 to 0.03. For a GPU.",
            space="darts",
            dataset="cifar10",
            values=_PAPER,
        ),
        Preset(
            name="quick",
            summary="The same search, small: 10 epochs, 8 channels, 3 cells. About a minute on two cores.",
            space="darts",
            dataset="digits",
            values={
                **QUICK_DARTS,
                # Every image trains both levels, so there are twice as many batches as in other searches.
                "image_limit": 600,
                "levels": "one",
                "derived_edges": "two",
                "arch_gradient_clip": 10.0,
                "arch_init_mean": 1.0,
                "arch_init_scale": 0.01,
                "temperature_start": 1.0,
                "temperature_end": 0.3,
            },
        ),
        Preset(
            name="paper",
            summary="As run by the authors of DrNAS: two levels, 100 epochs, temperature 10 to 1. For a GPU.",
            space="nasbench201",
            dataset="cifar10",
            values={**NASBENCH201_OF_DRNAS, "levels": "two", "temperature_start": 10.0, "temperature_end": 1.0},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 30 epochs, 8 channels, 1 cell per stage. About a minute on two cores.",
            space="nasbench201",
            dataset="digits",
            values={**QUICK_NASBENCH201, "levels": "two", "temperature_start": 10.0, "temperature_end": 1.0},
        ),
    ),
)
