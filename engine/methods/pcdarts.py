"""PC-DARTS: first-order DARTS on a part of the channels, with a weight on every edge."""

from __future__ import annotations

from functools import partial

from engine.architecture.discretization import edge_weighted
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.edge_normalisation import NormalisedEdges
from engine.architecture.relaxations.softmax import Softmax
from engine.method import Context
from engine.search.components import Components
from engine.search.learning_rates import nominal
from engine.search.loop import DifferentiableSearch
from engine.search.splits import split
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.methods.pcdarts import PcDartsSettings


def build(context: Context[PcDartsSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    return DifferentiableSearch(
        context,
        Components(
            split=partial(split, how=settings.split, shares=(settings.weight_share, settings.arch_share)),
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale, edge_parameters=True),
            relaxation=NormalisedEdges(Softmax()),
            update=FirstOrder(),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(
                nominal, settings.learning_rate, settings.learning_rate_min, warm=settings.warm_up_epochs
            ),
            stages=(Stage(settings.epochs, settings.arch_frozen_epochs, network={"partial": settings.partial}),),
            discretizer=edge_weighted,
        ),
    )
