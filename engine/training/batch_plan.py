"""How large the batches of a training are, and into how many pieces they are cut to fit into the memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from engine.core.batch_growth import next_batch
from engine.core.distributed import Group
from engine.core.runtime import Runtime
from engine.data.batches import EVALUATION_BATCH
from engine.data.feed import Feed
from runs.catalogue.training import TrainingSettings
from runs.errors import EnvironmentLacksError
from runs.log.events import Event, Warned

# Images [N, 3, H, W] and labels [N] that are computed at once.
Piece = tuple[Tensor, Tensor]


class BatchPlan:
    """The batch size and the number of pieces. Both may change during a run; the feeds follow.

    Args:
        settings: the initial size, the largest, and what happens if the memory is too small.
        group: the processes that share each batch.
        runtime: knows how full the memory is.
        train, test: the feeds that make batches.
        emit: receives a warning for each change.

    Attributes:
        batch: the number of images in a training batch, over all processes.
        pieces: the number of pieces that each process computes one after another.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        group: Group,
        runtime: Runtime,
        train: Feed,
        test: Feed,
        emit: Callable[[Event], None],
    ) -> None:
        self._settings, self._group, self._runtime, self._emit = settings, group, runtime, emit
        self._train, self._test = train, test
        self.batch, self.pieces = settings.batch_size, settings.pieces
        self._apply()

    @property
    def all_pieces(self) -> int:
        """The number of pieces of a batch over all processes."""
        return self.pieces * self._group.size

    @property
    def evaluation_batch(self) -> int:
        """The number of images in a test batch, over all processes."""
        return EVALUATION_BATCH * self._group.size

    def set(self, batch: int, pieces: int) -> None:
        """Change both, even during a pass."""
        self.batch, self.pieces = batch, pieces
        self._apply()

    def grow(self) -> None:
        """Enlarge the batch if the memory allows it. All processes must call this at the same step."""
        peak = self._runtime.memory_share(self._settings.memory_limit)
        largest, multiple = self._settings.batch_size_max, self._settings.batch_multiple
        # All processes must use the same batch size: rank 0's memory decides.
        batch = self._group.broadcast(next_batch(self.batch, peak, largest=largest, multiple=multiple))
        if batch != self.batch:
            self._emit(
                Warned(
                    "batch_grown",
                    f"The batch grows from {self.batch} to {batch} images; {peak:.0%} of the memory is in use.",
                )
            )
            self.set(batch, self.pieces)

    def halve(self, pieces: Sequence[Piece], error: Exception, fits: Callable[[Piece, int], int]) -> list[Piece]:
        """Return the pieces of a batch that did not fit, each cut in two; later batches are cut in the same way.

        Args:
            pieces: of the batch.
            error: of the device.
            fits: returns how many images of a piece fit, starting from a number; 0 if not even two do.

        Raises:
            EnvironmentLacksError: pieces cannot be cut further, or the settings forbid it; the hint says what fits.
        """
        largest = max(len(labels) for _, labels in pieces)
        hint = "Set a smaller batch_size or fewer channels."
        if largest >= 4 and self._group.size == 1:
            if self._settings.out_of_memory == "halve":
                self.set(self.batch, 2 * self.pieces)
                self._emit(
                    Warned(
                        "out_of_memory",
                        f"{largest} images do not fit into the memory: batches are computed in {self.pieces} pieces.",
                    )
                )
                return [half for piece in pieces for half in _halves(piece)]
            if fitting := fits(pieces[0], largest // 2):
                count = math.ceil(self.batch / fitting)
                hint = f"{fitting} fit: set batch_size={fitting}, or pieces={count}."
        raise EnvironmentLacksError(f"{largest} images at once do not fit into the memory.", hint) from error

    def _apply(self) -> None:
        first = self._group.rank * self.pieces
        self._train.cut(self.batch, self.all_pieces, tuple(range(first, first + self.pieces)))
        self._test.cut(self.evaluation_batch, self._group.size, (self._group.rank,))


def _halves(piece: Piece) -> list[Piece]:
    images, labels = piece
    return list(zip(images.tensor_split(2), labels.tensor_split(2), strict=True))
