"""What ISTA-NAS does between epochs: recover the sparse vector that each code stands for.

See docs/methods/ista.md, "Recovery" and "Two-stage search".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.methods.ista.codes import Codes, slots
from engine.methods.ista.sparse_code import NodeVector, SparseCode
from engine.methods.ista.sparse_coding import Array, supports
from engine.methods.ista.sparse_coding.measurement import matrices
from engine.methods.ista.sparse_coding.recovery import Recovery, recover, unexplained
from engine.methods.ista.sparse_coding.supports import Live
from engine.search.step import EpochContext, EpochEnd, EpochPosition, SearchState
from runs.catalogue import Space
from runs.catalogue.sparse_codes import SparseCodeSettings
from runs.errors import NastuiError
from runs.genotypes import derive
from runs.genotypes.cell_networks import NORMAL, REDUCE
from runs.genotypes.darts import INPUTS
from runs.genotypes.genotype import Genotype
from runs.log.events import Event, Warned

# Below these values a viewer should be warned: the second and third largest |x| nearly tie, or a selected operation has
# almost no effect.
CLEAR_MARGIN, DEAD_SHARE = 1e-3, 0.05


class RecoveryCallback:
    """Recovers all codes before the first epoch and at the end of each epoch of a two-stage search.

    See :class:`engine.search.step.EpochCallback`.

    Args:
        settings: how to measure and to recover.
        space: a space of DARTS-like cells.
        columns: the candidates of every edge.
        relaxation: receives the operations that run.
        seed: of the measurement matrices, which have their own generator.
        emit: emits warnings.

    Attributes:
        slots: the kind of cell and the node of each code.
        matrices: the measurement matrix of each slot.
    """

    def __init__(
        self,
        settings: SparseCodeSettings,
        space: Space,
        columns: Sequence[int],
        relaxation: SparseCode,
        seed: int,
        emit: Callable[[Event], None],
    ) -> None:
        self.slots = slots(space)
        drawn = matrices(
            seed,
            settings.measurement,
            operations=len(columns),
            nodes=len(self.slots) // len(space.cells),
            rows=settings.code_length,
        )
        self.matrices = [drawn[kind][node] for kind, node in self.slots]
        self._settings = settings
        self._names = [space.operations[column] for column in columns]
        self._relaxation = relaxation
        self._seed = seed
        self._emit = emit
        self._troubles: list[str] = []

    # Called by the search loop --------------------------------------------------------------------------------------

    def on_start(self, context: EpochContext) -> None:
        """Recover from the initial codes.

        Raises:
            NastuiError: a code has no live set, and there is no earlier one to fall back on.
        """
        codes = Codes.of(context.state.architecture)
        recoveries = self._recover(context, codes)
        found = self._with_live_set(recoveries)
        for (kind, node), recovery, x in zip(self.slots, recoveries, found, strict=True):
            if x is None:
                assert recovery is not None
                raise NastuiError(
                    f"The initial code of node {node + INPUTS} of the {kind} cell stands for no two operations: "
                    + ("; ".join(recovery.failures) or f"{recovery.nonzeros} entries of x are not zero")
                    + ".",
                    "Lower gamma, or raise arch_init_scale.",
                )
        self._use(codes, [x for x in found if x is not None])

    def on_epoch_start(self, state: SearchState, position: EpochPosition) -> None:
        """Do nothing: recovery does not depend on the epoch."""

    def on_epoch_end(self, context: EpochContext) -> EpochEnd:
        """Recover the codes; report the live sets that were trained and those that come next."""
        codes = Codes.of(context.state.architecture)
        records = self._trained(codes)
        recoveries = self._recover(context, codes)
        self._take(codes, recoveries, records)
        return EpochEnd(self._extras(codes, records))

    def state_dict(self) -> dict[str, Any]:
        """Return the vectors; the live sets follow from them, and the matrices from their seed."""
        return {
            "seed": self._seed,
            "x": [vector.x.tolist() for vector in self._relaxation.sparse],
            "troubles": list(self._troubles),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        if state["seed"] != self._seed:
            raise ValueError(f"the codes were measured with seed {state['seed']}, not {self._seed}")
        self._troubles = list(state["troubles"])
        self._relaxation.use(self._vectors([np.array(x) for x in state["x"]]))

    def genotype(self) -> Genotype:
        """Return the cells of the live sets."""
        return self.genotype_of([vector.live for vector in self._relaxation.sparse])

    def genotype_of(self, live_sets: Sequence[Live]) -> Genotype:
        """Return the cells of these live sets, one for each slot."""
        cells: dict[str, list[Live]] = {kind: [] for kind, _ in self.slots}
        for (kind, _), live in zip(self.slots, live_sets, strict=True):
            cells[kind].append(live)
        return supports.genotype(cells, self._names)

    # Recovery -------------------------------------------------------------------------------------------------------

    def _recover(
        self, context: EpochContext, codes: Codes, skipped: Sequence[bool] | None = None
    ) -> list[Recovery | None]:
        """Return what the codes stand for; None for skipped nodes.

        Rank 0 decides for all processes: the solver of another machine may round a near tie to another live set.
        """
        arrays, settings = self._arrays(codes), self._settings
        return context.agreed(
            lambda: [
                None if skip else recover(matrix, code, settings.gamma, first=settings.solver)
                for matrix, code, skip in zip(self.matrices, arrays, skipped or [False] * len(self.slots), strict=True)
            ]
        )

    def _with_live_set(self, recoveries: Sequence[Recovery | None]) -> list[Array | None]:
        """Return the vectors that select two operations; None where recovery failed or left fewer."""
        return [
            None if recovery is None or recovery.x is None or self._live(recovery.x) is None else recovery.x
            for recovery in recoveries
        ]

    def _take(self, codes: Codes, recoveries: Sequence[Recovery | None], records: list[dict[str, Any]]) -> None:
        """Use the recovered vectors from now on; a slot without one keeps its previous vector."""
        found = self._with_live_set(recoveries)
        for record, recovery in zip(records, recoveries, strict=True):
            record.update(self._recovered(recovery))
        old = [vector.x for vector in self._relaxation.sparse]
        self._use(codes, [before if now is None else now for before, now in zip(old, found, strict=True)])

    def _use(self, codes: Codes, vectors: Sequence[Array]) -> None:
        self._relaxation.use(self._vectors(vectors))
        for kind, active in self._relaxation.active.items():
            codes.show_alive(kind, active)

    def _vectors(self, vectors: Sequence[Array]) -> list[NodeVector]:
        found = []
        for matrix, x in zip(self.matrices, vectors, strict=True):
            live = self._live(x)
            assert live is not None
            found.append(NodeVector(matrix, x, live))
        return found

    def _live(self, x: Array) -> Live | None:
        return supports.live(x, operations=len(self._names) if self._settings.distinct_predecessors else None)

    @staticmethod
    def _arrays(codes: Codes) -> list[Array]:
        return [np.array(row) for row in codes.stacked_codes().tolist()]

    # Reports --------------------------------------------------------------------------------------------------------

    def _trained(self, codes: Codes) -> list[dict[str, Any]]:
        """Return what the epoch trained in each slot: the live set, its multipliers and the code."""
        alphas = self._relaxation.alphas(codes).tolist()
        return [
            {
                "trained": self._pairs(vector.live),
                "alpha": alpha,
                "code_norm": float(np.linalg.norm(code)),
                "code_max": float(np.abs(code).max()),
            }
            for vector, alpha, code in zip(self._relaxation.sparse, alphas, self._arrays(codes), strict=True)
        ]

    @staticmethod
    def _recovered(recovery: Recovery | None) -> dict[str, Any]:
        if recovery is None:
            return {}
        return {
            "nonzeros": recovery.nonzeros,
            "unexplained": recovery.unexplained,
            "violation": recovery.violation,
            "solver": recovery.solver,
            "seconds": recovery.seconds,
            "failures": list(recovery.failures),
            "recovered": recovery.x is not None,
        }

    def _extras(self, codes: Codes, records: list[dict[str, Any]]) -> dict[str, Any]:
        """Return ``codes`` (one record per node, by kind of cell) and overall figures; warn of new problems."""
        for record, code, sparse in zip(records, self._arrays(codes), self._relaxation.sparse, strict=True):
            cut = supports.truncated(sparse.x, sparse.live)
            record["live"] = self._pairs(sparse.live)
            record["margin"] = supports.margin(sparse.x)
            record["unexplained_by_live"] = unexplained(sparse.matrix, code, cut)
        by_kind: dict[str, list[dict[str, Any]]] = {NORMAL: [], REDUCE: []}
        for (kind, _), record in zip(self.slots, records, strict=True):
            by_kind[kind].append(record)
        located = list(zip(records, self.slots, strict=True))
        alerts = [alert for record, slot in located for alert in _alerts(record, *slot)]
        troubles = [trouble for record, slot in located for trouble in _troubles(record, *slot)]
        for trouble in troubles:
            if trouble not in self._troubles:
                self._emit(Warned("recovery", trouble))
        self._troubles = troubles
        return {
            "codes": by_kind,
            "support_changes": sum(sorted(record["trained"]) != sorted(record["live"]) for record in records),
            "recovery_seconds": sum(record.get("seconds", 0.0) for record in records),
            "alerts": alerts,
        }

    def _pairs(self, live: Live) -> list[list[Any]]:
        """Return a live set as [source, operation] pairs, the largest entry first."""
        return [[source, name] for name, source in reversed(derive.live_pairs(live, self._names))]


def _troubles(record: dict[str, Any], kind: str, node: int) -> list[str]:
    """Return what went wrong with the recovery of a slot. Nodes are numbered as in genotypes, inputs first."""
    where, why = f"Node {node + INPUTS} of the {kind} cell", "; ".join(record.get("failures", []))
    if record.get("recovered") is False:
        return [f"{where} keeps its operations: its code could not be recovered ({why})."]
    if record.get("nonzeros", len(record["live"])) < len(record["live"]):
        return [f"{where} keeps its operations: its code stands for fewer than two."]
    return [f"{where} was recovered by the second solver ({why})."] if why else []


def _alerts(record: dict[str, Any], kind: str, node: int) -> list[str]:
    """Return what a viewer should look at, although nothing is wrong.

    See docs/methods/ista.md, "What to watch".
    """
    where, found = f"Node {node + INPUTS} of the {kind} cell", []
    if record["margin"] < CLEAR_MARGIN:
        found.append(f"{where}: the choice of its second operation is nearly a tie.")
    weak, strong = sorted(map(abs, record["alpha"]))
    if weak < DEAD_SHARE * strong:
        name = min(zip(map(abs, record["alpha"]), record["trained"], strict=True))[1][1]
        found.append(f"{where}: {name} is selected, but its multiplier is below {DEAD_SHARE:.0%} of its partner's.")
    first, second = (source for source, _ in record["live"])
    if first == second:
        found.append(f"{where} takes both operations from the same input.")
    return found
