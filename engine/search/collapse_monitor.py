"""How stable a search is: for how long its genotype has not changed, and whether it collapsed into skip connections.

This is the only definition of a collapse. Every epoch has the result in its extras, from which screens show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runs.catalogue import operation_kind
from runs.genotypes.genotype import Genotype
from runs.genotypes.kinds import OperationKind
from runs.log.indicators import COLLAPSED

# A search has collapsed when at least this share of the edges of a kind of cell are skip connections, in this many
# consecutive epochs that train the architecture. Such a cell may occur by chance now and then, but not repeatedly; the
# share in published cells is below a half.
COLLAPSED_SHARE = 0.5
COLLAPSED_EPOCHS = 3


class CollapseMonitor:
    """Observes the genotype of every epoch. Its state is part of the checkpoint."""

    def __init__(self) -> None:
        self._genotype: dict[str, Any] | None = None
        self._unchanged = self._collapsed = 0
        self._alarmed = False

    def observe(self, genotype: Genotype, trained: bool) -> dict[str, Any]:
        """Observe the genotype of an epoch.

        Args:
            genotype: the genotype after the epoch.
            trained: whether the epoch trained the architecture.

        Returns:
            For the extras of the epoch: ``epochs_unchanged``, whether the search has ``collapsed``, and by kind of cell
            the ``skip_share`` and the ``pool_share`` of its edges.
        """
        now = genotype.to_json()
        self._unchanged = self._unchanged + 1 if now == self._genotype else 0
        self._genotype = now
        skips, pools = (
            {kind: _share(genotype, kind, of) for kind in genotype.cells}
            for of in (OperationKind.SKIP, OperationKind.POOL)
        )
        if trained:
            self._collapsed = self._collapsed + 1 if max(skips.values()) >= COLLAPSED_SHARE else 0
        self._alarmed = trained and self._collapsed == COLLAPSED_EPOCHS
        return {
            "epochs_unchanged": self._unchanged,
            COLLAPSED: self._collapsed >= COLLAPSED_EPOCHS,
            "skip_share": skips,
            "pool_share": pools,
        }

    @property
    def alarm(self) -> str:
        """A warning when the epoch just observed completes a collapse; otherwise an empty string."""
        if not self._alarmed:
            return ""
        return (
            f"At least {COLLAPSED_SHARE:.0%} of a cell's edges have been skip connections for {COLLAPSED_EPOCHS} "
            "epochs: the search collapses. Fewer epochs or a stronger regulariser may help."
        )

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"genotype": self._genotype, "unchanged": self._unchanged, "collapsed": self._collapsed}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore :meth:`state`."""
        self._genotype, self._unchanged, self._collapsed = state["genotype"], state["unchanged"], state["collapsed"]


def _share(genotype: Genotype, kind: str, of: OperationKind) -> float:
    """Return the share of a cell's edges whose operations are of a kind."""
    edges = genotype.cells[kind].edges
    return sum(operation_kind(edge.operation, genotype.space) is of for edge in edges) / max(1, len(edges))
