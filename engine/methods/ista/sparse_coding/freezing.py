"""One-stage ISTA-NAS: which nodes freeze, and whether an epoch's new cells are accepted.

See docs/methods/ista.md, "Search phase", steps 5 to 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.methods.ista.sparse_coding import Array

THRESHOLD, PARAMETERS = 1e-3, 3_700_000


@dataclass(frozen=True, eq=False)
class Nodes:
    """The state of a one-stage search, one entry for each node of either kind of cell, always in the same order.

    Attributes:
        x: the vectors last accepted, which the network trains; every one has a live set.
        frozen: whether the node's code has stopped training for good.
        still: recoveries in a row that ended within the threshold.
        fits: whether the genotype of ``x`` is within the limit of parameters. False only before the first acceptance.
        rejections: epochs in a row whose cells were too large.
    """

    x: tuple[Array, ...]
    frozen: tuple[bool, ...]
    still: tuple[int, ...]
    fits: bool
    rejections: int = 0

    @property
    def all_frozen(self) -> bool:
        """Whether the search is over once an epoch has been trained like this."""
        return all(self.frozen)


@dataclass(frozen=True, eq=False)
class Step:
    """What an epoch's recoveries led to.

    Attributes:
        nodes: how the next epoch begins.
        distances: |x_new - x_last|_2 of each node, 0 of frozen ones; None where nothing was recovered.
        accepted: whether the new vectors were accepted.
    """

    nodes: Nodes
    distances: tuple[float | None, ...]
    accepted: bool


def start(x: Sequence[Array], parameters: int, *, limit: int | None = PARAMETERS) -> Nodes:
    """Return the state before the first epoch.

    Args:
        x: what the initial codes stand for. The network is trained with it whatever its size: where ``fits`` comes out
            False, a cell too large is the result if nothing smaller is found
            (docs/methods/ista.md, "Rejected candidates").
        parameters: of the discrete network of its genotype.
        limit: the least number of parameters that is too large; None for no limit.
    """
    count = len(x)
    return Nodes(tuple(x), (False,) * count, (0,) * count, _fits(parameters, limit))


def candidate(nodes: Nodes, recovered: Sequence[Array | None]) -> tuple[Array, ...]:
    """Return the vectors that an epoch proposes: those recovered, and the old ones of nodes that keep theirs.

    Args:
        nodes: how the epoch began.
        recovered: a vector with a live set for each node; None where recovery failed or left fewer non-zeros than a
            node needs. Entries of frozen nodes are not read.
    """
    return tuple(
        old if frozen or new is None else new for old, new, frozen in zip(nodes.x, recovered, nodes.frozen, strict=True)
    )


def step(
    nodes: Nodes,
    recovered: Sequence[Array | None],
    parameters: int,
    *,
    threshold: float = THRESHOLD,
    limit: int | None = PARAMETERS,
    patience: int = 1,
) -> Step:
    """Decide after an epoch.

    Args:
        nodes: how the epoch began.
        recovered: as for :func:`candidate`. A node without one keeps its vector, and does not count as still.
        parameters: of the discrete network of the candidate's genotype.
        threshold: a distance of at most this is still.
        limit: as for :func:`start`. Candidates too large are not taken, but the flags of their distances stay.
        patience: recoveries in a row that must be still; 1 is the paper's rule.
    """
    proposed = candidate(nodes, recovered)
    distances = tuple(
        None if new is None and not frozen else float(np.linalg.norm(now - old))
        for now, old, new, frozen in zip(proposed, nodes.x, recovered, nodes.frozen, strict=True)
    )
    still = tuple(
        count + 1 if distance is not None and distance <= threshold else 0
        for count, distance in zip(nodes.still, distances, strict=True)
    )
    frozen = tuple(before or count >= patience for before, count in zip(nodes.frozen, still, strict=True))
    if _fits(parameters, limit):
        return Step(Nodes(proposed, frozen, still, fits=True), distances, accepted=True)
    after = replace(nodes, frozen=frozen, still=still, rejections=nodes.rejections + 1)
    return Step(after, distances, accepted=False)


def stop(nodes: Nodes) -> Nodes:
    """Freeze every node with the vector last accepted: what to do when epochs run out before it happens.

    See docs/methods/ista.md, "What happens when the epochs run out".

    The public code goes on with the cells of the epoch before, and leaves the batch norms of these nodes locked.
    """
    return replace(nodes, frozen=(True,) * len(nodes.frozen))


def _fits(parameters: int, limit: int | None) -> bool:
    return limit is None or parameters < limit
