"""Builds the initial state of a stage: a new supernet, new architecture parameters, and their optimisers."""

from __future__ import annotations

import torch

from engine.core import optimizers
from engine.method import Context
from engine.search.components import Components
from engine.search.stages import Stage
from engine.search.step import SearchState
from engine.spaces.space import Candidates
from runs.catalogue.shared_settings import DifferentiableSettings, SupernetSettings


def build_state(
    context: Context[SupernetSettings], components: Components, stage: Stage, candidates: Candidates, batch_size: int
) -> SearchState:
    """Return the state of a stage, with everything newly initialised.

    Args:
        context: of the run.
        components: of the method.
        stage: may override the size of the supernet.
        candidates: the operations of the supernet.
        batch_size: images in a batch.
    """
    runtime, settings, space = context.runtime, context.settings, context.space
    runtime.free_cache()
    supernet = space.supernet(candidates, stage.network)
    supernet.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
    architecture = components.parameters(space.entry, candidates, runtime.generator("architecture"))
    architecture.to(runtime.device)
    weight_optimizer = optimizers.sgd(
        supernet.parameters(),
        settings.learning_rate,
        device=runtime.device,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.nesterov,
    )
    # Architecture parameters that are not trained have no settings, and an optimiser that is never used.
    architecture_optimizer = (
        components.architecture_optimizer(
            architecture.parameters(),
            settings.arch_learning_rate,
            device=runtime.device,
            betas=(settings.arch_beta1, settings.arch_beta2),
            weight_decay=components.regulariser.weight_decay,
        )
        if isinstance(settings, DifferentiableSettings)
        else torch.optim.SGD(architecture.parameters())
    )
    return SearchState(supernet, architecture, weight_optimizer, architecture_optimizer, batch_size)
