"""PC-DARTS: DARTS of first order on a part of the channels, every edge weighted."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from engine.data.images import halves, portions
from engine.method import Context
from engine.relaxations.edges import NormalisedEdges
from engine.relaxations.softmax import Softmax
from engine.schedules import cosine, warm_up
from engine.search.architecture import Architecture
from engine.search.derivers import edge_weighted
from engine.search.differentiable import DifferentiableSearch, Strategies
from engine.search.regularisers import WeightDecay
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.methods.pcdarts import PcDartsSettings


def build(context: Context) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    assert isinstance(settings, PcDartsSettings)
    return DifferentiableSearch(
        context,
        Strategies(
            split=partial(_split, settings),
            variables=partial(Architecture, scale=settings.arch_init_scale, edge_variables=True),
            relaxation=NormalisedEdges(Softmax()),
            update=FirstOrder(),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(_rate, settings),
            stages=(Stage(settings.epochs, settings.arch_frozen_epochs, network={"partial": settings.partial}),),
            deriver=edge_weighted,
        ),
    )


def _split(settings: PcDartsSettings, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    shares = settings.weight_share, settings.arch_share
    if shares == (0.5, 0.5):
        return halves(labels, generator, how=settings.split)
    weights, architecture = portions(labels, shares, generator)
    return weights, architecture


def _rate(settings: PcDartsSettings, epoch: int, epochs: int) -> float:
    rate = cosine(settings.learning_rate, settings.learning_rate_min, epoch, epochs)
    return warm_up(settings.learning_rate, epoch, settings.warm_up_epochs, rate)
