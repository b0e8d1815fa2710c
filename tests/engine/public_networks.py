"""Discrete networks in the layout of the public repositories, with their parameter names, written plainly.

Each operation has its own ReLU, each pair of edges its own sum. docs/imports.md, "Weights", describes the layout.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from runs.genotypes import nasbench201
from runs.genotypes.genotype import Cell, Genotype
from runs.genotypes.topology import Topology


class Op(nn.Module):
    """A module whose layers are a sequence called ``op``."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.op = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.op(features)
        return out


class Reduce(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(before, after // 2, 1, stride=2, bias=False)
        self.conv_2 = nn.Conv2d(before, after // 2, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(after)

    def forward(self, features: Tensor) -> Tensor:
        features = functional.relu(features)
        halves = torch.cat([self.conv_1(features), self.conv_2(features[:, :, 1:, 1:])], dim=1)
        out: Tensor = self.bn(halves)
        return out


def convolved(before: int, after: int, kernel: int = 1, stride: int = 1) -> Op:
    return Op(nn.ReLU(), nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(after))


def separated(channels: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    padding = dilation * (kernel - 1) // 2
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]


def operation(name: str, channels: int, stride: int, norms: str) -> nn.Module:
    family, _, kernel = name.rpartition("_")
    match family:
        case "sep_conv":
            size = int(kernel[0])
            return Op(*separated(channels, size, stride), *separated(channels, size, 1))
        case "dil_conv":
            return Op(*separated(channels, int(kernel[0]), stride, dilation=2))
        case "skip" if stride == 2:
            return Reduce(channels, channels)
        case "skip":
            return nn.Sequential(nn.Identity(), nn.BatchNorm2d(channels)) if norms == "all" else nn.Identity()
        case "conv_7x1":
            return nn.Sequential(
                nn.ReLU(),
                nn.Conv2d(channels, channels, (1, 7), (1, stride), (0, 3), bias=False),
                nn.Conv2d(channels, channels, (7, 1), (stride, 1), (3, 0), bias=False),
                nn.BatchNorm2d(channels),
            )
    pool = nn.MaxPool2d(3, stride, 1) if family == "max_pool" else nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    match norms:
        case "plain":
            return pool
        case "pool":
            return Op(pool, nn.BatchNorm2d(channels, affine=False))
    return nn.Sequential(pool, nn.BatchNorm2d(channels))


class DartsCell(nn.Module):
    def __init__(
        self, cell: Cell, before: tuple[int, int], channels: int, *, reduces: bool, after_reduction: bool, norms: str
    ) -> None:
        super().__init__()
        self.cell = cell
        self.preprocess0 = Reduce(before[0], channels) if after_reduction else convolved(before[0], channels)
        self.preprocess1 = convolved(before[1], channels)
        self._ops = nn.ModuleList(
            operation(edge.operation, channels, 2 if reduces and edge.source < 2 else 1, norms) for edge in cell.edges
        )

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        states = [self.preprocess0(older), self.preprocess1(newer)]
        for first in range(0, len(self._ops), 2):
            pair = zip(self.cell.edges[first : first + 2], self._ops[first : first + 2], strict=True)
            states.append(sum(layer(states[edge.source]) for edge, layer in pair))
        return torch.cat([states[node] for node in self.cell.outputs], dim=1)


class AuxiliaryHead(nn.Module):
    def __init__(self, channels: int, classes: int, *, second_norm: bool) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, stride=3),
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            *([nn.BatchNorm2d(768)] if second_norm else []),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)


class DartsNetwork(nn.Module):
    """The network of DARTS, PC-DARTS, P-DARTS, DrNAS and ISTA-NAS; ``norms`` as for :class:`CellNetwork`."""

    def __init__(
        self,
        genotype: Genotype,
        *,
        channels: int,
        layers: int,
        classes: int,
        norms: str = "plain",
        stem: str = "cifar",
        auxiliary: bool = True,
    ) -> None:
        super().__init__()
        if stem == "cifar":
            before = (3 * channels, 3 * channels)
            self.stem = nn.Sequential(
                nn.Conv2d(3, 3 * channels, 3, padding=1, bias=False), nn.BatchNorm2d(3 * channels)
            )
        else:
            before = (channels, channels)
            half = channels // 2
            self.stem0 = nn.Sequential(
                nn.Conv2d(3, half, 3, 2, 1, bias=False),
                nn.BatchNorm2d(half),
                nn.ReLU(),
                nn.Conv2d(half, channels, 3, 2, 1, bias=False),
                nn.BatchNorm2d(channels),
            )
            self.stem1 = nn.Sequential(
                nn.ReLU(), nn.Conv2d(channels, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels)
            )
        self.cells = nn.ModuleList()
        after_reduction = stem == "imagenet"
        for index in range(layers):
            reduces = index in (layers // 3, 2 * layers // 3)
            channels *= 2 if reduces else 1
            cell = genotype.cells["reduce" if reduces else "normal"]
            self.cells.append(
                DartsCell(cell, before, channels, reduces=reduces, after_reduction=after_reduction, norms=norms)
            )
            before, after_reduction = (before[1], len(cell.outputs) * channels), reduces
            if auxiliary and index == 2 * layers // 3:
                self.auxiliary_head = AuxiliaryHead(before[1], classes, second_norm=stem == "cifar")
        self.classifier = nn.Linear(before[1], classes)

    def forward(self, images: Tensor) -> Tensor:
        older = self.stem(images) if hasattr(self, "stem") else self.stem0(images)
        newer = older if hasattr(self, "stem") else self.stem1(older)
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        pooled = functional.adaptive_avg_pool2d(newer, 1).flatten(1)
        out: Tensor = self.classifier(pooled)
        return out


class TopologyCell(nn.Module):
    def __init__(self, genotype: Genotype, channels: int) -> None:
        super().__init__()
        topology: Topology = nasbench201.TOPOLOGY
        self.names = [topology.operations[column] for column in nasbench201.operation_indices(genotype)]
        self.layers = nn.ModuleList(self._layer(name, channels) for name in self.names)

    def _layer(self, name: str, channels: int) -> nn.Module:
        match name:
            case "nor_conv_1x1":
                return convolved(channels, channels)
            case "nor_conv_3x3":
                return convolved(channels, channels, 3)
            case "avg_pool_3x3":
                return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        return nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        nodes = [features]
        for target in (1, 2, 3):
            total = torch.zeros_like(features)
            for place, (source, node) in enumerate(nasbench201.TOPOLOGY.edges):
                if node == target and self.names[place] != "none":
                    total = total + self.layers[place](nodes[source])
            nodes.append(total)
        return nodes[3]


class ResidualBlock(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv_a = convolved(before, after, 3, 2)
        self.conv_b = convolved(after, after, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(before, after, 1, bias=False))

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.downsample(features) + self.conv_b(self.conv_a(features))
        return out


class TopologyNetwork(nn.Module):
    """The network of AutoDL-Projects for NAS-Bench-201."""

    def __init__(self, genotype: Genotype, *, channels: int, cells: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.cells = nn.ModuleList()
        for stage in range(3):
            width = channels * 2**stage
            if stage:
                self.cells.append(ResidualBlock(width // 2, width))
            self.cells.extend(TopologyCell(genotype, width) for _ in range(cells))
        self.lastact = nn.Sequential(nn.BatchNorm2d(4 * channels), nn.ReLU())
        self.classifier = nn.Linear(4 * channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images)
        for cell in self.cells:
            features = cell(features)
        out: Tensor = self.classifier(functional.adaptive_avg_pool2d(self.lastact(features), 1).flatten(1))
        return out


def shuffled(network: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every parameter and running average of a network anew, and return it in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2, generator=generator)
        elif tensor.is_floating_point():
            tensor.normal_(0, 0.3 if tensor.ndim < 2 else tensor[0].numel() ** -0.5, generator=generator)
    return network.eval()


def wrapped(state: dict[str, Tensor]) -> OrderedDict[str, Tensor]:
    """Return a state as ``nn.DataParallel`` saves it."""
    return OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())
