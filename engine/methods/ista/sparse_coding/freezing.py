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
        x: the vectors last accepted, which the network trains; each has a live set.
        frozen: whether the node's code has stopped training for good.
        still: the number of consecutive recoveries whose distance was within the threshold.
        fits: whether the genotype of ``x`` is within the parameter limit. False only before the first acceptance.
        rejections: the number of consecutive epochs whose cells were too large.
    """

    x: tuple[Array, ...]
    frozen: tuple[bool, ...]
    still: tuple[int, ...]
    fits: bool
    rejections: int = 0

    @property
    def all_frozen(self) -> bool:
        """Whether the search is over once an epoch has been trained in this state."""
        return all(self.frozen)


@dataclass(frozen=True, eq=False)
class Step:
    """The outcome of an epoch's recoveries.

    Attributes:
        nodes: the state at the start of the next epoch.
        distances: |x_new - x_last|_2 of each node, 0 for frozen ones; None where nothing was recovered.
        accepted: whether the new vectors were accepted.
    """

    nodes: Nodes
    distances: tuple[float | None, ...]
    accepted: bool


def start(x: Sequence[Array], parameters: int, *, limit: int | None = PARAMETERS) -> Nodes:
    """Return the state before the first epoch.

    Args:
        x: the vectors that the initial codes stand for. The network is trained with them whatever its size: if ``fits``
            is False and nothing smaller is found, the result is a cell that is too large
            (docs/methods/ista.md, "Rejected candidates").
        parameters: of the discrete network of its genotype.
        limit: the smallest number of parameters that is too large; None for no limit.
    """
    count = len(x)
    return Nodes(tuple(x), (False,) * count, (0,) * count, _fits(parameters, limit))


def candidate(nodes: Nodes, recovered: Sequence[Array | None]) -> tuple[Array, ...]:
    """Return the vectors that an epoch proposes: the recovered ones, and the old ones of nodes that keep theirs.

    Args:
        nodes: the state at the start of the epoch.
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
    """Return the decisions made after an epoch.

    Args:
        nodes: the state at the start of the epoch.
        recovered: as for :func:`candidate`. A node without a vector keeps its old one, and does not count as still.
        parameters: of the discrete network of the candidate's genotype.
        threshold: the largest distance that counts as still.
        limit: as for :func:`start`. Candidates that are too large are rejected, but their distances still count for
            freezing.
        patience: the number of consecutive recoveries that must be still; 1 is the paper's rule.
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
    """Freeze every node with the vector last accepted, for a search whose epochs run out before all nodes are frozen.

    See docs/methods/ista.md, "What happens when the epochs run out".

    The public code continues with the cells of the previous epoch, and leaves the batch norms of these nodes locked.
    """
    return replace(nodes, frozen=(True,) * len(nodes.frozen))


def _fits(parameters: int, limit: int | None) -> bool:
    return limit is None or parameters < limit
