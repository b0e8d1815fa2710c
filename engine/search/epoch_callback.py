"""What a method carries from epoch to epoch beside weights and variables: sparse codes, a controller, a lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


class EpochCallback(Protocol):
    """A part of a search that has a state of its own; kept in checkpoints, so that a resumed search goes on alike."""

    def prepare(self, search: DifferentiableSearch) -> None:
        """Begin: called once on a fresh run, never on a resumed one."""

    def end_epoch(self, search: DifferentiableSearch) -> dict[str, Any]:
        """Do what ends an epoch, after its training and evaluation and before its report; return extras of that."""

    def state(self) -> dict[str, Any]:
        """Return everything that decides what comes next: tensors, numbers, text, lists and dictionaries."""

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
