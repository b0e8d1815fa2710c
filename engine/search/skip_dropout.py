"""Dropout after skip connections, which weakens them at the start of a stage (P-DARTS, PR-DARTS).

See docs/methods/baselines.md, "Skip dropout".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engine.search.stages import Stage
from engine.search.step import EpochContext, EpochEnd, EpochPosition, SearchState
from engine.spaces.darts.supernet import darts_supernet


class SkipDropout:
    """Sets the dropout of each epoch; has no state. See :class:`engine.search.step.EpochCallback`.

    Args:
        rates: the initial rates of the stages.
        stages: of the search.
    """

    def __init__(self, rates: Sequence[float], stages: Sequence[Stage]) -> None:
        self._rates, self._stages = rates, stages

    def on_start(self, context: EpochContext) -> None:
        """Do nothing."""

    def on_epoch_start(self, state: SearchState, position: EpochPosition) -> None:
        """Set the dropout of the supernet."""
        stage = self._stages[position.stage]
        darts_supernet(state.supernet).skip_dropout = skip_dropout(
            self._rates[position.stage], position.epoch_of_stage, stage.epochs, stage.frozen_epochs
        )

    def on_epoch_end(self, context: EpochContext) -> EpochEnd:
        """Report nothing."""
        return EpochEnd()

    def state_dict(self) -> dict[str, Any]:
        """Return an empty state: the rate follows from the epoch."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Do nothing."""


def skip_dropout(start: float, epoch: int, epochs: int, frozen: int) -> float:
    """Return the rate: start (E - e - 1) / E while alpha is frozen, then start exp(-0.2 (e - frozen))."""
    if epoch < frozen:
        return start * (epochs - epoch - 1) / epochs
    return start * math.exp(-0.2 * (epoch - frozen))
