"""The DARTS cell space (Liu et al., ICLR 2019): two kinds of cell, 4 nodes and 14 edges each, 8 operations."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.entries import Space, Statistics
from runs.catalogue.settings import Settings, setting
from runs.genotypes import darts, python_text
from runs.genotypes.darts import TOPOLOGY


class DartsSettings(Settings):
    """The size of the supernet."""

    channels: int = setting(
        16,
        "Channels of the first cells; they double at each of the two reduction cells.",
        group="search space",
        ge=1,
        le=1024,
    )
    layers: int = setting(
        8, "Cells of the supernet; those at a third and at two thirds reduce.", group="search space", ge=3, le=100
    )
    stem: Literal["cifar", "imagenet"] = setting(
        "cifar",
        "First layers: 'cifar' keeps the size of the images, 'imagenet' divides it by eight.",
        group="search space",
    )


class DartsNetworkSettings(Settings):
    """The size of a discrete network, and its regularisation during training."""

    channels: int = setting(
        36,
        "Channels of the first cells; they double at each of the two reduction cells.",
        group="search space",
        ge=2,
        le=1024,
    )
    layers: int = setting(
        20, "Cells of the network; those at a third and at two thirds reduce.", group="search space", ge=3, le=100
    )
    stem: Literal["cifar", "imagenet"] = setting(
        "cifar",
        "First layers: 'cifar' keeps the size of the images, 'imagenet' divides it by eight.",
        group="search space",
    )
    norms: Literal["plain", "pool", "affine_pool", "all"] = setting(
        "plain",
        "Batch norm after operations without weights: none ('plain'); after pools, without ('pool') or with "
        "('affine_pool') scale and shift; after pools and skips ('all', ISTA-NAS's 'bn').",
        group="search space",
    )
    auxiliary: bool = setting(False, "Train a second classifier on the cells at two thirds.", group="weights")
    auxiliary_weight: float = setting(0.4, "Weight of the auxiliary classifier's loss.", group="weights", ge=0, le=10)
    auxiliary_norm: bool = setting(
        False,
        "Normalise twice in the auxiliary head of the ImageNet stem, as some code does; on CIFAR all do.",
        group="search space",
    )
    drop_path: float = setting(
        0.0,
        "Probability at the end of the training that an operation's output is dropped; it rises from 0 linearly.",
        group="weights",
        ge=0,
        lt=1,
    )


# The constants of CIFAR-10; DARTS, PC-DARTS and DrNAS use them for CIFAR-100 too
# (docs/methods/baselines.md, "Data and normalisation").
_CIFAR: Statistics = ((0.49139968, 0.48215827, 0.44653124), (0.24703233, 0.24348505, 0.26158768))

SPACE = Space(
    name=TOPOLOGY.space,
    title="DARTS",
    summary="A normal and a reduction cell of 4 nodes and 14 edges, 8 operations an edge; about 1e18 pairs of cells.",
    cells=TOPOLOGY.cells,
    edges=TOPOLOGY.edges,
    operations=TOPOLOGY.operations,
    outputs=TOPOLOGY.outputs,
    options=DartsSettings,
    engine="engine.spaces.darts:Darts",
    network_options=DartsNetworkSettings,
    # A genotype keeps two edges into each node, with any operation that DARTS-like cells can have.
    checks=darts.check,
    format=python_text.format_python,
    forms=(python_text.PYTHON,),
    costs=darts.COSTS,
    typical="DrNAS_cifar10",
    normalisation={"cifar10": _CIFAR, "cifar100": _CIFAR},
)
