"""Adam as the public code of one-stage ISTA-NAS has it, for comparison with :class:`torch.optim.Adam` (ista.md 4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import ParamsT


class ReferenceAdam(torch.optim.Optimizer):
    """Adam whose eps is added before the bias correction.

        p <- p - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + eps)

    PyTorch corrects v first. The two differ where gradients are not far above eps: by up to 0.4 lr over the first six
    steps at 1e-6. Parameters without a gradient are left alone, by weight decay and momentum too.

    Args:
        params: as for any optimiser.
        lr: the rate.
        betas: how fast the averages m of gradients and v of their squares forget.
        eps: what keeps the quotient finite.
        weight_decay: of the L2 penalty, whose gradient is averaged with the others.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        betas: tuple[float, float] = (0.5, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step; return what the closure returned, where there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)
        return loss

    def _move(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        assert parameter.grad is not None
        state, (first, second) = self.state[parameter], group["betas"]
        if not state:
            state |= {"step": 0, "mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
        state["step"] += 1
        gradient = parameter.grad.add(parameter, alpha=group["weight_decay"])
        state["mean"].mul_(first).add_(gradient, alpha=1 - first)
        state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        size = group["lr"] * math.sqrt(1 - second ** state["step"]) / (1 - first ** state["step"])
        parameter.addcdiv_(state["mean"], state["square"].sqrt().add_(group["eps"]), value=-size)
