"""NASP: a binary point runs, and alpha moves within its box along the gradients at that point."""

from __future__ import annotations

from functools import partial

from engine.architecture.discretization import largest_alpha
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.proximal import Proximal, into_box
from engine.core.schedules import cosine
from engine.data.images import halves
from engine.method import Context
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.methods.nasp import NaspSettings


def build(context: Context[NaspSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    return DifferentiableSearch(
        context,
        Components(
            split=partial(halves, how=settings.split),
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale, mean=settings.arch_init_mean),
            relaxation=Proximal(),
            update=FirstOrder(project=into_box),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(cosine, settings.learning_rate, settings.learning_rate_min),
            stages=(Stage(settings.epochs),),
            discretizer=largest_alpha,
        ),
    )
