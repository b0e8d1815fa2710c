"""The images of a search: which ones train each level, in which order, and on which each epoch is evaluated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from engine.data.batches import EVALUATION_BATCH, IndexStream
from engine.data.search_images import SearchImages, open_images
from engine.method import Context
from engine.search.components import Split
from engine.search.step import Batch, Level
from runs.catalogue.shared_settings import SupernetSettings


class EvaluationUnit(NamedTuple):
    """What a unit of work evaluates: one batch, or one for each process as far as there are any.

    Attributes:
        batch: of this process; None if there is none left for it.
        place: its number in the unit.
        batches: the number of batches.
    """

    batch: Batch | None
    place: int
    batches: int


class SearchBatches:
    """Takes indices from three streams and loads their images: for the weights, the architecture and the evaluation.

    Several processes take the same indices, and each loads its share of a training batch, or every n-th batch of an
    evaluation.

    Args:
        context: of the run.
        split: which images train which level.

    Attributes:
        images_seen: the number of images in training batches since the engine started.
    """

    def __init__(self, context: Context[SupernetSettings], split: Split) -> None:
        self._group = group = context.group
        runtime, size = context.runtime, context.settings.batch_size
        images = _open(context, "train")
        first, second = split(images.labels, runtime.generator("split"))
        self._weights = IndexStream(first, runtime.generator("weight batches"))
        self._architecture = IndexStream(second, runtime.generator("architecture batches"))
        self._load_weights = images.training(self._weights, size, group.share)
        self._load_architecture = images.training(self._architecture, size, group.share)
        evaluated = images if len(second) else _open(context, "test")
        self._evaluation = IndexStream(second if len(second) else torch.arange(len(evaluated.labels)), None)
        self._load_evaluation = evaluated.testing(self._evaluation, EVALUATION_BATCH * group.size, self._own_batch)
        self._shares: dict[Level, float] = {}
        self.images_seen = 0

    # Training: the host part ----------------------------------------------------------------------------------------

    def start_pass(self) -> None:
        """Begin a pass over the images of the weights, in a new order."""
        self._weights.start()

    def next_indices(self, size: int) -> Tensor:
        """Return the next indices of the pass, int64 [size], or fewer at its end."""
        return self._weights.next(size)

    def batches_left(self, size: int, *, started: bool) -> int:
        """Return the number of batches of this size left in the pass, or in a whole pass if it has not ``started``."""
        return math.ceil(len(self._weights.ahead if started else self._weights) / size)

    def ready(self, *, evaluating: bool) -> bool:
        """Return whether the images of the next batches are there, or can be made by this process, after a short wait.

        Args:
            evaluating: whether the next unit of work is one of an evaluation.
        """
        if evaluating:
            return self._load_evaluation.ready()
        return self._load_weights.ready() and self._load_architecture.ready()

    def prepare(self, levels: Sequence[Level], indices: Tensor) -> None:
        """Draw for the batches of a step, level by level, and send the numbers to the device.

        Args:
            levels: the levels whose batches the step takes.
            indices: of the weights' batch, int64 [N] on the CPU; the architecture's batch has the same size.
        """
        for level in levels:
            if level == "weights":
                taken = indices
                self._load_weights.prepare(taken)
                self.images_seen += len(taken)
            else:
                taken = self._take(len(indices))
                self._load_architecture.prepare(taken)
            self._shares[level] = len(self._group.share(taken)) / len(taken)

    def share(self, level: Level) -> float:
        """Return which part of the images of a level's prepared batch this process has, 0..1."""
        return self._shares[level]

    # Training: the device part --------------------------------------------------------------------------------------

    def weights(self) -> Batch:
        """Return the prepared batch of the weights."""
        return Batch(*self._load_weights.load())

    def architecture(self) -> Batch:
        """Return the prepared batch of the architecture."""
        return Batch(*self._load_architecture.load())

    # Between epochs -------------------------------------------------------------------------------------------------

    def held_out(self, size: int) -> Batch:
        """Return this process's share of the next augmented images of the architecture's part."""
        return Batch(*self._load_architecture(self._take(size)))

    @property
    def evaluations(self) -> int:
        """The number of units of work of an evaluation."""
        return math.ceil(len(self._evaluation) / (EVALUATION_BATCH * self._group.size))

    def start_evaluation(self) -> None:
        """Begin an evaluation."""
        self._evaluation.start()

    def next_evaluation(self) -> EvaluationUnit:
        """Return the next unit of the evaluation."""
        indices = self._evaluation.next(EVALUATION_BATCH * self._group.size)
        self._load_evaluation.prepare(indices)
        return EvaluationUnit(
            Batch(*self._load_evaluation.load()) if len(self._own_batch(indices)) else None,
            self._group.rank,
            math.ceil(len(indices) / EVALUATION_BATCH),
        )

    def evaluation(self, limit: int | None = None) -> Iterator[Batch]:
        """Yield this process's batches among all, or the first ``limit``, of an evaluation from its start."""
        self.start_evaluation()
        begun = 0
        for _ in range(self.evaluations):
            if limit is not None and begun >= limit:
                break
            unit = self.next_evaluation()
            if unit.batch is not None and (limit is None or begun + unit.place < limit):
                yield unit.batch
            begun += unit.batches

    def _own_batch(self, indices: Tensor) -> Tensor:
        """Return this process's part of the indices of an evaluation unit."""
        first = EVALUATION_BATCH * self._group.rank
        return indices[first : first + EVALUATION_BATCH]

    # Checkpoints ----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return the positions of all streams."""
        return {
            "weight_stream": self._weights.state(),
            "architecture_stream": self._architecture.state(),
            "evaluation_stream": self._evaluation.state(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore the result of :meth:`state`."""
        self._weights.load(state["weight_stream"])
        self._architecture.load(state["architecture_stream"])
        self._evaluation.load(state["evaluation_stream"])

    def _take(self, size: int) -> Tensor:
        indices = self._architecture.take(size)
        self.images_seen += len(indices)
        return indices


def _open(context: Context[SupernetSettings], part: str) -> SearchImages:
    return open_images(context.images, context.dataset, context.settings, context.runtime, part)
