"""The sums of nodes, accumulated in place, with as few passes over memory as possible in the backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Sum:
    """A sum that grows in place once it owns a tensor.

    Attributes:
        total: None for an empty sum.
        owned: whether nothing else uses ``total``.
    """

    def __init__(self) -> None:
        self.total: Tensor | None = None
        self.owned = False

    def add(self, value: Tensor) -> None:
        """Add a tensor, which is not changed."""
        if self.total is None:
            self.total = value
        elif self.owned:
            self.total.add_(value)
        else:
            self.total, self.owned = self.total + value, True


def add_scaled(sums: Sequence[Sum], value: Tensor, weights: Sequence[Tensor]) -> None:
    """Add to each sum the product of one value [B, C, H, W] and a weight without dimensions."""
    owned = [each.owned for each in sums]
    totals = _AddScaled.apply(value, owned, *weights, *(each.total for each in sums))
    for each, total in zip(sums, totals, strict=True):
        each.total, each.owned = total, True


class _AddScaled(torch.autograd.Function):
    """All products of one value at once: its gradient is one sum in place, where autograd would add temporaries.

    It also avoids a cost of ``addcmul``, whose backward pass copies the value for each weight because of its factor of
    1.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor, owned: Sequence[bool], *rest: Any) -> tuple[Tensor, ...]:
        weights: Sequence[Tensor] = rest[: len(owned)]
        totals: Sequence[Tensor | None] = rest[len(owned) :]
        # With detached weights the value is not needed again.
        ctx.save_for_backward(value if any(ctx.needs_input_grad[2 : 2 + len(owned)]) else None, *weights)
        ctx.mark_dirty(*(total for total, mine in zip(totals, owned, strict=True) if mine))
        outputs = []
        for weight, total, mine in zip(weights, totals, owned, strict=True):
            if total is None:
                outputs.append(value * weight)
            else:
                outputs.append(total.addcmul_(value, weight) if mine else (value * weight).add_(total))
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        value, *weights = ctx.saved_tensors
        count = len(weights)
        wanted = ctx.needs_input_grad
        of_value = None
        if wanted[0]:
            for gradient, weight in zip(gradients, weights, strict=True):
                of_value = gradient * weight if of_value is None else of_value.addcmul_(gradient, weight)
        of_weights = [
            (gradient * value).sum(dtype=weight.dtype) if wanted[2 + index] else None
            for index, (gradient, weight) in enumerate(zip(gradients, weights, strict=True))
        ]
        of_totals = [gradient if wanted[2 + count + index] else None for index, gradient in enumerate(gradients)]
        return of_value, None, *of_weights, *of_totals
