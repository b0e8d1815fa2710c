"""A batch size that grows while memory allows, and steps back where it does not (PR-DARTS).

See docs/methods/prdarts.md, "The growing batch".
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.core.batch_growth import BatchGrowth
from engine.core.distributed import ALONE, Group
from engine.core.runtime import Runtime
from engine.search.step import SearchState
from runs.errors import EnvironmentLacksError
from runs.log.events import Event, Warned


class AdaptiveBatch:
    """Trains with batches that fill the memory. See :class:`engine.search.step.BatchPolicy`.

    A batch that does not fit is trained in smaller batches, whose size is kept for the rest of the stage. Of several
    processes, rank 0's memory decides about growth, and a batch that does not fit into one of them ends the run: the
    others are in the middle of its step.

    Args:
        growth: decides on the size, and keeps the state needed for that.
        runtime: measures the memory.
        emit: emits a warning for every change.
        memory_limit: the memory that may be filled, in GiB; 0 for all that the device has.
        group: the processes that share each batch.
    """

    def __init__(
        self,
        growth: BatchGrowth,
        runtime: Runtime,
        emit: Callable[[Event], None],
        memory_limit: float,
        group: Group = ALONE,
    ) -> None:
        self._growth, self._runtime, self._emit, self._memory_limit = growth, runtime, emit, memory_limit
        self._group = group

    def run(self, train: Callable[[Tensor], None], indices: Tensor, state: SearchState) -> None:
        """Train on the indices, then check the memory if it is due."""
        # The last batch of an epoch may be short, and says nothing about the size.
        whole = len(indices) == state.batch_size
        if self._fits(train, indices):
            if whole and self._growth.done(len(indices)):
                self._grow(state)
            return
        self._step_back(state, len(indices))
        while len(indices):
            self.run(train, indices[: state.batch_size], state)
            indices = indices[state.batch_size :]

    def _fits(self, train: Callable[[Tensor], None], indices: Tensor) -> bool:
        # A separate method, so that the error is freed before a retry: its traceback holds the failed step's
        # activations.
        try:
            train(indices)
        except torch.OutOfMemoryError as error:
            if self._group.size > 1:
                raise EnvironmentLacksError(
                    f"A process's share of {len(indices)} images does not fit into its memory.",
                    "Lower batch_size_max, batch_size or memory_limit, then start a new run.",
                ) from error
            return False
        return True

    def _grow(self, state: SearchState) -> None:
        peak = self._runtime.memory_share(self._memory_limit)
        size = self._group.broadcast(self._growth.next(state.batch_size, peak))
        if size > state.batch_size:
            message = f"The batch grows from {state.batch_size} to {size} images; {peak:.0%} of the memory."
            self._emit(Warned("batch_grown", message))
            state.batch_size = size
            self._runtime.free_cache()

    def _step_back(self, state: SearchState, images: int) -> None:
        for optimizer in (state.weight_optimizer, state.architecture_optimizer):
            optimizer.zero_grad(set_to_none=True)
        self._runtime.free_cache()
        size = self._growth.step_back(images)
        if not size:
            raise EnvironmentLacksError(
                f"{images} images at once do not fit into the memory.", "Set fewer channels or layers."
            )
        message = f"{images} images do not fit into the memory: the batch is {size} for the rest of the stage."
        self._emit(Warned("batch_stepped_back", message))
        state.batch_size = size
