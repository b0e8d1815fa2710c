"""NASP: a binary point runs, alpha moves in its box by the gradients at that point."""

from __future__ import annotations

from functools import partial

from engine.architecture.discretization import largest_alpha
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.proximal import Proximal, into_box
from engine.core.schedules import cosine
from engine.data.images import halves
from engine.method import Context
from engine.search.loop import DifferentiableSearch, Strategies
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.methods.nasp import NaspSettings


def build(context: Context) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    assert isinstance(settings, NaspSettings)
    return DifferentiableSearch(
        context,
        Strategies(
            split=partial(halves, how=settings.split),
            variables=partial(ArchitectureParameters, scale=settings.arch_init_scale, mean=settings.arch_init_mean),
            relaxation=Proximal(),
            update=FirstOrder(project=into_box),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(cosine, settings.learning_rate, settings.learning_rate_min),
            stages=(Stage(settings.epochs),),
            deriver=largest_alpha,
        ),
    )
