"""Augmentation of whole batches on the images' device: crop, flip, normalise and cutout as tensor operations."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from engine.data.images import ImageSet
from engine.data.normalise import Normaliser, as_images
from engine.data.statistics import Channels


class Augmenter:
    """Turns indices into normalised batches, distributed like torchvision's transforms, from one seeded generator.

    Args:
        data: the images; all work is done on their device.
        mean, std: per channel, of values in 0..1.
        crop_padding: width of the black border added before the random crop back to the image's size.
        flip: whether to mirror half of the images.
        cutout_length: side of the blanked square, centred on a uniform pixel and clipped at the border; 0 for none.
        generator: draws offsets, flips and centres, on the CPU.
    """

    def __init__(
        self,
        data: ImageSet,
        *,
        mean: Channels,
        std: Channels,
        crop_padding: int,
        flip: bool,
        cutout_length: int,
        generator: torch.Generator,
    ) -> None:
        device, size = data.images.device, data.size
        padding = (0, 0, crop_padding, crop_padding, crop_padding, crop_padding)
        padded = functional.pad(data.images, padding) if crop_padding else data.images
        self._side = padded.shape[1]
        # Every row of every crop is a contiguous strip of bytes; strips begin anywhere and overlap.
        strip = size * 3
        self._strips = padded.contiguous().as_strided((max(padded.numel() - strip + 1, 0), strip), (1, 1))
        self._labels = data.labels
        self._size, self._padding = size, crop_padding
        self._flip = flip
        self._cutout = cutout_length
        self._generator = generator
        self._normalise = Normaliser(mean, std, size, device)
        self.mean, self.std = mean, std
        self._pixels = torch.arange(size, device=device)
        # The byte positions of a row, unchanged and with its pixels from right to left.
        places = torch.arange(strip, device=device).view(size, 3)
        self._bytes = torch.stack([places.flatten(), places.flip(0).flatten()])

    def train(self, indices: Tensor, draws: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return augmented images, float32 [B, 3, H, W] in channels-last memory, and labels [B].

        Args:
            indices: int64 [B], on the CPU.
            draws: the result of :meth:`draw` for them; drawn now by default.
        """
        return self.augment(self._sent(self.numbers(indices, draws)))

    def numbers(self, indices: Tensor, draws: Tensor | None = None) -> Tensor:
        """Return all numbers of a batch, int64 [6, B] on the CPU: the indices, then the draws."""
        return torch.cat([indices[None], self.draw(len(indices)) if draws is None else draws])

    def augment(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return the batch of :meth:`numbers`, which must be on the images' device. All work is done there."""
        index, top, left, mirror, row, column = numbers
        rows = self._cropped(index, top, left)
        if self._flip:
            rows = rows.gather(2, self._bytes[mirror][:, None].expand_as(rows))
        rows = self._normalise(rows)
        if self._cutout:
            rows = rows.mul_(self._kept(row, column))
        return as_images(rows), self._labels[index]

    def test(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images of indices on the CPU, without augmentation."""
        return self.plain(self._sent(indices))

    def plain(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images of indices on their device, without augmentation."""
        centred = torch.full_like(index, self._padding)
        return as_images(self._normalise(self._cropped(index, centred, centred))), self._labels[index]

    def draw(self, count: int) -> Tensor:
        """Return the random draws for ``count`` images, int64 [5, count] on the CPU.

        The rows are top and left of the crop, mirror, and the two coordinates of cutout's centre. All of them are
        always drawn, so that an option that is switched off does not shift the others.
        """
        reach = 2 * self._padding + 1
        limits = (reach, reach, 2, self._size, self._size)
        return torch.stack([torch.randint(limit, (count,), generator=self._generator) for limit in limits])

    def _sent(self, numbers: Tensor) -> Tensor:
        """Send numbers to the images' device, without waiting for pending work of a GPU."""
        device = self._pixels.device
        return numbers.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else numbers

    def _cropped(self, index: Tensor, top: Tensor, left: Tensor) -> Tensor:
        """Return the rows of the crops, uint8 [B, H, W * 3]."""
        starts = (index * self._side + top)[:, None] + self._pixels  # counted in padded rows
        starts = (starts * self._side + left[:, None]) * 3
        return self._strips.index_select(0, starts.flatten()).view(len(index), self._size, -1)

    def _kept(self, row: Tensor, column: Tensor) -> Tensor:
        """Return 0 where cutout blanks and 1 elsewhere, float32 [B, H, W * 3]."""
        rows, columns = self._covered(row), self._covered(column).repeat_interleave(3, 1)
        # An outer product as a matrix product takes a third of the time of broadcasting.
        one = torch.ones(1, 1, 1, device=rows.device)
        return torch.baddbmm(one, rows[:, :, None], columns[:, None, :], alpha=-1)

    def _covered(self, centre: Tensor) -> Tensor:
        """Return 1 for the rows (or columns) that cutout blanks: [centre - length//2, centre + length//2)."""
        half = self._cutout // 2
        distance = self._pixels - centre[:, None]
        return ((distance >= -half) & (distance < half)).float()
