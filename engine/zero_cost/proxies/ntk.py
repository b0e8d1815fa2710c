"""The empirical neural tangent kernel of one batch, and its condition number.

See docs/methods/tenas.md, "Condition number of the NTK" and "Kernels of several outputs".
"""

from __future__ import annotations

import contextlib
import math
from typing import Literal

import torch
from torch import Tensor, nn

from engine.zero_cost.proxies.frozen_statistics import frozen_statistics
from engine.zero_cost.proxies.per_sample_gradients import per_sample_gradients
from engine.zero_cost.proxies.precision import full_float32

Outputs = Literal["sum", "trace", "full"]
Norms = Literal["batch", "frozen", "centred"]
Backward = Literal["loop", "chunked", "per_sample"]

# A smaller share of the largest eigenvalue is a rounded zero.
SINGULAR = 1e-12
# What the public code puts in the place of NaN.
_DEAD = 100_000.0


def gram(
    network: nn.Module,
    images: Tensor,
    *,
    outputs: Outputs = "sum",
    bn: Norms = "batch",
    parameters: Literal["weights", "all"] = "weights",
    how: Backward = "loop",
    chunk: int = 8,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Return inner products of the gradients of a network's outputs with respect to its parameters.

    Theta_kl[n, m] below is the product for output k of sample n and output l of sample m.

    Args:
        network: in training mode, so that batch norms see the batch.
        images: [B, ...].
        outputs: ``sum`` is the sum over k and l, the kernel of the summed outputs, as in the public code; ``trace`` is
            the sum over k of Theta_kk; both are [B, B]. ``full`` is [BK, BK], row nK + k.
        bn: ``batch`` differentiates through the statistics of the batch, so that samples depend on each other;
            ``frozen`` treats the same statistics as constants; ``centred`` does, too, but leaves out what changes all
            samples alike, which the statistics of a batch would cancel. The kernel is then that of the differences
            between samples: B - 1 takes the place of B.
        parameters: ``weights`` leaves out biases and shifts.
        how: ``loop`` does one backward pass per row; ``chunked`` one for ``chunk`` rows; both give the same result.
            ``per_sample`` does one for all samples, which is correct only if these do not depend on each other:
            without batch norms, or unless ``batch``.
        chunk: the number of rows at a time.
        dtype: of the products. In float32, rounding errors are larger than the smallest eigenvalues.

    Raises:
        ValueError: ``per_sample`` with batch norms through which samples depend on each other.
    """
    if how == "per_sample" and bn == "batch" and _mixes_samples(network):
        raise ValueError("Samples depend on each other through batch norms: per_sample needs bn=frozen or bn=centred.")
    chosen = [
        parameter
        for name, parameter in network.named_parameters()
        if parameters == "all" or name.rpartition(".")[2] == "weight"
    ]
    with full_float32(), contextlib.nullcontext() if bn == "batch" else frozen_statistics(network):
        if how == "per_sample":
            rows = per_sample_gradients(network, images, chosen, summed=outputs == "sum")
        else:
            rows = _rows(network(images), chosen, outputs == "sum", 1 if how == "loop" else chunk)
        wide = rows.to(dtype)  # [K, B, P]
        if bn == "centred":
            wide = _differences(wide.shape[1]).to(wide) @ wide
        if outputs == "full":
            flat = wide.transpose(0, 1).flatten(0, 1)
            return flat @ flat.T
        return (wide @ wide.transpose(1, 2)).sum(0)


def condition_number(lowest: float, highest: float) -> float:
    """Return ``highest / lowest`` of the eigenvalues, or infinity if the kernel is singular.

    See docs/methods/tenas.md, "Singular kernels".
    """
    return highest / lowest if highest > 0 and lowest > SINGULAR * highest else math.inf


def public_condition_number(lowest: float, highest: float) -> float:
    """Return the quotient of the eigenvalues as the public code has it, of either sign; 100,000 for a dead network.

    See docs/methods/tenas.md, "Singular kernels".
    """
    if math.isnan(lowest) or math.isnan(highest) or lowest == highest == 0:
        return _DEAD
    return highest / lowest if lowest else math.inf


def extremes(kernel: Tensor) -> tuple[float, float]:
    """Return the smallest and the largest eigenvalue of a symmetric kernel [N, N]; NaN if an entry is not finite."""
    if not bool(kernel.isfinite().all()):
        return math.nan, math.nan
    values = torch.linalg.eigvalsh(kernel)
    return float(values[0]), float(values[-1])


def _rows(scores: Tensor, parameters: list[nn.Parameter], summed: bool, chunk: int) -> Tensor:
    """Return the gradients of each sample's outputs, [K, B, P]; K is 1 for their sum."""
    values = scores.sum(1, keepdim=True) if summed else scores
    samples, outputs = values.shape
    flat = values.T.flatten()
    found = []
    for start in range(0, len(flat), chunk):
        stop = min(start + chunk, len(flat))
        if chunk == 1:
            gradients = torch.autograd.grad(flat[start], parameters, retain_graph=True, allow_unused=True)
            lead: tuple[int, ...] = ()
        else:
            one_hot = torch.eye(len(flat), dtype=flat.dtype, device=flat.device)[start:stop]
            gradients = torch.autograd.grad(
                flat, parameters, one_hot, retain_graph=True, allow_unused=True, is_grads_batched=True
            )
            lead = (stop - start,)
        # Weights that are not used have no gradient, and add nothing to a product.
        parts = [gradient.reshape(*lead, -1) for gradient in gradients if gradient is not None]
        found.append(torch.cat(parts, dim=-1).view(stop - start, -1))
    return torch.cat(found).view(outputs, samples, -1)


def _differences(samples: int) -> Tensor:
    """Return an orthonormal basis of the vectors whose sum is 0, [samples - 1, samples] (the Helmert matrix)."""
    rows = torch.arange(1, samples, dtype=torch.float64)
    basis = torch.ones(samples - 1, samples, dtype=torch.float64).tril()
    basis.diagonal(1).copy_(-rows)
    return basis / (rows * (rows + 1)).sqrt()[:, None]


def _mixes_samples(network: nn.Module) -> bool:
    return any(isinstance(part, nn.modules.batchnorm._BatchNorm) and part.training for part in network.modules())
