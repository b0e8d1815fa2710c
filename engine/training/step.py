"""One training step: the gradient of a batch, computed in pieces, and the optimiser's update."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from engine.core import schedules
from engine.core.metrics import RunningMetrics
from engine.core.optimizers import set_learning_rate, sgd
from engine.core.seeds import named_generator
from engine.core.static_inputs import StaticInputs
from engine.method import Context
from engine.spaces import drop_path
from engine.spaces.space import DiscreteNetwork
from engine.training.batch_plan import BatchPlan, Piece
from engine.training.rate import learning_rate
from runs.catalogue.training import TrainingSettings


class TrainingStep:
    """Stochastic gradient descent on a network, batch by batch.

    Call :meth:`start_epoch` before the first step of an epoch and after loading a state. In :meth:`descend` the host
    first draws everything random. The rest, in all pieces, runs on the device, reads nothing back, and uses no Python
    number that changes between two steps of an epoch, so a CUDA graph can capture it. The images have been augmented
    before.

    Args:
        context: device, group of processes and seed.
        settings: of the optimiser and the loss.
        network: on its device.
        plan: how batches are cut.
        metrics: sums loss and hits of the training.
        dead_parts: whether some weights never get a gradient.

    Attributes:
        network: as given.
        optimizer: of its weights.
        drop_path: the probability in this epoch.
        gradient_sums: float64 [2], on the device: the sum of gradient norms before clipping, and how many were clipped.
    """

    def __init__(
        self,
        context: Context[TrainingSettings],
        settings: TrainingSettings,
        network: DiscreteNetwork,
        plan: BatchPlan,
        metrics: RunningMetrics,
        *,
        dead_parts: bool,
    ) -> None:
        runtime = context.runtime
        self.network, self._settings, self._plan, self._metrics = network, settings, plan, metrics
        self._runtime, self._group = runtime, context.group
        # Only the settings of some spaces have these fields.
        of_network = settings.model_dump()
        self._auxiliary_weight: float = of_network.get("auxiliary_weight", 0.0)
        self._drop_path_end: float = of_network.get("drop_path", 0.0)
        self._steps = context.steps
        if settings.compile:
            self._steps.rule_out("compiled cells are not captured")
            # Each cell is a separate graph in each phase; by default torch gives up after eight of them.
            torch._dynamo.config.recompile_limit = 64
            if runtime.deterministic:
                # The runtime has set the same mode; this form also tells the compiler.
                torch.use_deterministic_algorithms(True, warn_only=True)
            for part in network.parts():
                part.compile(dynamic=False)
        self._parallel = self._group.parallel(network, runtime.device, dead_parts=dead_parts)
        self._parameters = list(network.parameters())
        self.optimizer = sgd(
            self._parameters,
            settings.learning_rate,
            device=runtime.device,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            nesterov=settings.nesterov,
        )
        self.gradient_sums = torch.zeros(2, dtype=torch.float64, device=runtime.device)
        self.drop_path = 0.0
        self._epoch = 0
        self._drop_factors, self._images, self._labels = (StaticInputs(runtime.device) for _ in range(3))
        self._prepared: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def start_epoch(self, epoch: int, epochs: int) -> None:
        """Set what is constant during an epoch: learning rate, drop path, and the network's training mode.

        A captured step is invalid afterwards.
        """
        self._steps.forget()
        self._epoch = epoch
        self.drop_path = schedules.linear(0.0, self._drop_path_end, epoch, epochs)
        set_learning_rate(self.optimizer, learning_rate(self._settings, min(epoch, epochs - 1)))
        self.network.train()

    def learn(self, pieces: Sequence[Piece], count: int, step: int) -> None:
        """Take one step down the gradient of the mean loss over a batch, in smaller pieces if it does not fit.

        Args:
            pieces: this process's share of the batch.
            count: the number of images in the whole batch.
            step: the number of the step in its epoch, which the draws depend on.

        Raises:
            EnvironmentLacksError: the memory is too small, and the batch must not or cannot be cut further.
        """
        while True:
            try:
                self.descend(pieces, count, step)
                return
            except torch.OutOfMemoryError as error:
                self.optimizer.zero_grad(set_to_none=True)
                self._runtime.free_cache()
                pieces = self._plan.halve(pieces, error, self._fitting)

    def descend(self, pieces: Sequence[Piece], count: int, step: int) -> None:
        """Take one step; see :meth:`learn` for the arguments."""
        if not pieces:
            return
        sizes = [len(labels) for _, labels in pieces]
        factors = [self._draw(step, piece, size) for piece, size in enumerate(sizes)]
        whole = count == self._plan.batch
        if whole and self._steps.captures:
            pieces = [
                (self._images.fill(images, piece), self._labels.fill(labels, piece))
                for piece, (images, labels) in enumerate(pieces)
            ]
        self._prepared = [(*piece, drawn) for piece, drawn in zip(pieces, factors, strict=True)]
        self._steps.run(tuple(sizes) if whole else None, partial(self._update, count), self.optimizer.zero_grad)
        self._prepared = []

    def _update(self, count: int) -> None:
        """Do the device part of :meth:`descend`."""
        results = []
        for index, (images, labels, factors) in enumerate(self._prepared):
            with self._synchronised(index == len(self._prepared) - 1):
                total, loss, scores = self._losses(images, labels, factors)
                # Processes average their gradients, and each computes only its share of the batch.
                (total * (len(labels) * self._group.size / count)).backward()
            results.append((loss.detach(), scores.detach(), labels))
        limit = self._settings.gradient_clip or math.inf
        norm = nn.utils.clip_grad_norm_(self._parameters, limit, foreach=True).detach().double()
        self.gradient_sums += torch.stack([norm, (norm > limit).double()])
        self.optimizer.step()
        # Only now: a step that ran out of memory is repeated and must not count twice.
        self._metrics.accumulate(*results)
        # Gradients of a captured step are stored in its memory, which can then be freed.
        self.optimizer.zero_grad(set_to_none=True)

    def evaluate(self, images: Tensor) -> Tensor:
        """Return class scores, float32 [N, classes], of a network in evaluation mode."""
        with self._runtime.autocast(), self._compiled(0):
            scores: Tensor = self.network(images)
        return scores.float()

    def _losses(self, images: Tensor, labels: Tensor, drop_factors: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss to minimise, the main classifier's part of it, and that classifier's scores [N, classes]."""
        with self._runtime.autocast(), self._compiled(len(labels)):
            scores, auxiliary = self._parallel(images, drop_factors)
        scores = scores.float()
        loss = self._cross_entropy(scores, labels)
        if auxiliary is None:
            return loss, loss, scores
        return loss + self._auxiliary_weight * self._cross_entropy(auxiliary.float(), labels), loss, scores

    def _cross_entropy(self, scores: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(scores, labels, label_smoothing=self._settings.label_smoothing)

    def _draw(self, step: int, piece: int, images: int) -> Tensor | None:
        """Return drop path's factors for a piece, [drops, images]; None if nothing is dropped.

        The generator depends only on the seed and on the position in the run and the batch. So a resumed run draws the
        same factors, as does any process that computes the piece.
        """
        if not (self.drop_path and self.network.drops):
            return None
        number = self._group.rank * self._plan.pieces + piece
        generator = named_generator(self._runtime.seed, "drop path", self._epoch, step, number)
        return self._drop_factors.fill(drop_path.draw(self.network.drops, images, self.drop_path, generator), piece)

    def _compiled(self, count: int) -> contextlib.AbstractContextManager[Any]:
        """Use compiled cells for training pieces of the usual size; other shapes and phases would be recompiled."""
        usual = count == self._plan.batch // self._plan.all_pieces
        if not self._settings.compile or (usual and (self.drop_path > 0) == (self._drop_path_end > 0)):
            return contextlib.nullcontext()
        eager: contextlib.AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
        return eager

    def _synchronised(self, last: bool) -> contextlib.AbstractContextManager[None]:
        """Let processes exchange gradients only in the backward pass of their last piece."""
        if last or not isinstance(self._parallel, DistributedDataParallel):
            return contextlib.nullcontext()
        unsynchronised: contextlib.AbstractContextManager[None] = self._parallel.no_sync()
        return unsynchronised

    def _fitting(self, piece: Piece, count: int) -> int:
        """Return how many images can be trained on at once, by halving until it works; 0 if not even two can."""
        images, labels = piece
        while count >= 2:
            try:
                self._losses(images[:count], labels[:count], self._draw(0, 0, count))[0].backward()
                return count
            except torch.OutOfMemoryError:
                self.optimizer.zero_grad(set_to_none=True)
                count //= 2
        return 0
