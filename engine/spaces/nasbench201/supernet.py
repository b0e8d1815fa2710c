"""The NAS-Bench-201 supernet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from engine.spaces.layers import Head
from engine.spaces.nasbench201 import operations
from engine.spaces.nasbench201.cell import MixedCell, Mixture
from engine.spaces.space import Candidates, MixingWeights, Supernet
from runs.errors import UsageError


class NasBench201Supernet(Supernet):
    """Stem, then three stages of cells at C, 2C and 4C channels with a residual reduction between, then the head.

    Args:
        channels: C.
        cells: the number of cells in each stage.
        classes: the number of classes of the data set.
        candidates: the operations alive on each edge; others are not built.
        partial: k: operations see the first 1/k of the channels, the others bypass them
            (docs/methods/drnas.md, "Partial channels").
        track_statistics: whether candidate batch norms keep running averages.

    Raises:
        UsageError: C cannot be divided by k.
    """

    def __init__(
        self,
        *,
        channels: int,
        cells: int,
        classes: int,
        candidates: Candidates,
        partial: int = 1,
        track_statistics: bool = True,
    ) -> None:
        super().__init__()
        if channels % partial:
            raise UsageError(f"{channels} channels cannot be divided into {partial} equal parts.")
        self.candidates = candidates
        self.partial = partial
        blocks: list[nn.Module] = []
        for stage, width in enumerate((channels, 2 * channels, 4 * channels)):
            if stage:
                blocks.append(operations.ResidualReduction(width // 2))
            blocks += [
                MixedCell(width, candidates["cell"], partial=partial, track_statistics=track_statistics)
                for _ in range(cells)
            ]
        self.stem = operations.Stem(channels)
        self.blocks = nn.ModuleList(blocks)
        self.head = Head(4 * channels, classes)

    def forward(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        """Return class scores [B, classes]; all cells share the same mixing weights."""
        mixture = Mixture(mixing["cell"], self.candidates["cell"])
        features = self.stem(images.contiguous() if self.partial > 1 else images)
        for block in self.blocks:
            features = block(features, mixture) if isinstance(block, MixedCell) else block(features)
        scores: Tensor = self.head(features)
        return scores

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        super()._apply(fn, recurse)
        if self.partial > 1:
            # Slices and shuffles of channels are faster in NCHW order: with channels last a step takes 1.13 times as
            # long. For a 1x1 kernel both orders are the same except for its strides, and these decide: hence always a
            # copy.
            for parameter in self.parameters():
                parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
        return self
