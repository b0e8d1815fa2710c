"""Both proxies of a genotype: of any cell of a space, not only of those that a search passes through."""

from __future__ import annotations

from engine.spaces.space import Candidates
from engine.zero_cost.proxies.scorer import Score, Scorer
from runs.catalogue import Space
from runs.errors import UsageError, closest
from runs.genotypes.genotype import Cell, Genotype

_NONE = "none"


def score_genotype(scorer: Scorer, genotype: Genotype, repeats: int) -> list[Score]:
    """Return the scores of a genotype with the draws (0, 0), (0, 1), ... (0, ``repeats`` - 1).

    Raises:
        UsageError: the genotype does not belong to the scorer's space.
    """
    live = live_operations(genotype, scorer.space)
    return [scorer.measure(scorer.draw(0, repeat), live) for repeat in range(repeats)]


def live_operations(genotype: Genotype, space: Space) -> Candidates:
    """Return the column that a genotype keeps on each edge; ``none`` and edges that it leaves out keep nothing.

    Raises:
        UsageError: the genotype is not of the space, or has other nodes, edges or operations than its supernet.
    """
    if genotype.space != space.name or set(genotype.cells) != set(space.cells):
        raise UsageError(f"The genotype belongs to the space '{genotype.space[:80]}', not to '{space.name}'.")
    return {kind: _live(kind, genotype.cells[kind], space) for kind in space.cells}


def _live(kind: str, cell: Cell, space: Space) -> tuple[tuple[int, ...], ...]:
    targets = sorted({target for _, target in space.edges})
    concatenated = targets if cell.inputs > 1 else targets[-1:]
    if sorted(cell.outputs) != concatenated:
        raise UsageError(
            f"Cell '{kind}' outputs nodes {', '.join(map(str, cell.outputs))}, but the scoring networks output "
            f"{', '.join(map(str, concatenated))}."
        )
    live: dict[tuple[int, int], tuple[int, ...]] = {}
    for edge in cell.edges:
        where = (edge.source, edge.target)
        if where not in space.edges or where in live:
            raise UsageError(
                f"Edge {edge.target}←{edge.source} of '{kind}' is {'doubled' if where in live else 'unknown'}."
            )
        if edge.operation not in space.operations:
            raise UsageError(
                f"'{edge.operation[:80]}' on edge {edge.target}←{edge.source} of cell '{kind}' is not among the "
                f"operations of '{space.name}'.",
                closest(edge.operation, space.operations),
            )
        live[where] = () if edge.operation == _NONE else (space.operations.index(edge.operation),)
    return tuple(live.get(edge, ()) for edge in space.edges)
