"""Weights of discrete networks as AutoDL-Projects saves them: ``stem``, ``cells.N``, ``lastact``, ``classifier``.

A cell has ``layers.K.op`` in the order of the space's edges; a reduction has ``conv_a.op``, ``conv_b.op`` and
``downsample``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from engine.spaces.nasbench201.network import DiscreteCell, NasBench201Network
from engine.spaces.nasbench201.operations import ResidualReduction
from engine.spaces.public_weights import PublicSize, classes_of, renamed

_REDUCTION = re.compile(r"cells\.(\d{1,3})\.conv_a\.op\.1\.weight")
_SUPERNET = re.compile(r"cells\.\d+\.edges\.")


def sizes(tensors: Mapping[str, Tensor]) -> Iterator[PublicSize]:
    """Yield the size of the network of these tensors; none if it is not of this layout."""
    reductions = sorted(int(found[1]) for name in tensors if (found := _REDUCTION.fullmatch(name)))
    classes, stem = classes_of(tensors), tensors.get("stem.0.weight")
    is_network = len(reductions) == 2 and classes > 0 and "lastact.0.weight" in tensors
    if stem is not None and is_network and not any(_SUPERNET.match(name) for name in tensors):
        yield PublicSize({"channels": len(stem), "cells": reductions[0]}, classes)


def names(network: NasBench201Network) -> dict[str, str]:
    """Return the public name of each tensor of a network."""
    return renamed(network, dict(_prefixes(network)))


def _prefixes(network: NasBench201Network) -> Iterator[tuple[str, str]]:
    yield "body.0", "stem"
    yield "head.norm.0", "lastact.0"
    yield "head.classifier", "classifier"
    for number, block in enumerate(list(network.body)[1:]):
        own, public = f"body.{number + 1}", f"cells.{number}"
        match block:
            case ResidualReduction():
                yield f"{own}.body.0", f"{public}.conv_a.op"
                yield f"{own}.body.1", f"{public}.conv_b.op"
                yield f"{own}.shortcut", f"{public}.downsample"
            case DiscreteCell():
                for edge in range(len(block.edges)):
                    yield f"{own}.edges.{edge}", f"{public}.layers.{edge}.op"
