"""P-DARTS: progressive DARTS, deeper in every stage (Chen et al., ICCV 2019)."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from runs.catalogue.baselines import DARTS, QUICK_DARTS, BaselineSettings
from runs.catalogue.entries import Method, Preset
from runs.catalogue.settings import setting
from runs.catalogue.shared_settings import StagedSettings, numbers

# A cell has eight operations.
MOST_SKIPS = 8


class PDartsSettings(StagedSettings, BaselineSettings):
    """How the network grows, and how skip connections are limited."""

    added_layers: str = setting("0", "Cells of each stage beyond `layers`, such as '0,6,12'.", group="search space")
    skip_dropout: str = setting(
        "0",
        "Initial rate of the dropout after identity skips, per stage, such as '0,0.4,0.7'. The rate decays within a "
        "stage.",
        group="weights",
    )
    skip_limit: int = setting(
        2, "Largest number of skip connections in the final normal cell.", group="architecture", ge=0, le=MOST_SKIPS
    )

    @property
    def added_of_stages(self) -> tuple[int, ...]:
        """Number of cells beyond ``layers``, by stage."""
        return numbers("added_layers", self.added_layers, int, len(self.operations_of_stages))

    @property
    def dropout_of_stages(self) -> tuple[float, ...]:
        """Initial skip dropout, by stage."""
        return numbers("skip_dropout", self.skip_dropout, float, len(self.operations_of_stages))

    @model_validator(mode="after")
    def _stages_can_be_built(self) -> Self:
        if max(self.added_of_stages) > 100:
            raise ValueError(f"added_layers must be at most 100 per stage, got {self.added_layers!r}")
        if max(self.dropout_of_stages) >= 1:
            raise ValueError(f"skip_dropout must be below 1 in every stage, got {self.skip_dropout!r}")
        if self.operations_of_stages[-1] == 1:
            raise ValueError(
                f"stage_operations must leave at least 2 operations in the last stage, as one may be `none`, "
                f"got {self.stage_operations!r}"
            )
        return self


_STAGES = {
    "layers": 5,
    "added_layers": "0,6,12",
    "stage_operations": "8,5,3",
    "skip_limit": 2,
}
_PAPER = {
    **DARTS,
    **_STAGES,
    "batch_size": 96,
    "epochs": 75,
    "stage_epochs": "25,25,25",
    "arch_frozen_epochs": 10,
    "learning_rate_min": 0.0,
    "arch_learning_rate": 6e-4,
    "arch_gradient_clip": 5.0,
}

METHOD = Method(
    name="pdarts",
    title="P-DARTS",
    summary="DARTS in three stages, each deeper and with fewer operations; dropout and a limit curb skip connections.",
    cost="Three supernets, one after the other; the deepest determines the memory. The paper presets need a GPU.",
    reference="Chen, Xie, Wu, Tian: Progressive Differentiable Architecture Search: Bridging the Depth Gap between "
    "Search and Evaluation, ICCV 2019",
    options=PDartsSettings,
    engine="engine.methods.pdarts:build",
    recipes={"darts": "pdarts-cifar"},
    presets=(
        Preset(
            name="paper",
            summary="The published CIFAR-10 search: 25 epochs each of 5, 11 and 17 cells, 16 channels. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values={**_PAPER, "skip_dropout": "0,0.4,0.7"},
        ),
        Preset(
            name="public",
            summary="The command of the public README: the same with skip dropout 0.1, 0.4, 0.7. For a GPU.",
            space="darts",
            dataset="cifar10",
            seed=2,
            values={**_PAPER, "skip_dropout": "0.1,0.4,0.7"},
        ),
        Preset(
            name="paper-cifar100",
            summary="The published CIFAR-100 search: the same with weaker dropout. For a GPU.",
            space="darts",
            dataset="cifar100",
            seed=2,
            values={**_PAPER, "skip_dropout": "0.1,0.2,0.3"},
        ),
        Preset(
            name="quick",
            summary="The same search, small: 5 epochs each of 3, 4 and 5 cells, 8 channels. Minutes on two cores.",
            space="darts",
            dataset="digits",
            values={
                **QUICK_DARTS,
                **_STAGES,
                "layers": 3,
                "added_layers": "0,1,2",
                "epochs": 15,
                "arch_frozen_epochs": 1,
                "skip_dropout": "0,0.4,0.7",
                "learning_rate_min": 0.0,
            },
        ),
    ),
)
