"""PR-DARTS (prune and replace): a search whose operations evolve by morphing (Laube and Zell, ICMLA 2019)."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.adaptive_batch import GrowingBatchSettings
from runs.catalogue.baselines import DARTS, QUICK_DARTS, BaselineSettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.morphing import MorphingSettings
from runs.catalogue.settings import setting


class PrDartsSettings(GrowingBatchSettings, MorphingSettings, BaselineSettings):
    """Hyperparameters of PR-DARTS, in addition to those of every search that morphs operations."""

    epochs: int = setting(100, "Epochs of the search, over all stages.", group="schedule", ge=1, le=100_000)
    evaluated_epochs: int = setting(
        0,
        "Measure the search accuracy only in this many last epochs of each stage; 0 measures it in every epoch.",
        group="evaluation",
        ge=0,
    )
    carry_weights: bool = setting(
        True,
        "Carry the weights of operations that stay, and those that new operations inherit, into the next stage. If "
        "false, each stage starts from new weights.",
        group="weights",
    )
    mode: Literal["fixed", "faithful"] = setting(
        "fixed",
        "'fixed' adds operations that an edge never had, or else lost longest ago, and only new operations inherit "
        "weights; 'faithful' draws without looking and overwrites trained children with their parents' weights, as the "
        "public code does.",
        group="compatibility",
    )


_STAGES = {
    "initial_pool": "prdarts4",
    "stage_keep": "6,6,6,6,6,4,3,2,1",
    "stage_morphs": "3,3,3,3,3,0,0,0,0",
    "skip_dropout": "0",
}
_PAPER = {
    **DARTS,
    **_STAGES,
    "epochs": 100,
    "stage_epochs": "15,15,10,10,10,10,10,10,10",
    "stage_frozen_epochs": "5,5,3,3,3,3,3,3,3",
    "evaluated_epochs": 4,
    "batch_size": 24,
    "batch_size_max": 128,
    "batch_multiple": 8,
    "learning_rate_min": 0.01,
    "arch_learning_rate": 6e-4,
    "arch_gradient_clip": 5.0,
}


def _paper(name: str, variant: str, restrictions: str) -> Preset:
    return Preset(
        name=name,
        summary=f"The published CIFAR-10 search, {variant}: nine stages, a batch growing to 128. For a GPU.",
        space="prdarts",
        dataset="cifar10",
        values={**_PAPER, "restrictions": restrictions},
    )


def _public(name: str, variant: str, restrictions: str) -> Preset:
    return Preset(
        name=name,
        summary=f"The script of the public code, {variant}: as it draws new operations and overwrites weights. For a "
        "GPU.",
        space="prdarts",
        dataset="cifar10",
        values={**_PAPER, "restrictions": restrictions, "mode": "faithful"},
    )


METHOD = Method(
    name="prdarts",
    title="PR-DARTS",
    summary="DARTS in nine stages: each edge drops its weakest operations and refills itself by morphing the others.",
    cost="Nine supernets, one after the other; the largest determines the memory. The quick preset takes minutes on "
    "two CPU cores; the paper presets need a GPU.",
    reference="Laube, Zell: Prune and Replace NAS, ICMLA 2019",
    options=PrDartsSettings,
    engine="engine.methods.prdarts.method:build",
    recipes={"darts": "prdarts-cifar"},
    presets=(
        _paper("paper", "DL (DL1 and DL2 are two of its seeds)", "darts_like"),
        _paper("paper-dr", "DR", "r_depth"),
        _paper("paper-ur", "UR", "unrestricted"),
        _public("public", "DL", "darts_like"),
        _public("public-dr", "DR", "r_depth"),
        _public("public-ur", "UR", "unrestricted"),
        Preset(
            name="quick",
            summary="The same nine stages, small: 3 epochs each of 3 cells, 4 channels. Minutes on two cores.",
            space="prdarts",
            dataset="digits",
            values={
                **QUICK_DARTS,
                **_STAGES,
                "restrictions": "darts_like",
                "channels": 4,
                "epochs": 27,
                "stage_frozen_epochs": "1",
            },
        ),
    ),
)
