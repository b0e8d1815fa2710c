"""Learning rates of staged searches, in closed form: no checkpoint needs them, and no new optimiser loses them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.core.schedules import cosine, warm_up
from engine.search.stages import locate


def nominal(start: float, end: float, epoch: int, epochs: int, *, warm: int = 0) -> float:
    """Return one cosine over all stages, which the first ``warm`` epochs approach linearly.

    See docs/methods/drnas.md, "Learning rate".
    """
    return warm_up(start, epoch, warm, cosine(start, end, epoch, epochs))


def jumping(start: float, end: float, epoch: int, epochs: int, *, lengths: Sequence[int], warm: int = 0) -> float:
    """Return the rate of DrNAS's public code under torch 1.3: the first epoch of a later stage is at ``start``.

    See docs/methods/drnas.md, "The learning rate jumps at the stage switch".
    """
    stage, within = locate(lengths, epoch)
    return start if stage and not within else nominal(start, end, epoch, epochs, warm=warm)


def restarting(start: float, end: float, epoch: int, epochs: int, *, lengths: Sequence[int], warm: int = 0) -> float:
    """Return the rate of DrNAS's public code under a recent torch, whose cosine multiplies by ratios.

    See docs/methods/drnas.md, "The learning rate jumps at the stage switch".

    The new optimiser of a stage resets the rate to ``start``, as does the last epoch of the warm-up; from there

        end + (start - end) (1 + cos(pi e / E)) / (1 + cos(pi a / E)),   a the epoch of the reset.
    """
    if epoch < warm:
        return nominal(start, end, epoch, epochs, warm=warm)
    stage, within = locate(lengths, epoch)
    anchor = epoch - within if stage else max(0, warm - 1)
    return end + (start - end) * (1 + math.cos(math.pi * epoch / epochs)) / (1 + math.cos(math.pi * anchor / epochs))


def shifted(start: float, end: float, epoch: int, epochs: int) -> float:
    """Return the rate of public code that advances a cosine before an epoch instead of after it.

    See docs/methods/ista.md, "The schedule is shifted by one epoch".

    The first rate is skipped, and the last epoch is at ``end``.
    """
    return cosine(start, end, epoch + 1, epochs)


def in_each_stage(start: float, end: float, epoch: int, epochs: int, *, lengths: Sequence[int]) -> float:
    """Return a cosine that restarts in every stage (P-DARTS).

    See docs/methods/baselines.md, "P-DARTS training and figures".
    """
    stage, within = locate(lengths, epoch)
    return cosine(start, end, within, lengths[stage])
