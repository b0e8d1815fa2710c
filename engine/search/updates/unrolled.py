"""The unrolled second-order update of DARTS: alpha is updated at the weights that one more step would give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.search.step import Batch, Level, StepContext
from engine.search.updates.steps import step_architecture, step_weights
from engine.spaces.space import CellWeights, MixingWeights

# The length of the finite difference in weight space (DARTS, footnote 2).
_STEP = 0.01
_TINY = 1e-12

Loss = Callable[[], Tensor]
# As :meth:`engine.search.step.StepContext.average`.
Average = Callable[[Iterable[Tensor], Level], None]


class Unrolled:
    """Bilevel, second order; the weights then step on the batch that the unrolled step used.

    Random mixing weights are drawn once for the four passes of an architecture step: if each pass drew its own, their
    difference would be noise (docs/methods/drnas.md, "The sample of the unrolled step is shared"). None of the four
    passes changes the running statistics of batch norms.
    """

    order: Sequence[Level] = ("weights", "architecture")

    def step(self, context: StepContext) -> None:
        """Do the architecture phase, unless this epoch freezes it, and the weight phase."""
        batch = context.weight_batch()
        if context.trains_architecture:
            self.architecture_phase(context, batch)
        step_weights(context, batch, context.sample(detached=True))

    def architecture_phase(self, context: StepContext, batch: Batch) -> None:
        """Step the architecture parameters at the weights that a step on ``batch`` would give."""
        state, held_out = context.state, context.architecture_batch()
        mixing, parameters = context.sample(), state.learning_parameters()
        cut, drawn, inputs = _cut(mixing)
        statistics = [(buffer, buffer.clone()) for buffer in state.supernet.buffers()]
        slopes = unrolled_gradients(
            lambda: functional.cross_entropy(context.scores(batch.images, cut), batch.labels),
            lambda: functional.cross_entropy(context.scores(held_out.images, cut), held_out.labels),
            inputs,
            state.weight_optimizer,
            context.average,
        )
        for buffer, before in statistics:
            buffer.copy_(before)
        gradients = torch.autograd.grad(drawn, parameters, slopes, materialize_grads=True)
        penalty = context.penalty()
        if penalty is not None:
            pulls = torch.autograd.grad(penalty, parameters, materialize_grads=True)
            gradients = tuple(gradient + pull for gradient, pull in zip(gradients, pulls, strict=True))
        step_architecture(context, parameters, gradients)


def unrolled_gradients(
    train_loss: Loss,
    search_loss: Loss,
    inputs: Sequence[Tensor],
    optimizer: torch.optim.Optimizer,
    average: Average = lambda gradients, level: None,
) -> list[Tensor]:
    """Return the gradient of L_search(w', a) in a, where w' = w - xi (mu buf + grad_w L_train(w, a) + wd w).

    DARTS (ICLR 2019), equations 7 and 8: grad_a L_search(w', a) - xi H with v = grad_w' L_search(w', a),
    H = (grad_a L_train(w + eps v, a) - grad_a L_train(w - eps v, a)) / (2 eps), eps = 0.01 / ||v||.

    Args:
        train_loss, search_loss: compute the losses at the weights at the time of the call.
        inputs: a, which the losses depend on.
        optimizer: SGD of the weights w; gives rate, momentum and decay. The weights are restored exactly.
        average: averages gradients over the processes that share the batches.
    """
    (group,) = optimizer.param_groups
    weights: list[nn.Parameter] = group["params"]
    start = [weight.detach().clone() for weight in weights]
    slopes = torch.autograd.grad(train_loss(), weights, materialize_grads=True)
    average(slopes, "weights")
    with torch.no_grad():
        for weight, slope in zip(weights, slopes, strict=True):
            step = slope + group["weight_decay"] * weight
            buffer = optimizer.state[weight].get("momentum_buffer")
            weight.sub_(group["lr"] * (step if buffer is None else step + group["momentum"] * buffer))
    ahead = torch.autograd.grad(search_loss(), [*weights, *inputs], materialize_grads=True)
    average(ahead, "architecture")
    direction, direct = ahead[: len(weights)], ahead[len(weights) :]
    # All on the device: nothing here waits for it.
    length = torch.stack([part.norm() for part in direction]).norm()
    epsilon = _STEP / length.clamp(min=_TINY)
    sides = []
    for sign in (1, -1):
        _set(weights, [before + sign * epsilon * part for before, part in zip(start, direction, strict=True)])
        sides.append(torch.autograd.grad(train_loss(), inputs, materialize_grads=True))
        average(sides[-1], "weights")
    _set(weights, start)
    return [
        slope - group["lr"] * (above - below) / (2 * epsilon)
        for slope, above, below in zip(direct, *sides, strict=True)
    ]


@torch.no_grad()
def _set(weights: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)


def _cut(mixing: MixingWeights) -> tuple[MixingWeights, list[Tensor], list[Tensor]]:
    """Return detached mixing weights, their tensors before the cut, and the detached tensors.

    The gradient in the parameters is linear in that of the mixing weights, so one backward pass through the relaxation
    is enough.
    """
    cut: dict[str, CellWeights] = {}
    drawn: list[Tensor] = []
    inputs: list[Tensor] = []
    for kind, cell_weights in mixing.items():
        names = ("weights",) if cell_weights.edge_scale is None else ("weights", "edge_scale")
        leaves = {name: getattr(cell_weights, name).detach().requires_grad_() for name in names}
        drawn += [getattr(cell_weights, name) for name in names]
        inputs += leaves.values()
        cut[kind] = replace(cell_weights, **leaves)
    return cut, drawn, inputs
