"""The layers around the cells: stems, the preprocessing of a cell's inputs, the auxiliary head."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts.operations import FactorizedReduce, ReluConvBn
from engine.spaces.layers import Rectified, batch_norm
from runs.genotypes.cell_networks import AUXILIARY_FEATURES, AUXILIARY_WIDTH, CellSlot


class CifarStem(nn.Sequential):
    """A 3x3 convolution from colours to ``channels`` and a batch norm. Both inputs of the first cell are its output."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.Conv2d(3, channels, 3, padding=1, bias=False), batch_norm(channels))


class ImageNetStem(nn.Module):
    """Three 3x3 convolutions of stride 2: the inputs of the first cell are the outputs of the second and the third.

    Args:
        channels: of both outputs; the first convolution has half as many.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // 2
        first = [nn.Conv2d(3, narrow, 3, 2, 1, bias=False), batch_norm(narrow)]
        self.older = nn.Sequential(*first, ReluConvBn(narrow, channels, 3, stride=2))
        self.newer = ReluConvBn(channels, channels, 3, stride=2)


def rectified(stem: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the older and the newer input of the first cell, after the ReLU with which all their readers begin."""
    if isinstance(stem, ImageNetStem):
        older = functional.relu(stem.older(images))
        return older, functional.relu(stem.newer.body(older))
    features = functional.relu(stem(images))
    return features, features


def preprocessing(slot: CellSlot, *, affine: bool = True, track_statistics: bool = True) -> tuple[Rectified, Rectified]:
    """Return layers that bring both inputs of a cell to its width, and the older one to the size of the newer."""
    older, newer = slot.channels_before
    norms = {"affine": affine, "track_statistics": track_statistics}
    reduce = FactorizedReduce if slot.after_reduction else ReluConvBn
    return reduce(older, slot.channels, **norms), ReluConvBn(newer, slot.channels, **norms)


class AuxiliaryHead(Rectified):
    """The second classifier of training: ReLU, average pool to 2 x 2, two convolutions, linear layer.

    Args:
        channels: of the features that it reads.
        classes: of the data set.
        second_norm: whether a batch norm follows the second convolution.
    """

    def __init__(self, channels: int, classes: int, *, second_norm: bool) -> None:
        norm = [batch_norm(AUXILIARY_FEATURES)] if second_norm else []
        super().__init__(
            nn.Sequential(
                PoolToTwo(),
                nn.Conv2d(channels, AUXILIARY_WIDTH, 1, bias=False),
                batch_norm(AUXILIARY_WIDTH),
                nn.ReLU(),
                nn.Conv2d(AUXILIARY_WIDTH, AUXILIARY_FEATURES, 2, bias=False),
                *norm,
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(AUXILIARY_FEATURES, classes),
            )
        )


class PoolToTwo(nn.Module):
    """Average pool of maps of any size to 2 x 2, with windows of five eighths of the side.

    That is the papers' window of 5, with stride 3 on 8 x 8 (CIFAR) and stride 2 on 7 x 7 (ImageNet).
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return [B, C, 2, 2] of [B, C, H, W]."""
        sides = features.shape[2:]
        if min(sides) < 2:
            return functional.adaptive_avg_pool2d(features, 2)
        windows = [min(side - 1, -(-5 * side // 8)) for side in sides]
        return functional.avg_pool2d(
            features, windows, [side - window for side, window in zip(sides, windows, strict=True)]
        )
