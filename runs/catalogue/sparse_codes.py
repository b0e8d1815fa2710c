"""Hyperparameters that both forms of ISTA-NAS share."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.baselines import BaselineSettings
from runs.catalogue.settings import setting


class SparseCodeSettings(BaselineSettings):
    """Short dense codes of the nodes, and how sparse vectors are recovered from them."""

    code_length: int = setting(
        7,
        "Length of a node's code; it compresses 14 to 35 candidates.",
        group="architecture",
        ge=2,
        le=64,
    )
    gamma: float = setting(
        1e-5, "Weight of |x|_1 in the recovery of the sparse vector x from a code.", group="architecture", gt=0, le=1
    )
    solver: Literal["scs", "clarabel"] = setting(
        "scs",
        "Solver to try first; the other one is used if the result cannot be certified as optimal.",
        group="architecture",
    )
    distinct_predecessors: bool = setting(
        False,
        "Require a node's two operations to have different inputs. In the paper they may share one.",
        group="architecture",
    )
    measurement: Literal["uniform", "unit_gaussian", "legacy"] = setting(
        "uniform",
        "Measurement matrices: 'uniform' on 0..1 as published; 'legacy' the same, from the public code's random "
        "generator; 'unit_gaussian' with columns of norm 1, which are less correlated and not from the paper.",
        group="compatibility",
    )
    clip_scope: Literal["weights", "all"] = setting(
        "weights",
        "Gradients in the clipped norm: 'weights', or 'all' to include the codes, as in the public two-stage code.",
        group="compatibility",
    )
    adam: Literal["torch", "reference"] = setting(
        "torch",
        "Where Adam adds epsilon: 'torch' after the bias correction, 'reference' before it, as in the public one-stage "
        "code.",
        group="compatibility",
    )
    rate_schedule: Literal["intended", "shifted"] = setting(
        "intended",
        "Learning rate of epoch e: 'intended' is cosine(e), 'shifted' is off by one epoch as in the public code with a "
        "recent torch.",
        group="compatibility",
    )
