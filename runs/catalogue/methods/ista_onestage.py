"""ISTA-NAS, one-stage: the search ends in the trained network (Yang et al., NeurIPS 2020)."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from runs.catalogue.baselines import DARTS, QUICK_DARTS
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting
from runs.catalogue.sparse_codes import SparseCodeSettings


class IstaOneStageSettings(SparseCodeSettings):
    """When nodes freeze, and how the remaining network is trained."""

    fixed_epochs: int = setting(
        600,
        "Epochs of training once every node is frozen; `epochs` is the upper limit of the search before that.",
        group="schedule",
        ge=1,
        le=100_000,
    )
    freeze_threshold: float = setting(
        1e-3,
        "Freeze a node once its recovered vector changes by at most this much between epochs.",
        group="architecture",
        gt=0,
    )
    freeze_epochs: int = setting(
        1,
        "Epochs in a row in which the change must stay within freeze_threshold; the paper has 1.",
        group="architecture",
        ge=1,
        le=1000,
    )
    parameter_limit: int = setting(
        3_700_000,
        "Reject cells whose network has this many parameters or more; 0 sets no limit.",
        group="architecture",
        ge=0,
    )
    auxiliary: bool = setting(
        True, "Train an auxiliary classifier at two thirds of the network's depth.", group="weights"
    )
    auxiliary_weight: float = setting(0.4, "Weight of the auxiliary classifier's loss.", group="weights", ge=0, le=10)
    drop_path: float = setting(
        0.2,
        "Drop-path probability at the end of the training; it rises from 0 once all nodes are frozen.",
        group="weights",
        ge=0,
        lt=1,
    )

    @model_validator(mode="after")
    def _one_level(self) -> Self:
        if self.clip_scope == "all":
            raise ValueError("clip_scope=all exists only in the two-stage method 'ista': set clip_scope=weights")
        return self


_PAPER = {
    **DARTS,
    "channels": 36,
    "layers": 20,
    "batch_size": 96,
    "epochs": 600,
    "fixed_epochs": 600,
    "cutout_length": 16,
    "auxiliary": True,
    "auxiliary_weight": 0.4,
    "drop_path": 0.2,
}

METHOD = Method(
    name="ista_onestage",
    title="ISTA-NAS one-stage",
    summary="Searches and trains in one run: nodes freeze one by one, then training continues on the final network.",
    cost="A network of the final size from the first epoch. The quick preset takes a minute or two on two CPU cores; "
    "the paper preset needs a GPU for days.",
    reference="Yang, Li, You, Wang, Qian, Lin: ISTA-NAS: Efficient and Consistent Neural Architecture Search by Sparse "
    "Coding, NeurIPS 2020",
    options=IstaOneStageSettings,
    engine="engine.methods.ista.one_stage:build",
    recipes={"darts": "ista-cifar-bn"},
    presets=(
        Preset(
            name="paper",
            summary="As published: 36 channels, 20 cells, up to 600 epochs of search and 600 of training. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=5,
            values=_PAPER,
        ),
        Preset(
            name="public",
            summary="As the public code ran: the same with its Adam and its measurement matrices. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=5,
            values={**_PAPER, "adam": "reference", "measurement": "legacy"},
        ),
        Preset(
            name="quick",
            summary="The same, small: up to 8 epochs of search and 8 of training, 8 channels, 3 cells. A minute or two "
            "on two cores.",
            space="darts",
            dataset="digits",
            # The codes still move after so few epochs: the paper's threshold would freeze no node.
            values={**QUICK_DARTS, "epochs": 8, "fixed_epochs": 8, "freeze_threshold": 0.1, "auxiliary": False},
        ),
    ),
)
