"""What updates, transitions and callbacks get from the loop instead of the loop itself."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from engine.architecture.regularisation import Regulariser
from engine.architecture.relaxations.relaxation import Relaxation
from engine.core.distributed import Group
from engine.core.runtime import Runtime
from engine.core.seeds import seed_of
from engine.search.batches import SearchBatches
from engine.search.metrics import SearchMetrics
from engine.search.step import Batch, EpochPosition, Level, SearchState
from engine.spaces.space import MixingWeights

Result = TypeVar("Result")


class SearchContext:
    """Implements :class:`.step.StepContext` and :class:`.step.EpochContext`. Only the loop sets its attributes.

    Args:
        runtime: device and precision.
        group: the processes that share the run.
        relaxation: from the architecture parameters to mixing weights.
        regulariser: of the architecture parameters.
        batches: the images.
        metrics: records the training.
        weight_clip, architecture_clip: maximum norms of the gradients; 0 for no limit.

    Attributes:
        state: what is trained; absent while a new stage is built.
        position: which epoch it is.
        trains_architecture: whether the epoch changes the architecture parameters.
    """

    state: SearchState

    def __init__(
        self,
        runtime: Runtime,
        group: Group,
        relaxation: Relaxation,
        regulariser: Regulariser,
        batches: SearchBatches,
        metrics: SearchMetrics,
        *,
        weight_clip: float,
        architecture_clip: float,
    ) -> None:
        self._runtime, self._group = runtime, group
        self._relaxation, self._regulariser = relaxation, regulariser
        self._batches, self._metrics = batches, metrics
        self._weight_clip, self._architecture_clip = weight_clip or math.inf, architecture_clip
        self.position = EpochPosition(0, 0, 0, 0)
        self.trains_architecture = False

    # Steps ----------------------------------------------------------------------------------------------------------

    def weight_batch(self) -> Batch:
        """Return the prepared batch of the weights."""
        return self._batches.weights()

    def architecture_batch(self) -> Batch:
        """Return the prepared batch of the architecture."""
        return self._batches.architecture()

    def sample(self, *, detached: bool = False) -> MixingWeights:
        """Return fresh mixing weights."""
        with torch.set_grad_enabled(not detached and torch.is_grad_enabled()):
            return self._relaxation.sample(self.state.architecture)

    def scores(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return class scores, float32 [N, classes]."""
        with self._runtime.autocast(), self._own_draws():
            scores: Tensor = self.state.supernet(images, mixing)
        return scores.float()

    def both_scores(self, images: Tensor, mixing: MixingWeights) -> tuple[Tensor, Tensor | None]:
        """Return class scores, and those of the auxiliary classifier."""
        with self._runtime.autocast(), self._own_draws():
            scores, auxiliary = self.state.supernet.both_scores(images, mixing)
        return scores.float(), None if auxiliary is None else auxiliary.float()

    def penalty(self) -> Tensor | None:
        """Return the regulariser's term of the architecture loss."""
        return self._regulariser.penalty(self.state.architecture)

    def average(self, gradients: Iterable[Tensor], level: Level) -> None:
        """Replace the gradients of this process's share of a batch by those of the whole batch."""
        if self._group.size > 1:
            self._group.weighted_sums(list(gradients), self._batches.share(level))

    def clip_weights(self, parameters: Sequence[nn.Parameter]) -> None:
        """Clip the norm of these gradients; record the norm, and whether it was clipped."""
        norm = nn.utils.clip_grad_norm_(parameters, self._weight_clip, foreach=True)
        self._metrics.record_gradient(norm, self._weight_clip)

    def clip_architecture(self, parameters: Sequence[nn.Parameter]) -> None:
        """Clip the norm of these gradients, if there is a limit."""
        if self._architecture_clip:
            nn.utils.clip_grad_norm_(parameters, self._architecture_clip, foreach=True)

    def record(self, loss: Tensor, scores: Tensor, labels: Tensor) -> None:
        """Add a batch to the training metrics."""
        self._metrics.train.accumulate((loss, scores, labels))

    # Between epochs -------------------------------------------------------------------------------------------------

    def evaluation_weights(self) -> MixingWeights:
        """Return the mixing weights that the search accuracy is measured with."""
        return self._relaxation.evaluation(self.state.architecture)

    def evaluation_batches(self, limit: int | None = None) -> Iterator[Batch]:
        """Yield the batches that the search accuracy is measured on."""
        return self._batches.evaluation(limit)

    def held_out_batch(self, size: int) -> Batch:
        """Return this process's share of the next augmented images of the architecture's part."""
        return self._batches.held_out(size)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes."""
        return self._group.total(values)

    def agreed(self, compute: Callable[[], Result]) -> Result:
        """Return what rank 0 computes."""
        return self._group.agreed(compute)

    # Several processes ----------------------------------------------------------------------------------------------

    def _own_draws(self) -> contextlib.AbstractContextManager[None]:
        """Return the context of a forward pass in which a process draws numbers of its own.

        What a supernet draws for its images, such as dropout, must differ between the shares of a batch, whereas
        torch's global generator must stay equal in all processes, because the relaxation draws from it.
        """
        if self._group.size == 1 or not self.state.supernet.training:
            return contextlib.nullcontext()
        return self._seeded()

    @contextlib.contextmanager
    def _seeded(self) -> Iterator[None]:
        # Equal in all processes, and part of a checkpoint.
        common = int(torch.randint(2**62, (), generator=self._runtime.generator("forward passes")))
        device = self._runtime.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed_of(common, self._group.rank))
            yield
