"""Carrying a supernet over into the next: what stays by name, and how much its function has changed (prdarts.md 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engine.spaces.darts.inheritance import inherit
from engine.spaces.darts.supernet import DartsSupernet, MixedCell

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch

# So many batches tell how good a supernet is before and after a transition.
BATCHES = 4


@dataclass(frozen=True)
class Inheritance:
    """A child on an edge of all cells of a kind, and its parent there, as columns of the supernet."""

    kind: str
    edge: int
    parent: int
    child: int
    morph: str

    def edges(self, supernet: DartsSupernet) -> list[nn.Module]:
        """Return the edge in each of these cells."""
        cells = [cell for cell in supernet.cells if isinstance(cell, MixedCell)]
        return [cell.edges[self.edge] for cell in cells if cell.kind == self.kind]

    def layers(self, edge: nn.Module) -> tuple[nn.Module, nn.Module]:
        """Return the layers of child and parent on one of these edges."""
        operations = edge.get_submodule("operations")
        return operations.get_submodule(str(self.child)), operations.get_submodule(str(self.parent))


@torch.no_grad()
def load_matching(supernet: DartsSupernet, weights: Mapping[str, Tensor]) -> float:
    """Copy weights and statistics by name: stem, preprocessing, classifier, and operations that live on on their edge.

    Returns:
        the share of the supernet's parameters that were there before.
    """
    for name, tensor in supernet.state_dict().items():
        if name in weights:
            tensor.copy_(weights[name])
    sizes = {name: parameter.numel() for name, parameter in supernet.named_parameters()}
    return sum(size for name, size in sizes.items() if name in weights) / sum(sizes.values())


def inherit_all(supernet: DartsSupernet, heirs: Sequence[Inheritance], generator: torch.Generator) -> None:
    """Give every child what it has of its parent, one after the other; ``generator`` draws new channels."""
    for heir in heirs:
        for edge in heir.edges(supernet):
            inherit(*heir.layers(edge), heir.morph, generator)


@torch.no_grad()
def differences(search: DifferentiableSearch, heirs: Sequence[Inheritance]) -> list[float]:
    """Return for each heir max |child - parent| over one batch and all cells of its kind, in evaluation mode."""
    supernet = search.supernet
    assert isinstance(supernet, DartsSupernet)
    found: list[list[Tensor]] = [[] for _ in heirs]
    hooks = [
        edge.register_forward_pre_hook(partial(_compare, heir, there))
        for heir, there in zip(heirs, found, strict=True)
        for edge in heir.edges(supernet)
    ]
    if hooks:
        accuracy(search, batches=1)
    for hook in hooks:
        hook.remove()
    return torch.stack([torch.stack(there).max() for there in found]).tolist() if hooks else []


@torch.no_grad()
def accuracy(search: DifferentiableSearch, batches: int = BATCHES) -> float:
    """Return the accuracy in percent on the first images that the search accuracy is measured on."""
    search.supernet.eval()
    mixing = search.strategies.relaxation.evaluation(search.architecture)
    right, of = torch.zeros((), dtype=torch.int64, device=search.context.runtime.device), 0
    for images, labels in search.first_images(batches):
        right += (search.scores(images, mixing).argmax(1) == labels).sum()
        of += len(labels)
    return 100 * right.item() / of


def _compare(heir: Inheritance, found: list[Tensor], edge: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Look at what an edge is about to read, before it does."""
    child, parent = heir.layers(edge)
    _, view, *_ = inputs
    found.append((child(view.rectified) - parent(view.rectified)).abs().max().float())
