"""A set of labelled images in memory, and how it is split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from engine.data.statistics import Channels, measured
from runs.errors import UsageError

_LOOK = 64  # images that are looked at together
SINGLE_COLOURS = "Every training image that was looked at is a single colour: are these the right files?"


@dataclass(frozen=True)
class ImageSet:
    """Labelled images, as bytes.

    Attributes:
        images: uint8 [N, H, W, 3]; channels last, so that a crop is one gather.
        labels: int64 [N].
        classes: class names, by label.
        statistics: mean and standard deviation per channel of exactly these images, if their loader has measured them.
        skipped: files of the set that could not be read and were left out.
    """

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    statistics: tuple[Channels, Channels] | None = None
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """Side of the square images, in pixels."""
        return int(self.images.shape[1])

    def resized(self, size: int) -> ImageSet:
        """Return the set at another size (bilinear with antialiasing), or itself if ``size`` is 0 or its own."""
        if size in (0, self.size):
            return self
        parts = []
        for chunk in self.images.split(4096):
            floats = chunk.permute(0, 3, 1, 2).float()
            scaled = functional.interpolate(floats, (size, size), mode="bilinear", antialias=True)
            parts.append(scaled.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous())
        return replace(self, images=torch.cat(parts), statistics=None)

    def limited(self, count: int, generator: torch.Generator) -> ImageSet:
        """Return ``count`` images with the same share of every class; itself if ``count`` is 0 or not smaller."""
        kept = limited(self.labels, count, generator)
        if len(kept) == len(self):
            return self
        return replace(self, images=self.images[kept], labels=self.labels[kept], statistics=None)

    def measured(self) -> tuple[Channels, Channels]:
        """Return mean and standard deviation of the images per channel, of values in 0..1."""
        return self.statistics or measured(self.images)

    def to(self, device: torch.device) -> ImageSet:
        """Return the set with its tensors on a device."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


def single_colours(images: Tensor) -> bool:
    """Return whether there are images and each has one value in all its pixels; stops at the first that has not.

    Args:
        images: uint8 [N, H, W, 3].
    """
    return len(images) > 0 and all(bool((chunk == chunk[:, :1, :1]).all()) for chunk in images.split(_LOOK))


def halves(labels: Tensor, generator: torch.Generator, *, how: str) -> tuple[Tensor, Tensor]:
    """Split a training set into the half that trains weights and the half that trains the architecture.

    Args:
        labels: int64 [N], on the CPU.
        generator: for ``stratified``.
        how: ``positional`` splits at the middle, as the public code does; ``stratified`` halves every class at random.

    Returns:
        Two int64 index tensors, disjoint, together all of N.

    Raises:
        UsageError: fewer than two images.
    """
    count = len(labels)
    if count < 2:
        raise UsageError(f"{count} training images cannot be split into halves.", "Raise image_limit or add images.")
    if how == "positional":
        order = torch.arange(count)
        return order[: count // 2], order[count // 2 :]
    return _shares(labels, 0.5, generator)


def everything(labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return all indices, which train both levels of a search together, and none for the architecture alone."""
    order = torch.arange(len(labels))
    return order, order[:0]


def limited(labels: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return ``count`` sorted indices with the same share of every class; all if ``count`` is 0 or not smaller.

    Args:
        labels: int64 [N], on the CPU.
        count: the number of indices.
        generator: chooses within the classes.
    """
    if not 0 < count < len(labels):
        return torch.arange(len(labels))
    return _shares(labels, count / len(labels), generator)[0][:count].sort().values


def portions(labels: Tensor, shares: Sequence[float], generator: torch.Generator) -> tuple[Tensor, ...]:
    """Draw disjoint parts of a training set, each with its share of every class and at least one image of it.

    A search on ImageNet uses 0.1 of every class for the weights and 0.025 for the architecture.

    Args:
        labels: int64 [N], on the CPU.
        shares: fractions in 0..1; the rest belongs to no part.
        generator: chooses within the classes.

    Returns:
        One sorted int64 index tensor for each share.

    Raises:
        UsageError: a share is 0, the shares sum to more than 1, or a class has too few images.
    """
    if min(shares) <= 0 or sum(shares) > 1 + 1e-9:
        raise UsageError(
            f"A training set cannot be split into shares of {', '.join(f'{share:g}' for share in shares)}.",
            "Shares must be above 0 and sum to 1 at most.",
        )
    parts: list[list[Tensor]] = [[] for _ in shares]
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        counts = [max(1, int(share * len(members) + 1e-9)) for share in shares]
        if sum(counts) > len(members):
            raise UsageError(
                f"Class {label} has {len(members)} training images, too few for {len(shares)} disjoint parts.",
                "Add images to it, or set smaller shares.",
            )
        for part, chosen in zip(parts, members.split([*counts, len(members) - sum(counts)]), strict=False):
            part.append(chosen)
    return tuple(torch.cat(part).sort().values for part in parts)


def _shares(labels: Tensor, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Split the indices so that the first part has ``share`` of every class, as evenly as whole images allow."""
    first, second = [], []
    owed = 0.0
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        # Carry the fraction over to the next class, so that the whole part gets its share as well.
        owed += share * len(members)
        take = min(round(owed), len(members))
        owed -= take
        first.append(members[:take])
        second.append(members[take:])
    return torch.cat(first).sort().values, torch.cat(second).sort().values
