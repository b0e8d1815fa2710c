"""DrNAS: Dirichlet samples mix the operations; first-order updates; one stage, or stages that prune and widen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import torch

from engine.architecture.discretization import largest_probability
from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import KlToFlat, WeightDecay
from engine.architecture.relaxations.dirichlet import DirichletRelaxation
from engine.method import Context
from engine.search import learning_rates
from engine.search.components import Components, LearningRate
from engine.search.loop import DifferentiableSearch
from engine.search.pruning import PruneAndWiden
from engine.search.splits import split
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from engine.spaces.space import Candidates, SearchSpace, all_candidates
from runs.catalogue import Space
from runs.catalogue.methods.drnas import DrNasSettings
from runs.genotypes import derive
from runs.genotypes.genotype import Genotype


def build(context: Context[DrNasSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    pull = {"l2": WeightDecay, "kl": KlToFlat}[settings.regulariser]
    return DifferentiableSearch(
        context,
        Components(
            split=partial(split, how=settings.split, shares=(settings.weight_share, settings.arch_share)),
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale),
            relaxation=DirichletRelaxation(),
            update=FirstOrder(clip_architecture=settings.clip_scope == "all"),
            regulariser=pull(settings.regulariser_scale),
            learning_rate=learning_rate(settings),
            stages=tuple(stages(settings, context.space, context.runtime.generator("widening"))),
            discretizer={"softmax": largest_probability, "mean": largest_mean}[settings.edge_ranking],
            initial_candidates=partial(searched, settings),
        ),
    )


def searched(settings: DrNasSettings, space: Space) -> Candidates:
    """Return the operations of the first stage."""
    columns = settings.candidates(space.operations)
    return {
        kind: tuple(tuple(op for op in edge if op in columns) for edge in edges)
        for kind, edges in all_candidates(space).items()
    }


def stages(settings: DrNasSettings, space: SearchSpace, generator: torch.Generator) -> Iterator[Stage]:
    """Yield the stages: all but the last end by pruning to the operations of the next and widening the supernet.

    See docs/methods/drnas.md, "Progressive search".

    Args:
        settings: those of the method.
        space: widens the weights.
        generator: draws which channels are duplicated.
    """
    operations, partials = settings.operations_of_stages, settings.partial_of_stages
    keeps = itertools.zip_longest(operations, operations[1:])
    for epochs, k, (count, keep) in zip(settings.epochs_of_stages, partials, keeps, strict=True):
        yield Stage(
            epochs,
            settings.arch_frozen_epochs,
            title=f"{count or 'all'} operations, 1/{k} of the channels" if len(partials) > 1 else "search",
            network={"partial": k},
            transition=None if keep is None else PruneAndWiden(keep, space, generator),
        )


def learning_rate(settings: DrNasSettings) -> LearningRate:
    """Return the learning rate of the weights: the nominal schedule, or the one that the public code ran.

    See docs/methods/drnas.md, "The learning rate jumps at the stage switch".
    """
    rules: dict[str, Callable[..., float]] = {
        "nominal": learning_rates.nominal,
        "torch-1.3": partial(learning_rates.jumping, lengths=settings.epochs_of_stages),
        "torch-recent": partial(learning_rates.restarting, lengths=settings.epochs_of_stages),
    }
    chosen = rules[settings.rate_at_switch]
    return partial(chosen, settings.learning_rate, settings.learning_rate_min, warm=settings.warm_up_epochs)


def largest_mean(space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> Genotype:
    """Return the genotype derived from the mean of the Dirichlet distribution, as the paper describes it.

    See docs/methods/drnas.md, "Deriving the architecture".
    """
    means = {
        kind: derive.dirichlet_mean(alpha.tolist(), candidates[kind]) for kind, alpha, _ in architecture.matrices()
    }
    return space.derive(means, candidates)
