"""Both proxies of a genotype: for any cell of a space, not only those that a search visits."""

from __future__ import annotations

from engine.spaces.candidates import Candidates
from engine.zero_cost.proxies.scorer import Score, Scorer
from runs.catalogue import Space
from runs.genotypes.genotype import NONE, Genotype


def score_genotype(scorer: Scorer, genotype: Genotype, repeats: int) -> list[Score]:
    """Return the scores of a genotype with the draws (0, 0), (0, 1), ... (0, ``repeats`` - 1).

    Raises:
        UsageError: the genotype does not belong to the scorer's space.
    """
    live = live_operations(genotype, scorer.space)
    return [scorer.measure(scorer.draw(0, repeat), live) for repeat in range(repeats)]


def live_operations(genotype: Genotype, space: Space) -> Candidates:
    """Return the column that a genotype keeps on each edge. ``none`` and edges that it leaves out keep nothing.

    Raises:
        UsageError: the genotype does not belong to the space, or has other nodes, edges or operations than its
            supernet.
    """
    empty = (space.operations.index(NONE) if NONE in space.operations else -1, -1)
    return {
        kind: tuple(() if column in empty else (column,) for column in columns)
        for kind, columns in space.topology.columns(genotype).items()
    }
