"""What updates, transitions and callbacks get from the loop instead of the loop itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from engine.architecture.regularisation import Regulariser
from engine.architecture.relaxations.relaxation import Relaxation
from engine.core.runtime import Runtime
from engine.search.batches import SearchBatches
from engine.search.metrics import SearchMetrics
from engine.search.step import Batch, EpochPosition, SearchState
from engine.spaces.space import MixingWeights


class SearchContext:
    """Implements :class:`.step.StepContext` and :class:`.step.EpochContext`. Only the loop sets its attributes.

    Args:
        runtime: device and precision.
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
        relaxation: Relaxation,
        regulariser: Regulariser,
        batches: SearchBatches,
        metrics: SearchMetrics,
        *,
        weight_clip: float,
        architecture_clip: float,
    ) -> None:
        self._runtime, self._relaxation, self._regulariser = runtime, relaxation, regulariser
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
        with self._runtime.autocast():
            scores: Tensor = self.state.supernet(images, mixing)
        return scores.float()

    def both_scores(self, images: Tensor, mixing: MixingWeights) -> tuple[Tensor, Tensor | None]:
        """Return class scores, and those of the auxiliary classifier."""
        with self._runtime.autocast():
            scores, auxiliary = self.state.supernet.both_scores(images, mixing)
        return scores.float(), None if auxiliary is None else auxiliary.float()

    def penalty(self) -> Tensor | None:
        """Return the regulariser's term of the architecture loss."""
        return self._regulariser.penalty(self.state.architecture)

    def clip_weights(self, parameters: Sequence[nn.Parameter]) -> None:
        """Clip the norm of these gradients; record the norm, and whether it was clipped."""
        norm = nn.utils.clip_grad_norm_(parameters, self._weight_clip, foreach=True)
        self._metrics.record_gradient(norm, self._weight_clip)

    def clip_architecture(self, parameters: Sequence[nn.Parameter]) -> None:
        """Clip the norm of these gradients, if there is a limit."""
        if self._architecture_clip:
            nn.utils.clip_grad_norm_(parameters, self._architecture_clip, foreach=True)

    def record(self, loss: Tensor, scores: Tensor, labels: Tensor) -> None:
        """Add a batch to the training metrics; its images are counted by the host part."""
        self._metrics.train.accumulate(loss, scores, labels)

    # Between epochs -------------------------------------------------------------------------------------------------

    def evaluation_weights(self) -> MixingWeights:
        """Return the mixing weights that the search accuracy is measured with."""
        return self._relaxation.evaluation(self.state.architecture)

    def evaluation_batches(self, limit: int | None = None) -> Iterator[Batch]:
        """Yield the batches that the search accuracy is measured on."""
        return self._batches.evaluation(limit)

    def held_out_batch(self, size: int) -> Batch:
        """Return the next augmented images of the architecture's part."""
        return self._batches.held_out(size)
