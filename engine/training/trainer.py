"""Training the network of a genotype from fresh weights, by the papers' recipes: see :class:`engine.method.Method`."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from engine.core import schedules
from engine.core.batch_growth import grown
from engine.core.metrics import RunningMetrics
from engine.data.batches import EVALUATION_BATCH
from engine.data.feeds import Feed, FeedOptions, open_feeds
from engine.method import Context, EpochReport, Position
from engine.spaces.space import DiscreteNetwork
from engine.training.model_io import describe
from engine.training.rate import learning_rate
from engine.training.weights import load_matching, read_weights
from runs.catalogue.normalisations import statistics
from runs.catalogue.training import TrainingSettings
from runs.errors import EnvironmentLacksError, NastuiError
from runs.genotypes.genotype import Cell, Genotype
from runs.log.events import Warned

GROWTH_STEPS = 10
# With this many classes people also look at the five best.
TOP_FROM = 20


def build(context: Context) -> Trainer:
    """Return the training that the settings describe."""
    return Trainer(context)


def _feeds(context: Context, settings: TrainingSettings) -> tuple[Feed, Feed]:
    mean, std = statistics(settings.normalisation, context.dataset)
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


class Trainer:
    """Trains by stochastic gradient descent; each epoch ends with the accuracy on the whole test set.

    A unit of work is a batch. It may be computed in pieces, one after the other or on several processes: gradients are
    those of the whole batch, batch norm sees a piece at a time.

    Args:
        context: what the run gives.
    """

    def __init__(self, context: Context) -> None:
        assert isinstance(context.settings, TrainingSettings)
        assert context.config.genotype is not None
        self._context, self._settings, self._group = context, context.settings, context.group
        self._genotype = Genotype.from_json(context.config.genotype)
        self.epochs = 1 if self._settings.evaluate_only else self._settings.epochs
        self.epoch = self.stage = 0
        self._step = self._tested = 0
        self._images_seen = 0
        self._evaluating = False
        self._best = (-1.0, 0)
        # Of a space whose networks have such.
        of_network = self._settings.model_dump()
        self._auxiliary_weight, self._drop_path_end = (
            of_network.get(name, 0.0) for name in ("auxiliary_weight", "drop_path")
        )
        self._batch, self._pieces = self._settings.batch_size, self._settings.pieces

        runtime = context.runtime
        self._train, self._test = _feeds(context, self._settings)
        self.network: DiscreteNetwork = context.space.network(self._genotype)
        self.network.to(device=runtime.device, memory_format=runtime.memory_format)  # type: ignore[call-overload]
        if self._settings.compile:
            # Each cell is a graph of its own for each phase; torch gives up after eight of them unless told.
            torch._dynamo.config.recompile_limit = 64
            for part in self.network.parts():
                part.compile(dynamic=False)
        self._shared = self._group.shared(
            self.network, runtime.device, dead_parts=any(map(Cell.has_dead_edges, self._genotype.cells.values()))
        )
        self._optimiser = torch.optim.SGD(
            self.network.parameters(),
            self._settings.learning_rate,
            momentum=self._settings.momentum,
            nesterov=self._settings.nesterov,
            weight_decay=self._settings.weight_decay,
        )
        top = 5 if len(self._train.classes) >= TOP_FROM else 0
        self._meters = {"train": RunningMetrics(runtime.device), "test": RunningMetrics(runtime.device, top)}
        self._gradients = torch.zeros(2, dtype=torch.float64, device=runtime.device)
        self._cut()

    # What a run asks -------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Take over given weights, and say how to rebuild the network."""
        if given := self._context.config.weights:
            load_matching(self.network, read_weights(self._context.folder / given), "--weights")
        feed = self._train
        self._context.results.network(
            describe(self._settings, self._genotype, feed.classes, feed.size, feed.mean, feed.std)
        )
        if self._settings.evaluate_only:
            self._begin_evaluation()

    def advance(self) -> EpochReport | None:
        """Do one batch of training or of the test; return a report when it completes the epoch."""
        if not self._evaluating:
            self._train_unit()
            return None
        return self._test_unit()

    def position(self) -> Position:
        """Return the place in the epoch and the training metrics so far."""
        left = (
            0 if self._evaluating else math.ceil((self._train.left if self._step else len(self._train)) / self._batch)
        )
        tests = math.ceil(len(self._test) / (EVALUATION_BATCH * self._group.size))
        metrics = self._meters["train"].read("train")
        return Position(self._step + self._tested, self._step + left + tests, self._images_seen, metrics)

    def genotype(self) -> Genotype:
        """Return the genotype that is trained."""
        return self._genotype

    def weights(self) -> Mapping[str, Tensor]:
        """Return the network's weights and running averages by name."""
        state: dict[str, Tensor] = self.network.state_dict()
        return state

    def state(self) -> dict[str, Any]:
        """Return everything that decides what comes next."""
        return {
            "epoch": self.epoch,
            "step": self._step,
            "tested": self._tested,
            "evaluating": self._evaluating,
            "best": list(self._best),
            "batch": self._batch,
            "pieces": self._pieces,
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "train": self._train.state(),
            "test": self._test.state(),
            "meters": {name: meter.state() for name, meter in self._meters.items()},
            "gradients": self._gradients.cpu(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.epoch, self._step, self._tested = state["epoch"], state["step"], state["tested"]
        self._evaluating = state["evaluating"]
        accuracy, epoch = state["best"]
        self._best = (accuracy, epoch)
        self._batch, self._pieces = state["batch"], state["pieces"]
        self._cut()
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._train.load(state["train"])
        self._test.load(state["test"])
        for name, saved in state["meters"].items():
            self._meters[name].load(saved)
        self._gradients.copy_(state["gradients"])
        self._set_rate()

    # Training --------------------------------------------------------------------------------------------------

    def _train_unit(self) -> None:
        if self._step == 0:
            self._train.start()
            self._set_rate()
            self.network.train()
        before = self._train.left
        pieces = self._train.next()
        count = before - self._train.left
        self._images_seen += count
        # Batch norm needs two images in every piece; what is left over for fewer is left out, by all processes alike.
        if count >= 2 * self._pieces * self._group.size:
            if self._group.size == 1:
                # Broken files that were left out may have made pieces short.
                pieces = [piece for piece in pieces if len(piece[1]) > 1]
                count = sum(len(labels) for _, labels in pieces)
            self._learn(pieces, count)
        self._step += 1
        if self._settings.batch_size_max > self._batch and self._step % GROWTH_STEPS == 0:
            self._grow()
        if self._train.left == 0:
            self._begin_evaluation()

    def _learn(self, pieces: list[tuple[Tensor, Tensor]], count: int) -> None:
        while True:
            try:
                self._descend(pieces, count)
                return
            except torch.OutOfMemoryError as error:
                self._optimiser.zero_grad(set_to_none=True)
                self._context.runtime.free_cache()
                pieces = self._halved(pieces, error)

    def _descend(self, pieces: list[tuple[Tensor, Tensor]], count: int) -> None:
        """Take one step down the gradient of the mean loss over ``count`` images, of which these are my share."""
        if not pieces:
            return
        self.network.train()
        self._optimiser.zero_grad(set_to_none=True)
        told = []
        for place, (images, labels) in enumerate(pieces):
            with self._synchronised(place == len(pieces) - 1):
                loss, scores = self._loss(images, labels, place)
                # Processes average their gradients, and each has but a share of the batch.
                (loss * (len(labels) * self._group.size / count)).backward()
            told.append((scores.detach(), labels))
        limit = self._settings.gradient_clip or math.inf
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), limit, foreach=True).detach().double()
        self._gradients += torch.stack([norm, (norm > limit).double()])
        self._optimiser.step()
        for scores, labels in told:
            self._meters["train"].add(self._cross_entropy(scores, labels), scores, labels)

    def _loss(self, images: Tensor, labels: Tensor, place: int) -> tuple[Tensor, Tensor]:
        with self._context.runtime.autocast(), self._compiled(len(labels)):
            scores, auxiliary = self._shared(images, *self._dropping(place, len(labels)))
        scores = scores.float()
        loss = self._cross_entropy(scores, labels)
        if auxiliary is not None:
            loss = loss + self._auxiliary_weight * self._cross_entropy(auxiliary.float(), labels)
        return loss, scores

    def _cross_entropy(self, scores: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(scores, labels, label_smoothing=self._settings.label_smoothing)

    def _set_rate(self) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self._settings, min(self.epoch, self.epochs - 1))

    def _dropping(self, place: int, count: int) -> tuple[float, torch.Generator]:
        """Return drop path's probability now, and a generator for the draws of one piece.

        It descends from the place in the run and in the batch alone, so a resumed run draws the same, and so do pieces
        wherever they are computed.
        """
        probability = self._drop_path()
        piece = self._group.rank * self._pieces + place
        name = f"{self._context.config.seed}/drop path/{self.epoch}/{self._step}/{piece}"
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") >> 1
        return probability, torch.Generator().manual_seed(seed)

    def _drop_path(self) -> float:
        return schedules.linear(0.0, self._drop_path_end, self.epoch, self.epochs)

    def _compiled(self, count: int) -> contextlib.AbstractContextManager[Any]:
        """Use compiled cells for the usual piece of training; any other shape or phase would compile them anew."""
        usual = count == self._batch // (self._pieces * self._group.size)
        if not self._settings.compile or (usual and (self._drop_path() > 0) == (self._drop_path_end > 0)):
            return contextlib.nullcontext()
        eager: contextlib.AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
        return eager

    def _synchronised(self, wanted: bool) -> contextlib.AbstractContextManager[None]:
        """Exchange gradients in the last piece's backward pass alone."""
        if wanted or self._group.size == 1:
            return contextlib.nullcontext()
        assert isinstance(self._shared, DistributedDataParallel)
        held: contextlib.AbstractContextManager[None] = self._shared.no_sync()
        return held

    # EpochCallback ----------------------------------------------------------------------------------------------------

    def _cut(self) -> None:
        """Tell the images how to come: a batch of so many, in pieces, of which some are mine."""
        mine = range(self._group.rank * self._pieces, (self._group.rank + 1) * self._pieces)
        self._train.cut(self._batch, self._pieces * self._group.size, tuple(mine))
        self._test.cut(EVALUATION_BATCH * self._group.size, self._group.size, (self._group.rank,))

    def _grow(self) -> None:
        peak = self._context.runtime.memory_share(self._settings.memory_limit)
        largest, multiple = self._settings.batch_size_max, self._settings.batch_multiple
        # All processes must take the same batch: the leader's memory decides.
        batch = self._group.told(grown(self._batch, peak, largest=largest, multiple=multiple))
        if batch != self._batch:
            self._warn(
                "batch_grown", f"The batch grows from {self._batch} to {batch} images; {peak:.0%} of the memory."
            )
            self._batch = batch
            self._cut()

    def _halved(self, pieces: list[tuple[Tensor, Tensor]], error: Exception) -> list[tuple[Tensor, Tensor]]:
        """Return the pieces of a batch that did not fit, each cut in two, and cut the following ones so too."""
        largest = max(len(labels) for _, labels in pieces)
        fits = "Set a smaller batch_size, or channels."
        if largest >= 4 and self._group.size == 1:
            if self._settings.out_of_memory == "halve":
                self._pieces *= 2
                self._cut()
                self._warn(
                    "out_of_memory",
                    f"{largest} images do not fit into the memory: batches are computed in {self._pieces} pieces.",
                )
                return [
                    (images, labels)
                    for whole_images, whole_labels in pieces
                    for images, labels in zip(whole_images.tensor_split(2), whole_labels.tensor_split(2), strict=True)
                ]
            fitting = self._fitting(pieces[0], largest // 2)
            fits = (
                f"{fitting} fit: set batch_size={fitting}, or pieces={math.ceil(self._batch / fitting)}."
                if fitting
                else fits
            )
        raise EnvironmentLacksError(f"{largest} images at once do not fit into the memory.", fits) from error

    def _fitting(self, piece: tuple[Tensor, Tensor], count: int) -> int:
        """Return how many images can be learnt from at once, by halving until it works; 0 where not even two do."""
        images, labels = piece
        while count >= 2:
            try:
                self._loss(images[:count], labels[:count], 0)[0].backward()
                return count
            except torch.OutOfMemoryError:
                self._optimiser.zero_grad(set_to_none=True)
                count //= 2
        return 0

    def _warn(self, kind: str, message: str) -> None:
        self._context.emit(Warned(kind, message))

    # Testing ---------------------------------------------------------------------------------------------------

    def _begin_evaluation(self) -> None:
        self._evaluating, self._tested = True, 0
        self._group.align(self.network)
        self._test.start()

    @torch.no_grad()
    def _test_unit(self) -> EpochReport | None:
        self.network.eval()
        for images, labels in self._test.next():
            with self._context.runtime.autocast(), self._compiled(0):
                scores = self.network(images).float()
            self._meters["test"].add(functional.cross_entropy(scores, labels), scores, labels)
        self._tested += 1
        return self._end_epoch() if self._test.left == 0 else None

    def _end_epoch(self) -> EpochReport:
        for meter in self._meters.values():
            meter.share(self._group)
        metrics = {name: value for key, meter in self._meters.items() for name, value in meter.read(key).items()}
        if not math.isfinite(metrics.get("train_loss", 0.0)):
            raise NastuiError(
                f"The training loss is no longer finite in epoch {self.epoch + 1}.",
                "Lower learning_rate or gradient_clip.",
            )
        if metrics["test_accuracy"] > self._best[0]:
            self._best = (metrics["test_accuracy"], self.epoch + 1)
            self._context.results.weights(self.weights(), best=True)
        norm, clipped = (self._gradients / max(self._step, 1)).tolist()
        report = EpochReport(
            genotype=self._genotype,
            metrics=metrics,
            learning_rates={}
            if self._settings.evaluate_only
            else {"weights": learning_rate(self._settings, self.epoch)},
            extras={
                "best_accuracy": self._best[0],
                "best_epoch": self._best[1],
                "drop_path": self._drop_path(),
                "batch_size": self._batch,
                "pieces": self._pieces,
                "gradient_norm": norm,
                "clipped_share": clipped,
                "skipped_images": self._train.skipped + self._test.skipped,
            },
        )
        for meter in self._meters.values():
            meter.reset()
        self._gradients.zero_()
        self._step = self._tested = 0
        self._evaluating = False
        self.epoch += 1
        return report
