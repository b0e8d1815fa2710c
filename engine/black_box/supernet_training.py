"""The strategies of searches that train the weights of drawn architectures, and have no variables of their own."""

from __future__ import annotations

from functools import partial

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.black_box.path_sampling import Sampling
from engine.core.schedules import cosine
from engine.data.images import halves
from engine.search.loop import Strategies
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.shared_settings import SupernetSettings


def strategies(settings: SupernetSettings, sampling: Sampling, epochs: int, title: str = "search") -> Strategies:
    """Return what trains shared weights for so many epochs, one drawn architecture a step."""
    return Strategies(
        split=partial(halves, how=settings.split),
        # Nothing reads them but for their shape.
        variables=partial(ArchitectureParameters, scale=0.0),
        relaxation=sampling,
        update=FirstOrder(),
        regulariser=WeightDecay(0.0),
        learning_rate=partial(cosine, settings.learning_rate, settings.learning_rate_min),
        stages=(Stage(epochs, frozen_epochs=epochs, title=title),),
        deriver=sampling.derive,
        memory=sampling,
    )
