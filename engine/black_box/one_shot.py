"""Black-box searches with one-shot evaluation: first a supernet is trained, on uniformly sampled architectures."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor

from engine.architecture.parameters import ArchitectureParameters
from engine.black_box.encoding import Cell, coding
from engine.black_box.evaluator import Evaluation
from engine.black_box.path_sampling import PathSampling, UniformPolicy
from engine.black_box.search import BlackBoxSearch, OptimizerFactory
from engine.black_box.supernet_training import supernet_training
from engine.method import Context, EpochReport, Position
from engine.search.loop import DifferentiableSearch
from engine.spaces.space import MixingWeights
from runs.catalogue.black_box import QuerySettings
from runs.genotypes.genotype import Genotype
from runs.log.events import Event, StageStarted

# While the weights are trained, the search returns the best of this many cells, each scored on this many images.
SAMPLES, IMAGES = 10, 256


class TrainedSupernet(Protocol):
    """Shared weights, and the held-out images to measure them on."""

    def accuracy(self, mixing: Callable[[ArchitectureParameters], MixingWeights]) -> tuple[float, int]:
        """Return the accuracy on all held-out images in percent, and the number of these images.

        Args:
            mixing: from the architecture parameters, whose device and kinds of cell it needs, to mixing weights.
        """


class OneShotEvaluator:
    """Evaluates a cell by its accuracy with the supernet's weights on all held-out images, in one unit of work.

    Implements :class:`engine.black_box.evaluator.Evaluator`.

    Args:
        supernet: trained, with its held-out images.
        sampling: selects a cell's path in the supernet.
    """

    units = 1
    done = 0

    def __init__(self, supernet: TrainedSupernet, sampling: PathSampling) -> None:
        self._supernet, self._sampling = supernet, sampling
        self.images = 0

    def advance(self, cell: Cell) -> Evaluation:
        """Return the accuracy, which is always the same for a cell."""
        began = time.perf_counter()
        percent, images = self._supernet.accuracy(lambda architecture: self._sampling.path(architecture, cell))
        self.images += images
        return Evaluation(percent, time.perf_counter() - began)

    def metrics(self, best: Cell, seconds: float) -> dict[str, float]:
        """Return no metrics."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return an empty state: the search keeps the weights."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Do nothing."""


class OneShotSearch:
    """Trains a supernet, then searches with its weights, in two stages. Implements :class:`engine.method.Method`.

    With random search this is the method of Li and Talwalkar; with evolution that of single-path one-shot searches.

    Args:
        context: of the run.
        make_optimizer: makes the optimiser for the cells of the space.
    """

    def __init__(self, context: Context[QuerySettings], make_optimizer: OptimizerFactory) -> None:
        settings = context.settings
        self._emit = context.emit
        inner = dataclasses.replace(context, emit=self._renumber)
        known = coding(context.space.entry)
        sampling = PathSampling(
            UniformPolicy(known.codec),
            known,
            context.space,
            samples=SAMPLES,
            images=IMAGES,
            batch_size=settings.batch_size,
        )
        self._training = DifferentiableSearch(
            inner, supernet_training(settings, sampling, settings.training_epochs, "shared weights")
        )
        self._queries = BlackBoxSearch(inner, make_optimizer, OneShotEvaluator(self._training, sampling))

    @property
    def epochs(self) -> int:
        """The number of epochs of both stages."""
        return self._training.epochs + self._queries.epochs

    @property
    def epoch(self) -> int:
        """The number of completed epochs."""
        return self._training.epoch + self._queries.epoch

    @property
    def stage(self) -> int:
        """0 while the weights are trained, 1 while cells are evaluated."""
        return int(self._training.epoch == self._training.epochs)

    def prepare(self) -> None:
        """Begin to train the supernet."""
        self._training.prepare()

    def advance(self) -> EpochReport | None:
        """Train on a batch, or evaluate a cell."""
        if self.stage:
            return self._queries.advance()
        report = self._training.advance()
        if self.stage:
            self._queries.prepare()
        return report

    def position(self) -> Position:
        """Return the position in the current epoch."""
        if not self.stage:
            return self._training.position()
        position = self._queries.position()
        return dataclasses.replace(position, images=position.images + self._training.position().images)

    def genotype(self) -> Genotype:
        """Return the best cell that was evaluated; while the supernet is trained, the best that was sampled."""
        return self._queries.genotype() if self._queries.incumbent.queries else self._training.genotype()

    def weights(self) -> Mapping[str, Tensor]:
        """Return the weights of the supernet."""
        return self._training.weights()

    def state(self) -> dict[str, Any]:
        """Return the state of both stages."""
        return {"training": self._training.state(), "queries": self._queries.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self._training.load(state["training"])
        self._queries.load(state["queries"])

    def _renumber(self, event: Event) -> None:
        """Emit an event; the start of a stage gets its number among both stages."""
        if isinstance(event, StageStarted):
            event = dataclasses.replace(event, index=self.stage, of=2)
        self._emit(event)


def make_search(context: Context[QuerySettings], make_optimizer: OptimizerFactory) -> BlackBoxSearch | OneShotSearch:
    """Return the black-box search that the settings describe."""
    one_shot = context.settings.evaluator == "supernet"
    return OneShotSearch(context, make_optimizer) if one_shot else BlackBoxSearch(context, make_optimizer)
