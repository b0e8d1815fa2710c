"""Searches by queries that shared weights answer: a supernet is trained first, on architectures drawn evenly."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from engine.black_box.encoding import Cell, Codec, coding
from engine.black_box.evaluator import Answer
from engine.black_box.optimizer import Strategy
from engine.black_box.path_sampling import Even, Sampling
from engine.black_box.rng import Dice
from engine.black_box.search import QuerySearch
from engine.black_box.supernet_training import strategies
from engine.method import Context, EpochReport, Position
from engine.search.loop import DifferentiableSearch
from runs.catalogue.black_box import QuerySettings
from runs.genotypes.genotype import Genotype
from runs.log.events import Event, StageStarted

# While the weights train, the best of so few cells stands for the answer.
SAMPLES, IMAGES = 10, 256
ALL = 10**9


class SharedWeights:
    """Answers with the accuracy by shared weights on all held-out images: see
    :class:`engine.black_box.evaluator.Evaluator`. A query is one unit of work.

    Args:
        search: whose supernet, trained, and whose held-out images it takes.
        sampling: knows how to run a cell in it.
    """

    units = 1
    done = 0

    def __init__(self, search: DifferentiableSearch, sampling: Sampling) -> None:
        self._search, self._sampling = search, sampling
        self.images = 0

    @torch.no_grad()
    def advance(self, cell: Cell) -> Answer:
        """Return the accuracy, the same for the same cell."""
        began = time.perf_counter()
        self._search.supernet.eval()
        mixing = self._sampling.along(self._search.architecture, cell)
        hits, count = torch.zeros((), device=self._search.context.runtime.device), 0
        for images, labels in self._search.first_images(ALL):
            hits += (self._search.scores(images, mixing).argmax(1) == labels).sum()
            count += len(labels)
        self.images += count
        return Answer(100 * float(hits) / count, time.perf_counter() - began)

    def metrics(self, best: Cell, seconds: float) -> dict[str, float]:
        """Tell nothing more."""
        return {}

    def state(self) -> dict[str, Any]:
        """Remember nothing: the weights are the search's."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Take nothing back."""


class SharedSearch:
    """Trains shared weights, then asks them, in two stages: see :class:`engine.method.Method`.

    With random search this is the selection of Li and Talwalkar; with evolution that of single-path one-shot searches.

    Args:
        context: of the run.
        strategy: made for the cells of the space.
    """

    def __init__(self, context: Context, strategy: Callable[[Codec, Dice], Strategy]) -> None:
        settings = context.settings
        assert isinstance(settings, QuerySettings)
        self._emit = context.emit
        inner = dataclasses.replace(context, emit=self._say)
        known = coding(context.space.entry)
        sampling = Sampling(Even(known.codec), known, context.space, samples=SAMPLES, images=IMAGES)
        self._training = DifferentiableSearch(
            inner, strategies(settings, sampling, settings.training_epochs, "shared weights")
        )
        self._queries = QuerySearch(inner, strategy, SharedWeights(self._training, sampling))

    @property
    def epochs(self) -> int:
        """Epochs of both stages."""
        return self._training.epochs + self._queries.epochs

    @property
    def epoch(self) -> int:
        """Epochs complete."""
        return self._training.epoch + self._queries.epoch

    @property
    def stage(self) -> int:
        """0 while the weights train, 1 while they are asked."""
        return int(self._training.epoch == self._training.epochs)

    def prepare(self) -> None:
        """Begin to train."""
        self._training.prepare()

    def advance(self) -> EpochReport | None:
        """Train on a batch, or query a cell."""
        if self.stage:
            return self._queries.advance()
        report = self._training.advance()
        if self.stage:
            self._queries.prepare()
        return report

    def position(self) -> Position:
        """Say how much of the epoch is done."""
        if not self.stage:
            return self._training.position()
        position = self._queries.position()
        return dataclasses.replace(position, images=position.images + self._training.position().images)

    def genotype(self) -> Genotype:
        """Return the best cell that was queried; before, the best of those drawn meanwhile."""
        return self._queries.genotype() if self._queries.record.queries else self._training.genotype()

    def weights(self) -> Mapping[str, Tensor]:
        """Return the supernet's."""
        return self._training.weights()

    def state(self) -> dict[str, Any]:
        """Return the state of both stages."""
        return {"training": self._training.state(), "queries": self._queries.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._training.load(state["training"])
        self._queries.load(state["queries"])

    def _say(self, event: Event) -> None:
        """Pass an event on; of a stage, which of both it is."""
        if isinstance(event, StageStarted):
            event = dataclasses.replace(event, index=self.stage, of=2)
        self._emit(event)


def search(context: Context, strategy: Callable[[Codec, Dice], Strategy]) -> QuerySearch | SharedSearch:
    """Return the search by queries that the settings describe."""
    assert isinstance(context.settings, QuerySettings)
    shared = context.settings.evaluator == "supernet"
    return SharedSearch(context, strategy) if shared else QuerySearch(context, strategy)
