"""ISTA-NAS, two-stage: sparse coding selects two operations per node (Yang et al., NeurIPS 2020)."""

from __future__ import annotations

from runs.catalogue.baselines import DARTS, QUICK_DARTS
from runs.catalogue.entries import Method, Preset
from runs.catalogue.sparse_codes import SparseCodeSettings


class IstaSettings(SparseCodeSettings):
    """Hyperparameters of the search. Its cell is then retrained."""


_PAPER = {**DARTS, "batch_size": 256, "learning_rate": 0.1, "arch_learning_rate": 6e-4}

METHOD = Method(
    name="ista",
    title="ISTA-NAS",
    summary="Trains a short code for each node; sparse coding selects the node's two operations, and only these run.",
    cost="Two operations per node instead of at least fourteen: a third of the work of DARTS. The quick preset takes a "
    "minute on two CPU cores; the paper preset needs a GPU.",
    reference="Yang, Li, You, Wang, Qian, Lin: ISTA-NAS: Efficient and Consistent Neural Architecture Search by Sparse "
    "Coding, NeurIPS 2020",
    options=IstaSettings,
    engine="engine.methods.ista.two_stage:build",
    recipes={"darts": "ista-cifar"},
    presets=(
        Preset(
            name="paper",
            summary="The published CIFAR-10 search: 50 epochs, batch 256, 16 channels, 8 cells. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values=_PAPER,
        ),
        Preset(
            name="public",
            summary="As the public code ran: a schedule one epoch ahead, codes in the clipped norm. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values={**_PAPER, "rate_schedule": "shifted", "clip_scope": "all", "measurement": "legacy"},
        ),
        Preset(
            name="paper-small-batch",
            summary="The same with the defaults of the public code: batch 64, smaller learning rates. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values={**DARTS},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 10 epochs, 8 channels, 3 cells. A minute on two cores.",
            space="darts",
            dataset="digits",
            values={**QUICK_DARTS},
        ),
    ),
)
