"""An update whose batch grows while memory lasts, and steps back where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.core.batch_growth import Growth
from engine.search.updates.update import Update
from runs.errors import EnvironmentLacksError
from runs.log.events import Warned

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch


class AdaptiveBatch:
    """Does another update with batches that fill the memory (PR-DARTS; prdarts.md 9).

    What does not fit is done again in smaller batches, and the stage goes on with these.

    Args:
        update: what is done with a batch.
        growth: decides on the size, and remembers what it needs for that.
        memory_limit: what may be filled, in GiB; 0 for all that the device has.
    """

    def __init__(self, update: Update, growth: Growth, memory_limit: float) -> None:
        self._update, self._growth, self._memory_limit = update, growth, memory_limit

    def step(self, search: DifferentiableSearch, batch: Tensor) -> None:
        """Do the update; then look at the memory, if it is time."""
        # A search's last batch of an epoch may be short, and says nothing of the size.
        whole = len(batch) == search.batch_size
        try:
            self._update.step(search, batch)
        except torch.OutOfMemoryError as error:
            self._step_back(search, len(batch), error)
            while len(batch):
                self.step(search, batch[: search.batch_size])
                batch = batch[search.batch_size :]
            return
        if whole and self._growth.done(len(batch)):
            self._grow(search)

    def _grow(self, search: DifferentiableSearch) -> None:
        runtime = search.context.runtime
        peak = runtime.memory_share(self._memory_limit)
        batch = self._growth.next(search.batch_size, peak)
        if batch > search.batch_size:
            told = f"The batch grows from {search.batch_size} to {batch} images; {peak:.0%} of the memory."
            search.context.emit(Warned("batch_grown", told))
            search.batch_size = batch
            runtime.free_cache()

    def _step_back(self, search: DifferentiableSearch, images: int, error: Exception) -> None:
        for optimiser in (search.weight_optimizer, search.architecture_optimizer):
            optimiser.zero_grad(set_to_none=True)
        search.context.runtime.free_cache()
        batch = self._growth.step_back(images)
        if not batch:
            raise EnvironmentLacksError(
                f"{images} images at once do not fit into the memory.", "Set fewer channels or layers."
            ) from error
        told = f"{images} images do not fit into the memory: the batch is {batch} for the rest of the stage."
        search.context.emit(Warned("batch_stepped_back", told))
        search.batch_size = batch
