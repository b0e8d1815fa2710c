"""Two-stage ISTA-NAS: codes and weights are trained in turn on the live operations; codes are recovered each epoch."""

from __future__ import annotations

from functools import partial

from engine.architecture.regularisation import WeightDecay
from engine.core import optimizers
from engine.core.schedules import cosine
from engine.data.images import halves
from engine.method import Context
from engine.methods.ista.codes import Codes
from engine.methods.ista.recovery_callback import RecoveryCallback
from engine.methods.ista.reference_adam import reference_adam
from engine.methods.ista.sparse_code import SparseCode
from engine.methods.ista.sparse_coding.recovery import require_solvers
from engine.search import learning_rates
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from engine.spaces.space import Candidates
from runs.catalogue import Space
from runs.catalogue.methods.ista import IstaSettings

OPTIMIZERS = {"torch": optimizers.adam, "reference": reference_adam}


def build(context: Context[IstaSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe.

    Raises:
        EnvironmentLacksError: a solver is not installed.
    """
    settings = context.settings
    require_solvers()
    space = context.space.entry
    relaxation = SparseCode(space, columns(space), context.runtime.device)
    recovery = RecoveryCallback(settings, space, columns(space), relaxation, context.config.seed, context.emit)
    rate = {"intended": cosine, "shifted": learning_rates.shifted}[settings.rate_schedule]
    return DifferentiableSearch(
        context,
        Components(
            split=partial(halves, how=settings.split),
            parameters=partial(Codes, scale=settings.arch_init_scale, length=settings.code_length),
            relaxation=relaxation,
            update=FirstOrder(clip_architecture=settings.clip_scope == "all"),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(rate, settings.learning_rate, settings.learning_rate_min),
            stages=(Stage(settings.epochs),),
            discretizer=lambda *_: recovery.genotype(),
            initial_candidates=candidates,
            callback=recovery,
            architecture_optimizer=OPTIMIZERS[settings.adam],
        ),
    )


def columns(space: Space) -> tuple[int, ...]:
    """Return the candidates of every edge: all operations except ``none``."""
    return tuple(op for op, name in enumerate(space.operations) if name != "none")


def candidates(space: Space) -> Candidates:
    """Return the same candidates for every edge."""
    return {kind: tuple(columns(space) for _ in space.edges) for kind in space.cells}
