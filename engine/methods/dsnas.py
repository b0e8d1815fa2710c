"""DSNAS: one sampled operation runs on each edge, and one batch updates both weights and probabilities."""

from __future__ import annotations

from functools import partial

from engine.architecture.discretization import largest_probability
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.categorical import Categorical
from engine.core.schedules import cosine
from engine.data.images import everything
from engine.method import Context
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.updates import SingleLevelJoint
from runs.catalogue.methods.dsnas import DsnasSettings


def build(context: Context[DsnasSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    return DifferentiableSearch(
        context,
        Components(
            split=everything,
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale, mean=settings.arch_init_mean),
            relaxation=Categorical(settings.freeze_margin),
            update=SingleLevelJoint(),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(cosine, settings.learning_rate, settings.learning_rate_min),
            stages=(Stage(settings.epochs),),
            discretizer=largest_probability,
        ),
    )
