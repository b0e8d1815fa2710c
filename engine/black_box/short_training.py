"""What a query answers by training: the accuracy of the cell's network on images that it was not trained on."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch.nn import functional

from engine.black_box.encoding import Cell, Coding
from engine.black_box.evaluator import Answer
from engine.core.metrics import RunningMetrics
from engine.core.schedules import cosine
from engine.data.augment import Augmenter
from engine.data.batches import EVALUATION_BATCH, IndexStream
from engine.data.images import halves
from engine.method import Context
from engine.spaces.space import DiscreteNetwork
from runs.catalogue.black_box import QuerySettings


class ShortTraining:
    """Trains the network of a cell from fresh weights for a few epochs. Implements :class:`.evaluator.Evaluator`.

    Half of the training images train, the other half answers, as NAS-Bench-201 splits CIFAR-10; the test set is never
    looked at. The same cell, queried again, begins with other weights.

    Args:
        context: of the run.
        coding: what cells stand for.
    """

    def __init__(self, context: Context, coding: Coding) -> None:
        assert isinstance(context.settings, QuerySettings)
        self._context, self._settings, self._coding = context, context.settings, coding
        runtime, dataset = context.runtime, context.dataset
        data = context.images("train")
        trained, held_out = halves(data.labels.cpu(), runtime.generator("split"), how=self._settings.split)
        self._stream = IndexStream(trained, runtime.generator("weight batches"))
        self._held_out = held_out
        self._augmenter = Augmenter(
            data,
            mean=dataset.mean,
            std=dataset.std,
            crop_padding=dataset.crop_padding,
            flip=dataset.flip,
            cutout_length=self._settings.cutout_length,
            generator=runtime.generator("augmentation"),
        )
        self._batches = math.ceil(len(trained) / self._settings.batch_size)
        self._trains = self._settings.training_epochs * self._batches
        self.units = self._trains + math.ceil(len(held_out) / EVALUATION_BATCH)
        self.images = self.done = 0
        self._seconds = 0.0
        self._meter = RunningMetrics(runtime.device)
        self._network: DiscreteNetwork | None = None

    def advance(self, cell: Cell) -> Answer | None:
        """Train on a batch, or test on one; the first unit of a query makes its network."""
        began = time.perf_counter()
        if self._network is None:
            self._make(cell)
        if self.done < self._trains:
            self._train_unit()
        else:
            self._test_unit()
        self.done += 1
        answer = self._meter.read("held_out")["held_out_accuracy"] if self.done == self.units else None
        self._seconds += time.perf_counter() - began
        if answer is None:
            return None
        seconds, self._network = self._seconds, None
        self.done, self._seconds = 0, 0.0
        self._meter.reset()
        return Answer(answer, seconds)

    def metrics(self, best: Cell, seconds: float) -> dict[str, float]:
        """Return the seconds where they are a budget: else what a clock says would make equal runs differ."""
        return {"training_seconds": seconds} if self._settings.budget_seconds else {}

    def state(self) -> dict[str, Any]:
        """Return the training in progress."""
        network = self._network
        return {
            "done": self.done,
            "seconds": self._seconds,
            "stream": self._stream.state(),
            "meter": self._meter.state(),
            "cell": None if network is None else list(self._cell),
            "network": None if network is None else network.state_dict(),
            "optimiser": None if network is None else self._optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on with a training."""
        self.done, self._seconds = state["done"], state["seconds"]
        self._stream.load(state["stream"])
        self._meter.load(state["meter"])
        if state["cell"] is not None:
            self._make(tuple(state["cell"])).load_state_dict(state["network"])
            self._optimiser.load_state_dict(state["optimiser"])

    def _make(self, cell: Cell) -> DiscreteNetwork:
        runtime, settings = self._context.runtime, self._settings
        network = self._context.space.network(self._coding.genotype(cell))
        network.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
        self._cell, self._network = cell, network
        self._optimiser = torch.optim.SGD(
            network.parameters(),
            settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            nesterov=settings.nesterov,
        )
        return network

    def _train_unit(self) -> None:
        assert self._network is not None
        settings = self._settings
        epoch, step = divmod(self.done, self._batches)
        if step == 0:
            self._stream.start()
        self._network.train()
        for group in self._optimiser.param_groups:
            group["lr"] = cosine(settings.learning_rate, settings.learning_rate_min, epoch, settings.training_epochs)
        images, labels = self._augmenter.train(self._stream.next(settings.batch_size))
        self.images += len(labels)
        # Batch norm needs two images.
        if len(labels) < 2:
            return
        with self._context.runtime.autocast():
            scores, _ = self._network(images)
        loss = functional.cross_entropy(scores.float(), labels)
        self._optimiser.zero_grad()
        loss.backward()
        if settings.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), settings.gradient_clip, foreach=True)
        self._optimiser.step()

    @torch.no_grad()
    def _test_unit(self) -> None:
        assert self._network is not None
        self._network.eval()
        start = (self.done - self._trains) * EVALUATION_BATCH
        images, labels = self._augmenter.test(self._held_out[start : start + EVALUATION_BATCH])
        with self._context.runtime.autocast():
            scores = self._network(images).float()
        self._meter.add(functional.cross_entropy(scores, labels), scores, labels)
