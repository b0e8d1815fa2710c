"""One-stage ISTA-NAS: codes and weights are trained together on the whole training set until the codes settle."""

from __future__ import annotations

from functools import partial

from engine.architecture.regularisation import WeightDecay
from engine.core.schedules import cosine
from engine.data.images import everything
from engine.method import Context
from engine.methods.ista.codes import Codes
from engine.methods.ista.freezing_callback import FreezingCallback
from engine.methods.ista.sparse_code import SparseCode
from engine.methods.ista.sparse_coding.recovery import require_solvers
from engine.methods.ista.two_stage import OPTIMIZERS, candidates, columns
from engine.search import learning_rates
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.updates import SingleLevel
from runs.catalogue.methods.ista_onestage import IstaOneStageSettings
from runs.catalogue.spaces.darts import DartsSettings
from runs.genotypes import darts
from runs.genotypes.costs import Shape
from runs.genotypes.genotype import Genotype


class Settings(IstaOneStageSettings, DartsSettings):
    """The hyperparameters of the method and of the one space that it supports, as in every run."""


def build(context: Context[Settings]) -> DifferentiableSearch:
    """Return the search that the settings describe.

    Raises:
        EnvironmentLacksError: a solver is not installed.
    """
    settings, space = context.settings, context.space.entry
    require_solvers()
    relaxation = SparseCode(space, columns(space), context.runtime.device)
    freezing = FreezingCallback(context, columns(space), relaxation, parameters=partial(parameters, context))
    network = {"affine": True, "norms": "all", "auxiliary": settings.auxiliary}
    return DifferentiableSearch(
        context,
        Components(
            split=everything,
            parameters=partial(Codes, scale=settings.arch_init_scale, length=settings.code_length),
            relaxation=relaxation,
            update=SingleLevel(settings.auxiliary_weight),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(rate, settings, freezing),
            stages=(
                Stage(settings.epochs, title="search", network=network),
                Stage(
                    settings.fixed_epochs,
                    frozen_epochs=settings.fixed_epochs,
                    title="training of the frozen network",
                    network=network,
                ),
            ),
            discretizer=lambda *_: freezing.genotype(),
            initial_candidates=candidates,
            callback=freezing,
            architecture_optimizer=OPTIMIZERS[settings.adam],
            result=freezing.result,
        ),
    )


def rate(settings: IstaOneStageSettings, freezing: FreezingCallback, epoch: int, epochs: int) -> float:
    """Return the initial rate during the search, then a cosine over the epochs of training."""
    if freezing.searched is None or epoch < freezing.searched:
        return settings.learning_rate
    schedule = {"intended": cosine, "shifted": learning_rates.shifted}[settings.rate_schedule]
    return schedule(
        settings.learning_rate, settings.learning_rate_min, epoch - freezing.searched, epochs - freezing.searched
    )


def parameters(context: Context[Settings], genotype: Genotype) -> int:
    """Return the parameter count of the genotype's network at the supernet's size, without the auxiliary classifier."""
    settings = context.settings
    shape = Shape(
        settings.channels,
        settings.layers,
        classes=context.dataset.classes or len(context.images.classes),
        stem=settings.stem,
        norms="all",
    )
    return darts.count(genotype, shape).parameters
