"""Adam as implemented in the public code of one-stage ISTA-NAS, for comparison with :class:`torch.optim.Adam`.

See docs/methods/ista.md, "The optimiser of the codes".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from engine.core import cuda_graphs
from engine.core.optimizers import device_rate


class ReferenceAdam(torch.optim.Optimizer):
    """Adam whose eps is added before the bias correction.

        p <- p - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + eps)

    PyTorch corrects v first. The two differ where gradients are not far above eps: by up to 0.4 lr over the first six
    steps at 1e-6. Parameters without a gradient are left alone; weight decay and momentum skip them too.

    Args:
        params: as for any optimiser.
        lr: the learning rate.
        betas: decay rates of m, the average of the gradients, and of v, the average of their squares.
        eps: keeps the quotient finite.
        weight_decay: of the L2 penalty, whose gradient enters the averages.
        capturable: whether a CUDA graph may capture a step; the step count is then a tensor on the device.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor,
        betas: tuple[float, float] = (0.5, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        capturable: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "capturable": capturable}
        super().__init__(params, defaults)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state, including one whose step count is of the other kind."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group.setdefault("capturable", False)
            for state in (self.state[parameter] for parameter in group["params"] if parameter in self.state):
                device, steps = state["mean"].device, state["step"]
                state["step"] = _steps(int(steps), device) if group["capturable"] else int(steps)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step and return the closure's result, or None without a closure."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                self._move(parameter, group)
        return loss

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient = parameter.grad
        if gradient is None:
            return
        state, (first, second) = self.state[parameter], group["betas"]
        if not state:
            steps = _steps(0, parameter.device) if group["capturable"] else 0
            state |= {"step": steps, "mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
        state["step"] += 1
        gradient = gradient.add(parameter, alpha=group["weight_decay"])
        state["mean"].mul_(first).add_(gradient, alpha=1 - first)
        state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = state["square"].sqrt().add_(group["eps"])
        if group["capturable"]:
            size = group["lr"] * (1 - second ** state["step"]).sqrt() / (1 - first ** state["step"])
            parameter.sub_((state["mean"] / root).mul_(size))
        else:
            size = group["lr"] * math.sqrt(1 - second ** state["step"]) / (1 - first ** state["step"])
            parameter.addcdiv_(state["mean"], root, value=-size)


def reference_adam(
    parameters: Iterable[Tensor],
    learning_rate: float,
    *,
    device: torch.device,
    betas: tuple[float, float],
    weight_decay: float = 0.0,
) -> ReferenceAdam:
    """Return this Adam, configured as :func:`engine.core.optimizers.adam` configures PyTorch's."""
    return ReferenceAdam(
        parameters,
        device_rate(learning_rate, device),
        betas=betas,
        weight_decay=weight_decay,
        capturable=cuda_graphs.possible(device),
    )


def _steps(count: int, device: torch.device) -> Tensor:
    """Return the step count in 64 bits, so that powers of the decays are as exact as on the host."""
    return torch.tensor(float(count), dtype=torch.float64, device=device)
