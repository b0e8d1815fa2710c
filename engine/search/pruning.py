"""Transitions between stages: which operations stay, and what the next stage inherits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.architecture.parameters import ArchitectureParameters
from engine.search.step import EpochContext, Handover, SearchState
from engine.spaces.space import Candidates, SearchSpace

# From the alphas of one edge, its candidates and the number to keep to the candidates that stay.
Rule = Callable[[Sequence[float], tuple[int, ...], int], tuple[int, ...]]


def strongest(alphas: Sequence[float], alive: tuple[int, ...], keep: int) -> tuple[int, ...]:
    """Return the ``keep`` largest raw alphas among those alive, ascending; the lower column wins a tie.

    See docs/methods/drnas.md, "Progressive search".
    """
    return tuple(sorted(sorted(alive, key=lambda op: (-alphas[op], op))[:keep]))


def without_weakest(alphas: Sequence[float], alive: tuple[int, ...], keep: int) -> tuple[int, ...]:
    """Return what is left after dropping the smallest softmax weights; the lower column is dropped first in a tie.

    See docs/methods/baselines.md, "P-DARTS".
    """
    return tuple(sorted(sorted(alive, key=lambda op: (alphas[op], op))[max(0, len(alive) - keep) :]))


def remaining(architecture: ArchitectureParameters, candidates: Candidates, keep: int, rule: Rule) -> Candidates:
    """Return the candidates that a rule leaves on each edge, with one read from the device for each kind of cell."""
    return {
        kind: tuple(rule(row, alive, keep) for row, alive in zip(alpha.tolist(), candidates[kind], strict=True))
        for kind, alpha, _ in architecture.matrices()
    }


@dataclass(frozen=True)
class PruneAndRestart:
    """Ends a stage and starts the next with a new network and architecture parameters on fewer operations (P-DARTS).

    See :class:`engine.search.step.Transition`, and docs/methods/baselines.md, "P-DARTS".

    Attributes:
        keep: the number of operations on each edge.
    """

    keep: int

    def __call__(self, context: EpochContext) -> Handover:
        """Keep only the strongest operations."""
        state = context.state
        kept = remaining(state.architecture, state.supernet.candidates, self.keep, without_weakest)
        return Handover(kept, restore=lambda _: None)


@dataclass(frozen=True)
class PruneAndWiden:
    """Ends a stage and builds a network without the pruned operations, wider if the next stage requires it.

    See docs/methods/drnas.md, "Progressive search" and "Widening".

    The next stage inherits weights, alphas and the moments of both optimisers, except those of pruned operations. See
    :class:`engine.search.step.Transition`.

    Attributes:
        keep: the number of operations on each edge.
        space: widens the weights.
        generator: draws which channels are duplicated.
    """

    keep: int
    space: SearchSpace
    generator: torch.Generator

    def __call__(self, context: EpochContext) -> Handover:
        """Keep the strongest operations, and extract what the search has learned."""
        state = context.state
        kept = remaining(state.architecture, state.supernet.candidates, self.keep, strongest)
        return Handover(kept, partial(self._restore, Learned.of(state)))

    def _restore(self, learned: Learned, context: EpochContext) -> None:
        state = context.state
        with torch.no_grad():
            widened = self.space.widen(learned.weights, state.supernet, self.generator)
            restore_momenta(learned.momenta, state.supernet, state.weight_optimizer, widened)
            restore_alphas(learned.alphas, learned.moments, state.architecture, state.architecture_optimizer)


@dataclass(frozen=True)
class Learned:
    """What a stage has learned, by name: only tensors, so that nothing keeps its network alive.

    Attributes:
        weights: the supernet's weights and statistics, on the host.
        momenta: of the weights' SGD, on the host.
        alphas: by kind of cell.
        moments: Adam's state for alpha, by kind of cell.
    """

    weights: Mapping[str, Tensor]
    momenta: Mapping[str, Tensor]
    alphas: Mapping[str, Tensor]
    moments: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, state: SearchState) -> Learned:
        """Return what a state has learned."""
        alphas, moments = state.architecture.alphas, state.architecture_optimizer.state
        return cls(
            {name: tensor.cpu() for name, tensor in state.supernet.state_dict().items()},
            {name: tensor.cpu() for name, tensor in momenta(state.supernet, state.weight_optimizer).items()},
            {kind: alpha.detach() for kind, alpha in alphas.items()},
            {kind: dict(moments[alpha]) for kind, alpha in alphas.items()},
        )


def momenta(network: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the momentum of each parameter that has one, by name."""
    buffers = {name: optimizer.state[value].get("momentum_buffer") for name, value in network.named_parameters()}
    return {name: buffer for name, buffer in buffers.items() if buffer is not None}


def restore_momenta(
    buffers: Mapping[str, Tensor],
    network: nn.Module,
    optimizer: Optimizer,
    widened: Mapping[str, Callable[[Tensor], Tensor]],
) -> None:
    """Give parameters the momentum of the parameters with the same names in another network.

    Names are used because the numbers that an optimiser gives its parameters have no meaning across two networks.

    Args:
        buffers: the result of :func:`momenta`.
        network, optimizer: of the new stage.
        widened: by name, how a buffer follows from that of the narrower parameter.
    """
    for name, parameter in network.named_parameters():
        if name in buffers:
            optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(
                widened[name](buffers[name])
            )


def restore_alphas(
    alphas: Mapping[str, Tensor],
    moments: Mapping[str, Mapping[str, Any]],
    architecture: ArchitectureParameters,
    optimizer: Optimizer,
) -> None:
    """Give architecture parameters these alphas and Adam's moments; both are 0 for pruned operations.

    Neither old moments nor weight decay can then move the alpha of a pruned operation again.
    """
    for kind, alpha, alive in architecture.matrices():
        alpha.copy_(alphas[kind] * alive)
        for name, moment in moments[kind].items():
            optimizer.state[alpha][name] = moment * alive if moment.shape == alive.shape else moment.clone()
