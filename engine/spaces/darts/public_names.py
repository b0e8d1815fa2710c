"""Weights of discrete networks as the repositories of DARTS and its descendants save them: sizes and names.

Their layout: ``stem``, or ``stem0`` and ``stem1`` for ImageNet; ``cells.N.preprocess0``, ``preprocess1`` and ``_ops.K``
in the order of the genotype; ``auxiliary_head``; ``classifier``. An operation is a sequence ``op`` that counts its
ReLU, and a factorized reduction has ``conv_1``, ``conv_2`` and ``bn``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from engine.spaces.darts.network import CellNetwork, DiscreteCell
from engine.spaces.darts.operations import FactorizedReduce
from engine.spaces.darts.stems import ImageNetStem
from engine.spaces.layers import Rectified
from engine.spaces.public_weights import PublicSize, classes_of, renamed

_CELL = re.compile(r"cells\.(\d{1,3})\.preprocess1\.op\.1\.weight")
_SUPERNET = re.compile(r"cells\.\d+\.(_ops|cell_ops)\.\d+\.(_ops|m_ops)\.")
# Batch norm after operations without weights: within a module of its own as in DrNAS, or beside it as in ISTA-NAS.
_POOL_NORM = re.compile(r"cells\.\d+\._ops\.\d+\.op\.1\.running_mean")
_OUTER_NORM = re.compile(r"cells\.\d+\._ops\.\d+\.1\.running_mean")


def sizes(tensors: Mapping[str, Tensor]) -> Iterator[PublicSize]:
    """Yield the sizes that the network of these tensors may have; none if it is not of this layout."""
    cells = [int(found[1]) for name in tensors if (found := _CELL.fullmatch(name))]
    classes = classes_of(tensors)
    if not cells or not classes or any(_SUPERNET.match(name) for name in tensors):
        return
    settings: dict[str, Any] = {"layers": max(cells) + 1}
    if "stem.0.weight" in tensors:
        settings |= {"stem": "cifar", "channels": len(tensors["stem.0.weight"]) // 3}
    elif "stem0.3.weight" in tensors:
        settings |= {"stem": "imagenet", "channels": len(tensors["stem0.3.weight"])}
    else:
        return
    settings["auxiliary"] = any(name.startswith("auxiliary_head.") for name in tensors)
    settings["auxiliary_norm"] = settings["stem"] == "imagenet" and "auxiliary_head.features.6.weight" in tensors
    for norms in _norms(tensors):
        yield PublicSize(settings | {"norms": norms}, classes)


def names(network: CellNetwork) -> dict[str, str]:
    """Return the public name of each tensor of a network."""
    return renamed(network, dict(_prefixes(network)))


def _norms(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    # A convolution's first batch norm is at 2 or 3, so a mean at 1 is that of an operation without weights.
    if any(_POOL_NORM.fullmatch(name) for name in tensors):
        return ("pool",)
    return ("affine_pool", "all") if any(_OUTER_NORM.fullmatch(name) for name in tensors) else ("plain",)


def _prefixes(network: CellNetwork) -> Iterator[tuple[str, str]]:
    if isinstance(network.stem, ImageNetStem):
        yield "stem.older.0", "stem0.0"
        yield "stem.older.1", "stem0.1"
        yield "stem.older.2.body.0", "stem0.3"
        yield "stem.older.2.body.1", "stem0.4"
        yield "stem.newer.body.0", "stem1.1"
        yield "stem.newer.body.1", "stem1.2"
    else:
        yield "stem", "stem"
    yield "classifier", "classifier"
    for number, cell in enumerate(network.cells):
        assert isinstance(cell, DiscreteCell)
        yield from _operation(cell.older, f"cells.{number}.older", f"cells.{number}.preprocess0")
        yield from _operation(cell.newer, f"cells.{number}.newer", f"cells.{number}.preprocess1")
        for place, edge in enumerate(cell.edges):
            yield from _operation(edge, f"cells.{number}.edges.{place}", f"cells.{number}._ops.{place}")
    if network.auxiliary is not None:
        layers = list(network.auxiliary.body.children())
        for place, layer in enumerate(layers):
            # The public sequence begins with the ReLU, and the linear layer is beside it.
            public = "classifier" if isinstance(layer, nn.Linear) else f"features.{place + 1}"
            yield f"auxiliary.body.{place}", f"auxiliary_head.{public}"


def _operation(module: nn.Module, own: str, public: str) -> Iterator[tuple[str, str]]:
    match module:
        case FactorizedReduce():
            yield f"{own}.body.0.unshifted", f"{public}.conv_1"
            yield f"{own}.body.0.shifted", f"{public}.conv_2"
            yield f"{own}.body.1", f"{public}.bn"
        case Rectified():
            layers = list(module.body.children())
            first = layers[0]
            # A factored convolution is a bare sequence; the others keep theirs under a name.
            is_factored = isinstance(first, nn.Conv2d) and first.kernel_size[0] != first.kernel_size[1]
            for place in range(len(layers)):
                yield f"{own}.body.{place}", f"{public}.{place + 1}" if is_factored else f"{public}.op.{place + 1}"
        case nn.Sequential():
            norm = module[1]
            within = isinstance(norm, nn.BatchNorm2d) and not norm.affine
            yield f"{own}.1", f"{public}.op.1" if within else f"{public}.1"
