"""P-DARTS: first-order DARTS in stages that start from scratch, each deeper and with fewer operations.

See docs/methods/baselines.md, "P-DARTS".
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import WeightDecay
from engine.architecture.relaxations.softmax import Softmax
from engine.data.images import halves
from engine.method import Context
from engine.search import learning_rates
from engine.search.components import Components
from engine.search.loop import DifferentiableSearch
from engine.search.pruning import PruneAndRestart
from engine.search.skip_dropout import SkipDropout
from engine.search.stages import Stage
from engine.search.updates import FirstOrder
from engine.spaces.space import Candidates, SearchSpace
from runs.catalogue.methods.pdarts import MOST_SKIPS, PDartsSettings
from runs.catalogue.spaces.darts import DartsSettings
from runs.genotypes import darts, derive
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.genotype import Genotype


class Settings(PDartsSettings, DartsSettings):
    """The hyperparameters of the method and of the one space that it supports, as in every run."""


def build(context: Context[Settings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    lengths, planned = settings.epochs_of_stages, tuple(stages(settings))
    return DifferentiableSearch(
        context,
        Components(
            split=partial(halves, how=settings.split),
            parameters=partial(ArchitectureParameters, scale=settings.arch_init_scale),
            relaxation=Softmax(),
            update=FirstOrder(),
            regulariser=WeightDecay(settings.arch_weight_decay),
            learning_rate=partial(
                learning_rates.in_each_stage, settings.learning_rate, settings.learning_rate_min, lengths=lengths
            ),
            stages=planned,
            discretizer=partial(limited, settings.skip_limit),
            callback=SkipDropout(settings.dropout_of_stages, planned),
            variants=by_limit,
        ),
    )


def stages(settings: Settings) -> Iterator[Stage]:
    """Yield the stages: all but the last end by dropping the weakest operations; the next, deeper one starts anew."""
    operations, layers = settings.operations_of_stages, settings.layers
    keeps = itertools.zip_longest(operations, operations[1:])
    for epochs, added, (count, keep) in zip(settings.epochs_of_stages, settings.added_of_stages, keeps, strict=True):
        yield Stage(
            epochs,
            settings.arch_frozen_epochs,
            title=f"{layers + added} cells, {count or 'all'} operations",
            network={"layers": layers + added},
            transition=None if keep is None else PruneAndRestart(keep),
        )


def by_limit(space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> dict[str, Genotype]:
    """Return the genotype for every limit on skip connections, ``skips_0`` to ``skips_8``.

    See docs/methods/baselines.md, "Rule of the last stage".
    """
    return {f"skips_{most}": limited(most, space, architecture, candidates) for most in range(MOST_SKIPS + 1)}


def limited(skips: int, space: SearchSpace, architecture: ArchitectureParameters, candidates: Candidates) -> Genotype:
    """Return the genotype by the last stage's rule, with at most ``skips`` skip connections in the normal cell."""
    cells = {}
    for kind, alpha, _ in architecture.matrices():
        kept = candidates[kind]
        cells[kind] = derive.pdarts(
            [[row[op] for op in ops] for row, ops in zip(alpha.tolist(), kept, strict=True)],
            [[space.entry.operations[op] for op in ops] for ops in kept],
            skips=skips if kind == NORMAL else None,
        )
    return darts.genotype(cells[NORMAL], cells[REDUCE])
