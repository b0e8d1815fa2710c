"""A set of labelled images in memory, and how it is cut into parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from runs.errors import UsageError


@dataclass(frozen=True)
class ImageSet:
    """Labelled images, as bytes.

    Attributes:
        images: uint8 [N, H, W, 3]; channels last in memory, so that a crop is one gather.
        labels: int64 [N].
        classes: class names, by label.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """Side of the square images, in pixels."""
        return int(self.images.shape[1])

    def resized(self, size: int) -> ImageSet:
        """Return the set at another size (bilinear with antialiasing); itself where ``size`` is 0 or its own."""
        if size in (0, self.size):
            return self
        parts = []
        for chunk in self.images.split(4096):
            floats = chunk.permute(0, 3, 1, 2).float()
            scaled = functional.interpolate(floats, (size, size), mode="bilinear", antialias=True)
            parts.append(scaled.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous())
        return replace(self, images=torch.cat(parts))

    def limited(self, count: int, generator: torch.Generator) -> ImageSet:
        """Return ``count`` images with the same share of every class; itself where ``count`` is 0 or not less."""
        if not 0 < count < len(self):
            return self
        kept = _shares(self.labels, count / len(self), generator)[0][:count].sort().values
        return replace(self, images=self.images[kept], labels=self.labels[kept])

    def to(self, device: torch.device) -> ImageSet:
        """Return the set with its tensors on a device."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


def halves(labels: Tensor, generator: torch.Generator, *, how: str) -> tuple[Tensor, Tensor]:
    """Cut a training set into the half that trains weights and the half that trains the architecture.

    Args:
        labels: int64 [N], on the CPU.
        generator: for ``stratified``.
        how: ``positional`` cuts at the middle, as the public code does; ``stratified`` halves every class at random.

    Returns:
        Two int64 index tensors, disjoint, together all of N.

    Raises:
        UsageError: fewer than two images.
    """
    count = len(labels)
    if count < 2:
        raise UsageError(f"{count} training images cannot be halved.", "Raise image_limit or give more images.")
    if how == "positional":
        order = torch.arange(count)
        return order[: count // 2], order[count // 2 :]
    return _shares(labels, 0.5, generator)


def _shares(labels: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Split the indices so that the first part has ``share`` of every class, as evenly as whole images allow."""
    first, second = [], []
    owed = 0.0
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        # Carry the fraction over, so that the whole part has its share too.
        owed += share * len(members)
        take = min(round(owed), len(members))
        owed -= take
        first.append(members[:take])
        second.append(members[take:])
    return torch.cat(first).sort().values, torch.cat(second).sort().values
