"""Evaluation by a short training: the accuracy of the cell's network on images that it was not trained on."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch.nn import functional

from engine.black_box.encoding import Cell, Coding
from engine.black_box.evaluator import Evaluation
from engine.core.metrics import RunningMetrics
from engine.core.optimizers import load_optimizer, set_learning_rate, sgd
from engine.core.schedules import cosine
from engine.data.batches import EVALUATION_BATCH, IndexStream
from engine.data.images import halves
from engine.data.search_images import open_images
from engine.method import Context
from engine.spaces.space import DiscreteNetwork
from runs.catalogue.black_box import QuerySettings


class ShortTraining:
    """Trains the network of a cell from scratch for a few epochs. Implements :class:`.evaluator.Evaluator`.

    Half of the training images are used to train, the other half to evaluate, as NAS-Bench-201 splits CIFAR-10; the
    test set is never used. A cell that is evaluated again starts from different weights.

    Args:
        context: of the run.
        settings: of the trainings.
        coding: from cells to genotypes.
    """

    def __init__(self, context: Context[QuerySettings], coding: Coding) -> None:
        settings = context.settings
        self._context, self._settings, self._coding = context, settings, coding
        runtime = context.runtime
        images = open_images(context.images, context.dataset, settings, runtime, "train")
        trained, held_out = halves(images.labels, runtime.generator("split"), how=settings.split)
        self._stream = IndexStream(trained, runtime.generator("weight batches"))
        self._held_out = held_out
        self._load_augmented = images.training(self._stream, settings.batch_size)
        self._load_plain = images.testing(IndexStream(held_out, None), EVALUATION_BATCH)
        self._epoch_batches = math.ceil(len(trained) / settings.batch_size)
        self._training_batches = settings.training_epochs * self._epoch_batches
        self.units = self._training_batches + math.ceil(len(held_out) / EVALUATION_BATCH)
        self.images = self.done = 0
        self._seconds = 0.0
        self._metrics = RunningMetrics(runtime.device)
        self._training: _Training | None = None

    def advance(self, cell: Cell) -> Evaluation | None:
        """Train or test on one batch; the first unit of an evaluation makes the network."""
        began = time.perf_counter()
        training = self._training = self._training or self._begin(cell)
        if self.done < self._training_batches:
            self._train_unit(training)
        else:
            self._test_unit(training.network)
        self.done += 1
        accuracy = self._metrics.read("held_out")["held_out_accuracy"] if self.done == self.units else None
        self._seconds += time.perf_counter() - began
        if accuracy is None:
            return None
        evaluation = Evaluation(accuracy, self._seconds)
        self._training = None
        self.done, self._seconds = 0, 0.0
        self._metrics.reset()
        return evaluation

    def metrics(self, best: Cell, seconds: float) -> dict[str, float]:
        """Return the seconds only if they are a budget: otherwise the clock would make equal runs differ."""
        return {"training_seconds": seconds} if self._settings.budget_seconds else {}

    def state(self) -> dict[str, Any]:
        """Return the state of the current training."""
        training = self._training
        return {
            "done": self.done,
            "seconds": self._seconds,
            "stream": self._stream.state(),
            "meter": self._metrics.state(),
            "cell": None if training is None else list(training.cell),
            "network": None if training is None else training.network.state_dict(),
            "optimiser": None if training is None else training.optimizer.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue a saved training."""
        self.done, self._seconds = state["done"], state["seconds"]
        self._stream.load(state["stream"])
        self._metrics.load(state["meter"])
        if state["cell"] is not None:
            self._training = self._begin(tuple(state["cell"]))
            self._training.network.load_state_dict(state["network"])
            load_optimizer(self._training.optimizer, state["optimiser"])

    def _begin(self, cell: Cell) -> _Training:
        runtime, settings = self._context.runtime, self._settings
        network = self._context.space.network(self._coding.genotype(cell))
        network.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
        return _Training(cell, network, settings, runtime.device)

    def _train_unit(self, training: _Training) -> None:
        settings = self._settings
        epoch, step = divmod(self.done, self._epoch_batches)
        if step == 0:
            self._stream.start()
        if not training.network.training:
            training.network.train()
        rate = cosine(settings.learning_rate, settings.learning_rate_min, epoch, settings.training_epochs)
        set_learning_rate(training.optimizer, rate)
        images, labels = self._load_augmented(self._stream.next(settings.batch_size))
        self.images += len(labels)
        # Batch norm needs two images.
        if len(labels) < 2:
            return
        with self._context.runtime.autocast():
            scores, _ = training.network(images)
        loss = functional.cross_entropy(scores.float(), labels)
        training.optimizer.zero_grad()
        loss.backward()
        if settings.gradient_clip:
            torch.nn.utils.clip_grad_norm_(training.parameters, settings.gradient_clip, foreach=True)
        training.optimizer.step()

    @torch.no_grad()
    def _test_unit(self, network: DiscreteNetwork) -> None:
        if network.training:
            network.eval()
        start = (self.done - self._training_batches) * EVALUATION_BATCH
        images, labels = self._load_plain(self._held_out[start : start + EVALUATION_BATCH])
        with self._context.runtime.autocast():
            scores = network(images).float()
        self._metrics.accumulate((functional.cross_entropy(scores, labels), scores, labels))


class _Training:
    """A network that is being trained, with its optimiser."""

    def __init__(self, cell: Cell, network: DiscreteNetwork, settings: QuerySettings, device: torch.device) -> None:
        self.cell, self.network = cell, network
        self.parameters = list(network.parameters())
        self.optimizer = sgd(
            self.parameters,
            settings.learning_rate,
            device=device,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            nesterov=settings.nesterov,
        )
