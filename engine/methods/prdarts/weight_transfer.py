"""Weight transfer from one supernet to the next: by name, and by inheritance.

See docs/methods/prdarts.md, "Weight inheritance".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from engine.search.evaluation import accuracy
from engine.search.step import EpochContext
from engine.spaces.darts.inheritance import inherit
from engine.spaces.darts.supernet import DartsSupernet, MixedCell


@dataclass(frozen=True)
class Inheritance:
    """A child on an edge of all cells of a kind, and its parent there, as columns of the supernet."""

    kind: str
    edge: int
    parent: int
    child: int
    morph: str

    def edges(self, supernet: DartsSupernet) -> list[nn.Module]:
        """Return this edge in each cell of the kind."""
        cells = [cell for cell in supernet.cells if isinstance(cell, MixedCell)]
        return [cell.edges[self.edge] for cell in cells if cell.kind == self.kind]

    def layers(self, edge: nn.Module) -> tuple[nn.Module, nn.Module]:
        """Return the layers of child and parent on one of these edges."""
        operations = edge.get_submodule("operations")
        return operations.get_submodule(str(self.child)), operations.get_submodule(str(self.parent))


@torch.no_grad()
def load_matching(supernet: DartsSupernet, weights: Mapping[str, Tensor]) -> float:
    """Copy weights and statistics by name: stem, preprocessing, classifier, and operations that stay on their edge.

    Returns:
        the share of the supernet's parameters that were copied.
    """
    for name, tensor in supernet.state_dict().items():
        if name in weights:
            tensor.copy_(weights[name])
    sizes = {name: parameter.numel() for name, parameter in supernet.named_parameters()}
    return sum(size for name, size in sizes.items() if name in weights) / sum(sizes.values())


def inherit_all(supernet: DartsSupernet, heirs: Sequence[Inheritance], generator: torch.Generator) -> None:
    """Let every child inherit from its parent, one after another; ``generator`` draws new channels."""
    for heir in heirs:
        for edge in heir.edges(supernet):
            inherit(*heir.layers(edge), heir.morph, generator)


@torch.no_grad()
def differences(context: EpochContext, supernet: DartsSupernet, heirs: Sequence[Inheritance]) -> list[float]:
    """Return max |child - parent| for each heir over one batch and all cells of its kind, in evaluation mode."""
    found: list[list[Tensor]] = [[] for _ in heirs]
    hooks = [
        edge.register_forward_pre_hook(partial(_compare, heir, seen))
        for heir, seen in zip(heirs, found, strict=True)
        for edge in heir.edges(supernet)
    ]
    if hooks:
        accuracy(context, context.evaluation_weights(), limit=1)
    for hook in hooks:
        hook.remove()
    if not hooks:
        return []
    # Only one process has seen the batch.
    nothing = torch.zeros((), device=next(supernet.parameters()).device)
    largest: list[float] = context.total(
        torch.stack([torch.stack(seen).max() if seen else nothing for seen in found])
    ).tolist()
    return largest


def _compare(heir: Inheritance, found: list[Tensor], edge: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Compare child and parent on the input that an edge is about to read."""
    child, parent = heir.layers(edge)
    _, view, *_ = inputs
    found.append((child(view.rectified) - parent(view.rectified)).abs().max().float())
