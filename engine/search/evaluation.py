"""How well a supernet classifies held-out images."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn import functional

from engine.core.metrics import RunningMetrics
from engine.search import snapshots
from engine.search.batches import EvaluationUnit
from engine.search.context import SearchContext
from engine.search.metrics import SearchMetrics
from engine.search.step import EpochContext
from engine.spaces.space import MixingWeights, SearchSpace
from runs.genotypes.genotype import Genotype


class EpochEvaluation:
    """Measures a supernet, batch by batch, with up to three kinds of mixing weights.

    Args:
        context: of the search.
        space: of the genotype.
        metrics: of the epoch.
        sampled: whether to measure sampled mixing weights too.
        derived: whether to measure only the genotype's operations too.
    """

    def __init__(
        self, context: SearchContext, space: SearchSpace, metrics: SearchMetrics, *, sampled: bool, derived: bool
    ) -> None:
        self._context, self._space, self._metrics = context, space, metrics
        self._sampled, self._derived = sampled, derived

    @torch.no_grad()
    def evaluate(self, unit: EvaluationUnit, genotype: Callable[[], Genotype]) -> None:
        """Add the batches of a unit to the metrics.

        Args:
            unit: of held-out images.
            genotype: returns the one that the search would return now.
        """
        context, supernet = self._context, self._context.state.supernet
        supernet.eval()
        mixing = context.evaluation_weights()
        self._add(self._metrics.search, unit, mixing)
        if self._sampled:
            # Each batch has its own sample. Every process draws all of them, so that the generators stay equal.
            samples = [context.sample() for _ in range(unit.batches)]
            self._add(self._metrics.sampled, unit, samples[min(unit.place, unit.batches - 1)])
        if self._derived:
            cell = snapshots.derived(self._space, genotype(), mixing, supernet.candidates)
            if cell is not None:
                self._add(self._metrics.derived, unit, cell)

    def _add(self, metrics: RunningMetrics, unit: EvaluationUnit, mixing: MixingWeights) -> None:
        results = []
        if unit.batch is not None:
            images, labels = unit.batch
            scores = self._context.scores(images, mixing)
            results.append((functional.cross_entropy(scores, labels), scores, labels))
        metrics.accumulate(*results)


class Accuracy(NamedTuple):
    """The accuracy on a set of images.

    Attributes:
        percent: of the images, classified correctly.
        images: the number of images evaluated.
    """

    percent: float
    images: int


@torch.no_grad()
def accuracy(context: EpochContext, mixing: MixingWeights, limit: int | None = None) -> Accuracy:
    """Return the supernet's accuracy on the images of the search accuracy; leaves it in evaluation mode.

    Args:
        context: between two epochs.
        mixing: the mixing weights.
        limit: the maximum number of batches; None for all.
    """
    state = context.state
    state.supernet.eval()
    right, images = torch.zeros((), dtype=torch.int64, device=next(state.architecture.buffers()).device), 0
    for batch in context.evaluation_batches(limit):
        right += (context.scores(batch.images, mixing).argmax(1) == batch.labels).sum()
        images += len(batch.labels)
    right, images = context.total(torch.stack([right, right.new_tensor(images)])).tolist()
    return Accuracy(100 * right / images, images)
