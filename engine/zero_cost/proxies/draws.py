"""A draw: the weights, the batch and the crops that candidates are measured with.

See docs/methods/tenas.md, "Condition number of the NTK", "Linear regions" and "Indicators are noisy".

A draw depends only on the seed and its key: not on threads, and not on earlier draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.seeds import named_generator
from engine.data.augment import Augmenter
from engine.data.images import ImageSet
from engine.data.statistics import Channels
from runs.errors import UsageError

Key = tuple[int, ...]
CROP = 3
# Larger images are scaled down to this side, as TE-NAS does with ImageNet.
SIDE = 32
_COLOURS = 3


@dataclass(frozen=True)
class Draw:
    """The inputs of one measurement of a candidate.

    Attributes:
        ntk_weights, thin_weights: keys of the weights of both networks; equal keys mean equal weights.
        images: normalised, float32 [B, 3, H, W].
        crops: batches of normalised crops of one channel, float32 [N, 1, 3, 3] each.
    """

    ntk_weights: Key
    thin_weights: Key
    images: Tensor
    crops: tuple[Tensor, ...]


class DrawSource:
    """Draws batches and crops from images in memory.

    Args:
        images: uint8 [N, H, W, 3], or one channel, which then stands for all three. Labels are never read.
        mean, std: per channel, of values in 0..1.
        crop_padding: width of the black border added before the random crop of a batch; 0 for none.
        flip: whether to mirror half of a batch.
        batch_size: the number of images in a batch; all of them if there are fewer.
        region_batches, region_samples: the number of batches of crops, and of crops in each.
        seed: of the run.

    Attributes:
        batch_size: the number of images in a batch, at most all.

    Raises:
        UsageError: the images or the sizes do not allow a draw; the message says why.
    """

    def __init__(
        self,
        images: ImageSet,
        *,
        mean: Channels,
        std: Channels,
        crop_padding: int,
        flip: bool,
        batch_size: int,
        region_batches: int,
        region_samples: int,
        seed: int,
    ) -> None:
        _check(images, batch_size, region_batches, region_samples)
        if images.size > SIDE:
            images = images.resized(SIDE)
        self.batch_size = min(batch_size, len(images))
        self._pixels = images.images.contiguous()
        self._classes = images.classes
        self._mean, self._std = mean, std
        self._crop_padding, self._flip = crop_padding, flip
        self._region_batches, self._region_samples = region_batches, region_samples
        self._seed = seed

    def generator(self, *key: object) -> torch.Generator:
        """Return a new generator on the CPU, seeded by this name."""
        return named_generator(self._seed, *key)

    def images(self, key: Key) -> Tensor:
        """Return a batch of distinct images, shifted, mirrored and normalised, [B, 3, H, W]."""
        generator = self.generator("images", *key)
        chosen = torch.randperm(len(self._pixels), generator=generator)[: self.batch_size]
        pixels = self._pixels[chosen.to(self._pixels.device)]
        labels = torch.zeros(len(pixels), dtype=torch.int64, device=pixels.device)
        augmenter = Augmenter(
            ImageSet(pixels.expand(-1, -1, -1, _COLOURS), labels, self._classes),
            mean=self._mean,
            std=self._std,
            crop_padding=self._crop_padding,
            flip=self._flip,
            cutout_length=0,
            generator=generator,
        )
        return augmenter.train(torch.arange(len(pixels)))[0].contiguous()

    def crops(self, key: Key) -> tuple[Tensor, ...]:
        """Return batches of 3 x 3 crops of single channels, drawn uniformly from all images, [N, 1, 3, 3] each."""
        generator = self.generator("crops", *key)
        count = self._region_batches * self._region_samples
        available, height, width, channels = self._pixels.shape
        rounds = -(-count // available)
        chosen = torch.cat([torch.randperm(available, generator=generator) for _ in range(rounds)])[:count]
        limits = (height - CROP + 1, width - CROP + 1, _COLOURS)
        top, left, channel = (torch.randint(limit, (count,), generator=generator) for limit in limits)
        span = torch.arange(CROP)
        rows, columns = (top[:, None] + span)[:, :, None], (left[:, None] + span)[:, None, :]
        positions = ((chosen[:, None, None] * height + rows) * width + columns) * channels
        if channels > 1:
            positions += channel[:, None, None]
        bytes_ = self._pixels.flatten()[positions.to(self._pixels.device)]
        mean, std = (torch.tensor(values)[channel].view(-1, 1, 1) for values in (self._mean, self._std))
        values = bytes_.float().div_(255).sub_(mean.to(bytes_.device)).div_(std.to(bytes_.device))
        return tuple(torch.split(values.unsqueeze(1), self._region_samples))


def _check(images: ImageSet, batch_size: int, region_batches: int, region_samples: int) -> None:
    count, height, width, channels = images.images.shape
    if channels not in (1, _COLOURS):
        raise UsageError(f"The images have {channels} channels.", "They must have 1 or 3.")
    if min(height, width) < CROP:
        raise UsageError(
            f"The images have {width} x {height} pixels; linear regions are counted on crops of {CROP} x {CROP}.",
            "Use larger images, or set image_size.",
        )
    if batch_size < 2:
        raise UsageError(
            f"A batch of {batch_size} is too small: the condition number of a 1 x 1 kernel is always 1.",
            "Use at least 2 images.",
        )
    if count < 2:
        raise UsageError(f"{count} training images are too few: the NTK needs at least 2.", "Give more images.")
    if min(region_batches, region_samples) < 1:
        raise UsageError(
            "Linear regions need at least one batch of at least one crop.", "Raise region_batches and region_samples."
        )
