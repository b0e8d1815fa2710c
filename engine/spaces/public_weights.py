"""What spaces say of weights that public code has saved: whose they may be, and how their tensors are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class PublicSize:
    """The size of a network to which public weights may belong.

    Attributes:
        settings: the ``network_options`` of the space that the weights decide.
        classes: of the data set.
    """

    settings: Mapping[str, Any]
    classes: int


def renamed(network: nn.Module, prefixes: Mapping[str, str]) -> dict[str, str]:
    """Return the public name of each tensor of a network.

    Args:
        network: the network.
        prefixes: by the name of a module, its public name. The longest that fits decides.
    """
    names = {}
    for own in network.state_dict():
        holder = own
        while holder not in prefixes:
            holder = holder.rpartition(".")[0]
        names[own] = prefixes[holder] + own.removeprefix(holder)
    return names


def classes_of(tensors: Mapping[str, Tensor]) -> int:
    """Return the number of classes of the network that tensors belong to; 0 if they have no classifier."""
    classifier = tensors.get("classifier.weight")
    return len(classifier) if classifier is not None and classifier.ndim == 2 else 0
