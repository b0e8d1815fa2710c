"""The Dirichlet relaxation of DrNAS: theta_e ~ Dir(beta_e), beta = elu(alpha) + 1 (ICLR 2021, equations 2 to 5)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Dirichlet

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.relaxations.relaxation import RelaxationSnapshot, dense
from engine.spaces.space import MixingWeights

# Far below any concentration that matters, and far above what 32 bits round to zero.
_FLOOR = 1e-30


def concentration(alpha: Tensor) -> Tensor:
    """Return beta = elu(alpha) + 1: alpha + 1 where alpha > 0, else exp(alpha).

    Computed without subtracting 1 as elu does: in 32 bits its sum with 1 is exactly 0 for alpha below about -17.3.
    """
    positive = alpha > 0
    # The exponential never sees a positive alpha, which could overflow; a clamp would have gradient 0 at alpha = 0.
    return torch.where(positive, alpha + 1, torch.where(positive, 0.0, alpha).exp()).clamp(min=_FLOOR)


def renormalise(sample: Tensor, alive: Tensor) -> Tensor:
    """Return the sample with pruned entries zeroed and the rest scaled to sum to 1.

    A renormalised part of a Dirichlet vector is a Dirichlet vector with the concentrations of the kept entries.
    """
    kept = sample * alive
    return kept / kept.sum(-1, keepdim=True).clamp(min=_FLOOR)


def mean(alpha: Tensor, alive: Tensor) -> Tensor:
    """Return E[theta] = beta / B over the operations that are alive, B their sum."""
    return renormalise(concentration(alpha), alive)


def kl_to_flat(alpha: Tensor, alive: Tensor) -> Tensor:
    """Return KL(Dir(beta) || Dir(1)) of each row over the operations that are alive, [edges].

    lnG(B) - sum lnG(beta_i) - lnG(n) + sum (beta_i - 1)(psi(beta_i) - psi(B)),
    see docs/methods/drnas.md, "Regularisers".
    """
    beta, kept = concentration(alpha), alive.to(alpha.dtype)
    total, count = (beta * kept).sum(-1), kept.sum(-1)
    spread = ((beta - 1) * (beta.digamma() - total.digamma()[..., None]) * kept).sum(-1)
    return total.lgamma() - (beta.lgamma() * kept).sum(-1) - count.lgamma() + spread


def argmax_probability(alpha: Tensor, alive: Tensor, points: int = 2000) -> Tensor:
    """Return the probability that each operation has the largest sampled weight, [edges, operations].

    With unit-scale gammas G_i of shape beta_i, P_j is the integral of f_j(x) prod_{i != j} F_i(x) dx, computed here
    over log x, where the integrand is smooth for any shapes.
    """
    beta = concentration(alpha.detach().double().cpu())
    kept = alive.cpu()
    rows = []
    for shapes, there in zip(beta, kept, strict=True):
        probabilities = torch.zeros_like(shapes)
        present = shapes[there]
        # All gammas together have less than 1e-9 of their mass below the lower end, and none of it above the upper end.
        low = -21.0 / float(present.sum()) - 5
        high = torch.log(present.max() + 12 * present.max().sqrt() + 40)
        grid = torch.linspace(low, float(high), points, dtype=torch.float64)
        at = grid.exp()[:, None]
        density = torch.exp(present * grid[:, None] - at - present.lgamma())
        below = torch.special.gammainc(
            present.expand(points, -1).contiguous(), at.expand(-1, len(present)).contiguous()
        )
        others = torch.stack([torch.cat([below[:, :j], below[:, j + 1 :]], 1).prod(1) for j in range(len(present))], 1)
        probabilities[there] = torch.trapezoid(density * others, grid, dim=0)
        rows.append(probabilities)
    return torch.stack(rows)


def draw(alpha: Tensor, alive: Tensor) -> Tensor:
    """Return one reparameterised sample of every row, all drawn at once; in at least 32 bits even under autocast."""
    with torch.autocast(alpha.device.type, enabled=False):
        # A pruned operation has almost no concentration and takes no mass, so this samples only the kept ones.
        beta = torch.where(alive, concentration(alpha.to(torch.promote_types(alpha.dtype, torch.float32))), _FLOOR)
        return renormalise(Dirichlet(beta, validate_args=False).rsample(), alive)


class DirichletRelaxation:
    """Mixes by a Dirichlet sample. See :class:`engine.architecture.relaxations.relaxation.Relaxation`."""

    capturable = True

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Do nothing: each edge learns its own exploration, whatever the epoch."""

    def sample(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return one draw for each kind of cell, all edges at once."""
        return dense(architecture, draw(*architecture.stacked()))

    def mean(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the means of the distributions."""
        return dense(architecture, mean(*architecture.stacked()))

    def evaluation(self, architecture: ArchitectureParameters) -> MixingWeights:
        """Return the means, which are what a sample is on average."""
        return self.mean(architecture)

    def snapshot(self, architecture: ArchitectureParameters, kind: str) -> RelaxationSnapshot:
        """Return concentrations (0 where pruned), argmax probabilities and per-edge figures.

        For each edge: the total concentration (large: exploits, small: explores) and the distance to the flat
        Dirichlet.
        """
        alpha, alive = architecture.alphas[kind].detach(), architecture.alive(kind)
        beta = concentration(alpha) * alive
        return RelaxationSnapshot(
            {"concentration": beta.tolist(), "argmax_probability": argmax_probability(alpha, alive).tolist()},
            {"total_concentration": beta.sum(-1).tolist(), "kl_to_flat": kl_to_flat(alpha, alive).tolist()},
        )
