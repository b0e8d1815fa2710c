"""Searches that train shared weights on sampled architectures, without architecture parameters of their own."""

from __future__ import annotations

from functools import partial

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.black_box.path_sampling import PathSampling
from engine.core.schedules import cosine
from engine.data.images import halves
from engine.search.components import Components, LearningRate
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.shared_settings import SupernetSettings


def supernet_training(
    settings: SupernetSettings,
    sampling: PathSampling,
    epochs: int,
    title: str = "search",
    learning_rate: LearningRate | None = None,
) -> Components:
    """Return the components of a search that trains shared weights on one sampled architecture per step.

    Args:
        settings: of the weights.
        sampling: samples the architectures.
        epochs: of the training.
        title: of its stage.
        learning_rate: of the weights; None for one cosine over all epochs.
    """
    return Components(
        split=partial(halves, how=settings.split),
        # Only their shape is used.
        parameters=partial(ArchitectureParameters, scale=0.0),
        relaxation=sampling,
        update=FirstOrder(),
        regulariser=WeightDecay(0.0),
        learning_rate=learning_rate or partial(cosine, settings.learning_rate, settings.learning_rate_min),
        stages=(Stage(epochs, frozen_epochs=epochs, title=title),),
        discretizer=sampling.genotype,
        callback=sampling,
    )
