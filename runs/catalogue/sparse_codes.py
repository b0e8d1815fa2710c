"""Hyperparameters that both forms of ISTA-NAS share."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.baselines import BaselineSettings
from runs.catalogue.settings import setting


class SparseCodeSettings(BaselineSettings):
    """Short dense codes for the nodes, and how the sparse vectors that they stand for are recovered."""

    code_length: int = setting(
        7,
        "Entries of a node's code, which measure its 14 to 35 candidates.",
        group="architecture",
        ge=2,
        le=64,
    )
    gamma: float = setting(
        1e-5, "Weight of |x|_1 in the recovery of the sparse vector x from a code.", group="architecture", gt=0, le=1
    )
    solver: Literal["scs", "clarabel"] = setting(
        "scs",
        "Solver that recovers first; the other is asked where its answer cannot be certified.",
        group="architecture",
    )
    distinct_predecessors: bool = setting(
        False,
        "Take a node's two operations from different inputs. The paper lets them share one.",
        group="architecture",
    )
    measurement: Literal["uniform", "unit_gaussian", "legacy"] = setting(
        "uniform",
        "Matrices that codes measure with: 'uniform' on 0..1 as published, 'legacy' the same from the public code's "
        "generator, 'unit_gaussian' with columns of norm 1, which are less alike and not the paper's.",
        group="compatibility",
    )
    clip_scope: Literal["weights", "all"] = setting(
        "weights",
        "Gradients that enter the clipped norm: 'weights', or 'all' with the codes', as the public two-stage code.",
        group="compatibility",
    )
    adam: Literal["torch", "reference"] = setting(
        "torch",
        "Where Adam adds epsilon: 'torch' after the bias correction, 'reference' before, as the public one-stage code.",
        group="compatibility",
    )
    rate_schedule: Literal["intended", "shifted"] = setting(
        "intended",
        "Learning rate of epoch e: 'intended' cosine(e), or 'shifted' by one epoch as the public code runs today.",
        group="compatibility",
    )
