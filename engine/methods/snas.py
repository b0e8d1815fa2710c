"""SNAS: Gumbel-softmax samples mix the operations, with one loss for weights and architecture."""

from __future__ import annotations

from functools import partial

from engine.architecture.discretization import with_none
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.gumbel_softmax import GumbelSoftmax
from engine.core.schedules import cosine
from engine.data.images import everything, halves
from engine.method import Context
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.updates import FirstOrder, SingleLevelJoint
from runs.catalogue.methods.snas import SnasSettings


def build(context: Context[SnasSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    one = settings.levels == "one"
    return DifferentiableSearch(
        context,
        Components(
            split=everything if one else partial(halves, how=settings.split),
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale, mean=settings.arch_init_mean),
            relaxation=GumbelSoftmax(settings.temperature_start, settings.temperature_end),
            update=SingleLevelJoint() if one else FirstOrder(),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(cosine, settings.learning_rate, settings.learning_rate_min),
            stages=(Stage(settings.epochs),),
            discretizer=partial(with_none, edges=settings.derived_edges),
        ),
    )
