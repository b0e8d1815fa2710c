"""GDAS: one sampled operation runs on each edge, and the weights step before alpha."""

from __future__ import annotations

from functools import partial

from engine.architecture.discretization import largest_probability
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.straight_through import StraightThrough
from engine.core.schedules import cosine
from engine.data.images import halves
from engine.method import Context
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.methods.gdas import GdasSettings


def build(context: Context[GdasSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    return DifferentiableSearch(
        context,
        Components(
            split=partial(halves, how=settings.split),
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale),
            relaxation=StraightThrough(settings.temperature_start, settings.temperature_end, reached=True),
            update=FirstOrder(weights_first=True),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(cosine, settings.learning_rate, settings.learning_rate_min),
            stages=(Stage(settings.epochs),),
            discretizer=largest_probability,
        ),
    )
