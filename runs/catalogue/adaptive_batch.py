"""A batch that grows as long as memory suffices: in PR-DARTS's searches, and in retraining.

See docs/methods/prdarts.md, "The growing batch".
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import BatchSettings


class GrowingBatchSettings(BatchSettings):
    """How large a batch may grow. A run repeats exactly only if its batch does not grow, or grows at the same steps."""

    batch_size_max: int = setting(
        0,
        "Let the batch grow to this many images while memory allows, as in PR-DARTS; 0 keeps batch_size.",
        group="data",
        ge=0,
        le=65536,
    )
    batch_multiple: int = setting(8, "Grow the batch in multiples of this many images.", group="data", ge=1, le=1024)
    memory_limit: float = setting(
        0.0, "Memory in GiB that a growing batch may use; 0 uses all of the device's memory.", group="hardware", ge=0
    )

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.batch_size_max and self.batch_size_max < self.batch_size:
            raise ValueError(
                f"batch_size_max must be 0 or at least batch_size={self.batch_size}, got {self.batch_size_max}"
            )
        return self
