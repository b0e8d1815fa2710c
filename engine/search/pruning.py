"""Leaving a stage: which operations stay, and what the next stage keeps of the one before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.architecture.parameters import ArchitectureParameters
from engine.spaces.space import Candidates

if TYPE_CHECKING:
    from engine.search.loop import DifferentiableSearch

# From the alphas of one edge and its candidates to those that stay.
Rule = Callable[[Sequence[float], tuple[int, ...], int], tuple[int, ...]]


def strongest(alphas: Sequence[float], alive: tuple[int, ...], keep: int) -> tuple[int, ...]:
    """Return the ``keep`` largest raw alphas among those alive, ascending; of equals the lower column (drnas.md 6)."""
    return tuple(sorted(sorted(alive, key=lambda op: (-alphas[op], op))[:keep]))


def without_weakest(alphas: Sequence[float], alive: tuple[int, ...], keep: int) -> tuple[int, ...]:
    """Drop the smallest softmax weights until ``keep`` are left; of equals the lower column goes (baselines.md 7.3)."""
    return tuple(sorted(sorted(alive, key=lambda op: (alphas[op], op))[max(0, len(alive) - keep) :]))


def remaining(architecture: ArchitectureParameters, candidates: Candidates, keep: int, rule: Rule) -> Candidates:
    """Return what a rule leaves on each edge, read from the device once for each kind of cell."""
    return {
        kind: tuple(rule(row, alive, keep) for row, alive in zip(alpha.tolist(), candidates[kind], strict=True))
        for kind, alpha, _ in architecture.matrices()
    }


@dataclass(frozen=True)
class PruneAndRestart:
    """Leave a stage for a new network with new variables, on what a rule keeps (P-DARTS, baselines.md 7.3).

    Attributes:
        keep: operations on each edge.
    """

    keep: int

    def __call__(self, search: DifferentiableSearch) -> None:
        """Begin anew with fewer candidates."""
        search.build(remaining(search.architecture, search.supernet.candidates, self.keep, without_weakest))


@dataclass(frozen=True)
class PruneAndWiden:
    """Leave a stage for a network without the pruned operations, wider where the next stage wants it (drnas.md 6, 7).

    Weights, alphas and both optimisers' moments go along; what belongs to pruned operations is gone.

    Attributes:
        keep: operations on each edge.
    """

    keep: int

    def __call__(self, search: DifferentiableSearch) -> None:
        """Rebuild the search on the kept operations, and carry over what it has learned."""
        supernet, momenta = search.supernet, search.weight_optimizer
        architecture, moments = search.architecture, search.architecture_optimizer
        search.build(remaining(architecture, supernet.candidates, self.keep, strongest))
        with torch.no_grad():
            widened = search.context.space.widen(
                supernet, search.supernet, search.context.runtime.generator("widening")
            )
            carry_momenta(supernet, momenta, search.supernet, search.weight_optimizer, widened)
            carry_variables(architecture, moments, search.architecture, search.architecture_optimizer)


def carry_momenta(
    old: nn.Module,
    before: Optimizer,
    new: nn.Module,
    after: Optimizer,
    widened: Mapping[str, Callable[[Tensor], Tensor]],
) -> None:
    """Give the parameters of ``new`` the momentum of those of the same name in ``old``.

    By name: what an optimiser numbers its parameters has no meaning across two networks.

    Args:
        old, before: the network that was, and its SGD.
        new, after: the network that is, and its SGD.
        widened: by name, how a buffer follows from that of the narrower parameter.
    """
    buffers = {name: before.state[value].get("momentum_buffer") for name, value in old.named_parameters()}
    for name, parameter in new.named_parameters():
        buffer = buffers.get(name)
        if buffer is not None:
            after.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(widened[name](buffer))


def carry_variables(
    old: ArchitectureParameters, before: Optimizer, new: ArchitectureParameters, after: Optimizer
) -> None:
    """Give ``new`` the alphas of ``old`` and Adam's moments; both are 0 where nothing is alive any more.

    Thus neither old moments nor weight decay move the alpha of a pruned operation again.
    """
    for kind, alpha, alive in new.matrices():
        source = old.alphas[kind]
        alpha.copy_(source * alive)
        for name, moment in before.state[source].items():
            after.state[alpha][name] = moment * alive if moment.shape == alive.shape else moment.clone()
