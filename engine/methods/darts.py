"""DARTS: a softmax mixes the operations, with first- or second-order updates."""

from __future__ import annotations

from functools import partial

from engine.architecture.discretization import largest_probability
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.softmax import Softmax
from engine.core.schedules import cosine
from engine.data.images import halves
from engine.method import Context
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.step import Update
from engine.search.updates import FirstOrder, Unrolled
from runs.catalogue.methods.darts import DartsMethodSettings


def build(context: Context[DartsMethodSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    updates: dict[str, Update] = {"first": FirstOrder(weights_first=settings.weights_first), "second": Unrolled()}
    return DifferentiableSearch(
        context,
        Components(
            split=partial(halves, how=settings.split),
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale),
            relaxation=Softmax(),
            update=updates[settings.order],
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(cosine, settings.learning_rate, settings.learning_rate_min),
            stages=(Stage(settings.epochs),),
            discretizer=largest_probability,
        ),
    )
