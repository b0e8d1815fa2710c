"""Training of a genotype's network from scratch, by the papers' recipes: see :class:`engine.method.Method`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.core import activity
from engine.core.metrics import RunningMetrics
from engine.core.optimizers import load_optimizer
from engine.data.feed import Feed
from engine.data.feeds import FeedOptions, open_feeds
from engine.method import Context, EpochReport, Position
from engine.spaces.space import DiscreteNetwork
from engine.training.batch_plan import BatchPlan
from engine.training.model_io import describe
from engine.training.rate import learning_rate
from engine.training.step import TrainingStep
from engine.training.weights import load_matching, read_weights
from runs.catalogue.normalisations import statistics
from runs.catalogue.training import TrainingSettings
from runs.errors import NastuiError
from runs.genotypes.genotype import Cell, Genotype

GROWTH_STEPS = 10
# Data sets with at least this many classes also report top-5 accuracy.
TOP_FROM = 20


def build(context: Context[TrainingSettings]) -> Trainer:
    """Return the training that the settings describe."""
    return Trainer(context)


class Trainer:
    """Trains by stochastic gradient descent; each epoch ends with the accuracy on the whole test set.

    A unit of work is a batch. It may be computed in pieces, one after another or on several processes: gradients are
    those of the whole batch, but batch norm sees one piece at a time.

    Args:
        context: of the run.
    """

    def __init__(self, context: Context[TrainingSettings]) -> None:
        assert context.config.genotype is not None
        self._context, self._settings, self._group = context, context.settings, context.group
        self._genotype = Genotype.from_json(context.config.genotype)
        self.epochs = 1 if self._settings.evaluate_only else self._settings.epochs
        self.epoch = self.stage = 0
        self._trained = self._tested = 0  # batches of this epoch
        self._images_seen = 0
        self._evaluating = False
        self._best = (-1.0, 0)

        runtime = context.runtime
        self._train, self._test = _feeds(context, self._settings)
        self._plan = BatchPlan(self._settings, self._group, runtime, self._train, self._test, context.emit)
        self.network: DiscreteNetwork = context.space.network(self._genotype)
        self.network.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
        top = 5 if len(self._train.classes) >= TOP_FROM else 0
        self._metrics = {
            name: RunningMetrics(runtime.device, best, self._group) for name, best in (("train", 0), ("test", top))
        }
        self._step = TrainingStep(
            context,
            self._settings,
            self.network,
            self._plan,
            self._metrics["train"],
            dead_parts=any(map(Cell.has_dead_edges, self._genotype.cells.values())),
        )

    # The interface of a method --------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Load the given weights, if any, and describe how to rebuild the network."""
        if given := self._context.config.weights:
            load_matching(self.network, read_weights(self._context.folder / given), "--weights", "Start a new run.")
        feed = self._train
        self._context.artifacts.network(
            describe(self._settings, self._genotype, feed.classes, feed.size, feed.mean, feed.std)
        )
        if self._settings.evaluate_only:
            self._begin_evaluation()

    def ready(self) -> bool:
        """Return whether the images of the next unit of work are there; see :class:`engine.method.UsesHelpers`."""
        return (self._test if self._evaluating else self._train).ready()

    def advance(self) -> EpochReport | None:
        """Process one batch of training or of the test; return a report when it completes the epoch."""
        if not self._evaluating:
            self._train_unit()
            return None
        return self._test_unit()

    def position(self) -> Position:
        """Return the position in the epoch and the training metrics so far."""
        images = 0 if self._evaluating else self._train.left if self._trained else len(self._train)
        left = math.ceil(images / self._plan.batch)
        tests = math.ceil(len(self._test) / self._plan.evaluation_batch)
        metrics = self._metrics["train"].read("train")
        return Position(self._trained + self._tested, self._trained + left + tests, self._images_seen, metrics)

    def genotype(self) -> Genotype:
        """Return the genotype that is being trained."""
        return self._genotype

    def weights(self) -> Mapping[str, Tensor]:
        """Return the network's weights and running averages by name."""
        state: dict[str, Tensor] = self.network.state_dict()
        return state

    def state(self) -> dict[str, Any]:
        """Return everything that determines what comes next."""
        return {
            "epoch": self.epoch,
            "step": self._trained,
            "tested": self._tested,
            "evaluating": self._evaluating,
            "best": list(self._best),
            "batch": self._plan.batch,
            "pieces": self._plan.pieces,
            "network": self.network.state_dict(),
            "optimiser": self._step.optimizer.state_dict(),
            "train": self._train.state(),
            "test": self._test.state(),
            "meters": {name: running.state() for name, running in self._metrics.items()},
            "gradients": self._step.gradient_sums.cpu(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.epoch, self._trained, self._tested = state["epoch"], state["step"], state["tested"]
        self._evaluating = state["evaluating"]
        accuracy, epoch = state["best"]
        self._best = (accuracy, epoch)
        self._context.steps.forget(new_state=True)
        self._plan.set(state["batch"], state["pieces"])
        self.network.load_state_dict(state["network"])
        load_optimizer(self._step.optimizer, state["optimiser"])
        self._train.load(state["train"])
        self._test.load(state["test"])
        for name, saved in state["meters"].items():
            self._metrics[name].load(saved)
        self._step.gradient_sums.copy_(state["gradients"])
        self._step.start_epoch(self.epoch, self.epochs)
        if self._evaluating:
            self.network.eval()

    # Training -------------------------------------------------------------------------------------------------------

    def _train_unit(self) -> None:
        if self._trained == 0:
            self._train.start()
            self._step.start_epoch(self.epoch, self.epochs)
        before = self._train.left
        pieces = self._train.next()
        count = before - self._train.left
        self._images_seen += count
        # Batch norm needs two images in every piece. All processes leave out a last batch with fewer.
        if count >= 2 * self._plan.all_pieces:
            if self._group.size == 1:
                # Broken files that were left out may have made pieces too short.
                pieces = [piece for piece in pieces if len(piece[1]) > 1]
                count = sum(len(labels) for _, labels in pieces)
            self._step.learn(pieces, count, self._trained)
        self._trained += 1
        if self._settings.batch_size_max > self._plan.batch and self._trained % GROWTH_STEPS == 0:
            self._plan.grow()
        if self._train.left == 0:
            self._begin_evaluation()

    # Testing --------------------------------------------------------------------------------------------------------

    def _begin_evaluation(self) -> None:
        self._context.steps.forget()  # its memory is needed for the evaluation
        self._evaluating, self._tested = True, 0
        self._group.align(self.network)
        self.network.eval()
        self._test.start()

    @torch.no_grad()
    def _test_unit(self) -> EpochReport | None:
        activity.begin("the first batch of the test" if self._tested == 0 else "a batch of the test")
        results = []
        for images, labels in self._test.next():
            scores = self._step.evaluate(images)
            results.append((functional.cross_entropy(scores, labels), scores, labels))
        self._metrics["test"].accumulate(*results)
        self._tested += 1
        return self._end_epoch() if self._test.left == 0 else None

    def _end_epoch(self) -> EpochReport:
        activity.begin("the end of an epoch")
        metrics = {name: value for key, running in self._metrics.items() for name, value in running.read(key).items()}
        if not math.isfinite(metrics.get("train_loss", 0.0)):
            raise NastuiError(
                f"The training loss is no longer finite in epoch {self.epoch + 1}.",
                "Lower learning_rate or gradient_clip.",
            )
        if metrics["test_accuracy"] > self._best[0]:
            self._best = (metrics["test_accuracy"], self.epoch + 1)
            self._context.artifacts.weights(self.weights(), best=True)
        norm, clipped = (self._step.gradient_sums / max(self._trained, 1)).tolist()
        rates = {} if self._settings.evaluate_only else {"weights": learning_rate(self._settings, self.epoch)}
        report = EpochReport(
            genotype=self._genotype,
            metrics=metrics,
            learning_rates=rates,
            extras={
                "best_accuracy": self._best[0],
                "best_epoch": self._best[1],
                "drop_path": self._step.drop_path,
                "batch_size": self._plan.batch,
                "pieces": self._plan.pieces,
                "gradient_norm": norm,
                "clipped_share": clipped,
                "skipped_images": self._train.skipped + self._test.skipped,
                **self._context.steps.extras(),
            },
        )
        for running in self._metrics.values():
            running.reset()
        self._step.gradient_sums.zero_()
        self._trained = self._tested = 0
        self._evaluating = False
        self.epoch += 1
        return report


def _feeds(context: Context[TrainingSettings], settings: TrainingSettings) -> tuple[Feed, Feed]:
    mean, std = statistics(settings.normalisation, context.dataset, context.space.entry)
    options = FeedOptions(
        augmentation=settings.augmentation,
        cutout_length=settings.cutout_length,
        mean=mean,
        std=std,
        measured=settings.normalisation == "measured",
        jitter=settings.colour_jitter,
        workers=settings.workers,
        broken_images=settings.broken_images,
        image_size=settings.image_size,
        image_limit=settings.image_limit,
    )
    return open_feeds(context.images, context.dataset, options, context.runtime)
