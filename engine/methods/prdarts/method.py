"""PR-DARTS: first-order DARTS in stages that prune the operations of every edge and refill them by morphing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.softmax import Softmax
from engine.core.batch_growth import BatchGrowth
from engine.data.images import halves
from engine.method import Context
from engine.methods.prdarts.pool_callback import OperationPoolCallback
from engine.methods.prdarts.pool_transitions import OperationPools
from engine.methods.prdarts.settings import Settings
from engine.search import learning_rates
from engine.search.adaptive_batch import AdaptiveBatch
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.skip_dropout import SkipDropout
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from runs.catalogue.methods.prdarts import PrDartsSettings

# Steps between two checks of the memory (docs/methods/prdarts.md, "The growing batch").
GROWTH_STEPS = 5


def build(context: Context[Settings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    growth = growth_of(context)
    pools = OperationPools(context, growth)
    plan, planned = settings.plan, tuple(stages(settings, pools))
    return DifferentiableSearch(
        context,
        Components(
            split=partial(halves, how=settings.split),
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale),
            relaxation=Softmax(),
            update=FirstOrder(),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(
                learning_rates.in_each_stage,
                settings.learning_rate,
                settings.learning_rate_min,
                lengths=[stage.epochs for stage in plan],
            ),
            stages=planned,
            discretizer=pools.discretize,
            initial_candidates=pools.candidates,
            callback=OperationPoolCallback(
                context, pools, growth, SkipDropout([stage.skip_dropout for stage in plan], planned)
            ),
            batch_policy=None
            if growth is None
            else AdaptiveBatch(growth, context.runtime, context.emit, settings.memory_limit, context.group),
        ),
    )


def stages(settings: Settings, pools: OperationPools) -> Iterator[Stage]:
    """Yield the stages: every stage but the last ends with pruning, refilling and weight inheritance.

    See docs/methods/prdarts.md, "Schedule and hyperparameters".
    """
    for stage in settings.plan:
        yield Stage(
            stage.epochs,
            stage.frozen_epochs,
            title=f"{stage.pool} operations an edge; then {stage.keep}" + f", {stage.morphs} new" * (stage.morphs > 0),
            network={
                "layers": settings.layers + stage.added_layers,
                "channels": settings.channels + stage.added_channels,
            },
            transition=None if stage.last else pools.transition,
            evaluated_epochs=settings.evaluated_epochs,
        )


def growth_of(context: Context[PrDartsSettings]) -> BatchGrowth | None:
    """Return how the batch grows, or None for a fixed size, as on a CPU without a limit, whose memory is shared."""
    settings = context.settings
    bounded = context.runtime.device.type == "cuda" or settings.memory_limit
    if settings.batch_size_max <= settings.batch_size or not bounded:
        return None
    return BatchGrowth(settings.batch_size, settings.batch_size_max, settings.batch_multiple, GROWTH_STEPS)
