"""Dropout behind identity skips, which holds them back while a stage begins (P-DARTS, baselines.md 7.3; PR-DARTS)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.spaces.darts.supernet import DartsSupernet

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


def settle(rates: Sequence[float], search: DifferentiableSearch) -> None:
    """Set the dropout for the epoch that begins; ``rates`` are those that the stages begin with."""
    assert isinstance(search.supernet, DartsSupernet)
    stage = search.strategies.stages[search.stage]
    search.supernet.skip_dropout = skip_dropout(
        rates[search.stage], search.epoch_of_stage, stage.epochs, stage.frozen_epochs
    )


def skip_dropout(start: float, epoch: int, epochs: int, frozen: int) -> float:
    """Return the rate: start (E - e - 1) / E while alpha is frozen, then start exp(-0.2 (e - frozen))."""
    if epoch < frozen:
        return start * (epochs - epoch - 1) / epochs
    return start * math.exp(-0.2 * (epoch - frozen))
