"""sharpDARTS: first-order DARTS with different mixing weights and a different learning rate."""

from __future__ import annotations

from functools import partial

from engine.architecture.discretization import largest_probability
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.max_w import MaxW
from engine.architecture.relaxations.softmax import Softmax
from engine.core.schedules import power_cosine
from engine.data.images import halves
from engine.method import Context
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.methods.sharpdarts import SharpDartsSettings


def build(context: Context[SharpDartsSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    weightings = {"softmax": Softmax, "max_w": MaxW}
    return DifferentiableSearch(
        context,
        Components(
            split=partial(halves, how=settings.split),
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale),
            relaxation=weightings[settings.weighting](),
            update=FirstOrder(),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(
                power_cosine,
                settings.learning_rate,
                settings.learning_rate_min,
                power=settings.rate_power,
                warm=settings.warm_up_epochs,
            ),
            stages=(Stage(settings.epochs),),
            discretizer=largest_probability,
        ),
    )
