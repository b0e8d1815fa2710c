"""DrNAS, the plain script: a Dirichlet sample mixes the operations, first-order updates, one stage."""

from __future__ import annotations

from functools import partial

from engine.data.images import halves
from engine.method import Context
from engine.relaxations.dirichlet import DirichletRelaxation
from engine.schedules import cosine
from engine.search.architecture import Architecture
from engine.search.derivers import largest_alpha
from engine.search.differentiable import DifferentiableSearch, Strategies
from engine.search.regularisers import KlToFlat, WeightDecay
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.methods.drnas import DrNasSettings


def build(context: Context) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    assert isinstance(settings, DrNasSettings)
    pull = {"l2": WeightDecay, "kl": KlToFlat}[settings.regulariser]
    return DifferentiableSearch(
        context,
        Strategies(
            split=partial(halves, how=settings.split),
            variables=partial(Architecture, scale=settings.arch_init_scale),
            relaxation=DirichletRelaxation(),
            update=FirstOrder(clip_architecture=settings.clip_scope == "all"),
            regulariser=pull(settings.regulariser_scale),
            learning_rate=partial(cosine, settings.learning_rate, settings.learning_rate_min),
            stages=(Stage(settings.epochs, settings.arch_frozen_epochs),),
            deriver=largest_alpha,
        ),
    )
