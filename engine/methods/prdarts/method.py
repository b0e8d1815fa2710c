"""PR-DARTS: DARTS of first order in stages that prune the operations of every edge and refill them by morphing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.softmax import Softmax
from engine.core.batch_growth import Growth
from engine.data.images import halves
from engine.method import Context
from engine.methods.prdarts.pool_transitions import OperationPools
from engine.search import learning_rates, skip_dropout
from engine.search.loop import DifferentiableSearch, Strategies
from engine.search.stages import Stage
from engine.search.updates import AdaptiveBatch, FirstOrder, Update
from runs.catalogue.methods.prdarts import PrDartsSettings
from runs.catalogue.spaces.darts import DartsSettings

# Steps from one look at the memory to the next (prdarts.md 9).
GROWTH_STEPS = 5


def build(context: Context) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    assert isinstance(settings, PrDartsSettings)
    update: Update = FirstOrder()
    growth = growth_of(context, settings)
    if growth is not None:
        update = AdaptiveBatch(update, growth, settings.memory_limit)
    pools = OperationPools(context, settings, growth, faithful=settings.mode == "faithful")
    plan = settings.plan
    return DifferentiableSearch(
        context,
        Strategies(
            split=partial(halves, how=settings.split),
            variables=partial(ArchitectureParameters, scale=settings.arch_init_scale),
            relaxation=Softmax(),
            update=update,
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(
                learning_rates.in_each_stage,
                settings.learning_rate,
                settings.learning_rate_min,
                lengths=[stage.epochs for stage in plan],
            ),
            stages=tuple(stages(settings, pools)),
            deriver=pools.derive,
            settle=partial(skip_dropout.settle, [stage.skip_dropout for stage in plan]),
            candidates=pools.candidates,
            memory=pools,
        ),
    )


def stages(settings: PrDartsSettings, pools: OperationPools) -> Iterator[Stage]:
    """Yield the plan: at the end of each stage but the last, prune, refill and inherit (prdarts.md 8)."""
    assert isinstance(settings, DartsSettings)
    for stage in settings.plan:
        yield Stage(
            stage.epochs,
            stage.frozen_epochs,
            title=f"{stage.pool} operations an edge; then {stage.keep}" + f", {stage.morphs} new" * (stage.morphs > 0),
            network={
                "layers": settings.layers + stage.added_layers,
                "channels": settings.channels + stage.added_channels,
            },
            leave=None if stage.last else pools.leave,
            evaluated_epochs=settings.evaluated_epochs,
        )


def growth_of(context: Context, settings: PrDartsSettings) -> Growth | None:
    """Return how the batch grows; on a CPU, whose memory is everybody's, only up to a limit that was given."""
    bounded = context.runtime.device.type == "cuda" or settings.memory_limit
    if settings.batch_size_max <= settings.batch_size or not bounded:
        return None
    return Growth(settings.batch_size, settings.batch_size_max, settings.batch_multiple, GROWTH_STEPS)
