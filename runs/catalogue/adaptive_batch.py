"""A batch that grows while memory lasts: in PR-DARTS's searches, and in retraining (prdarts.md 9)."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import BatchSettings


class GrowingBatchSettings(BatchSettings):
    """How large a batch may become. Runs repeat only where it keeps its size, or grows in the same memory."""

    batch_size_max: int = setting(
        0,
        "Let the batch grow up to this many images while memory lasts, as PR-DARTS does; 0 keeps it as it is.",
        group="data",
        ge=0,
        le=65536,
    )
    batch_multiple: int = setting(8, "A growing batch has a multiple of this many images.", group="data", ge=1, le=1024)
    memory_limit: float = setting(
        0.0, "Memory in GiB that a growing batch may fill; 0 is all the device has.", group="hardware", ge=0
    )

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.batch_size_max and self.batch_size_max < self.batch_size:
            raise ValueError(
                f"batch_size_max is {self.batch_size_max}, but a batch begins with batch_size={self.batch_size} images"
            )
        return self
