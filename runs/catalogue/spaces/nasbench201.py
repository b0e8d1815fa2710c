"""The NAS-Bench-201 topology space (Dong and Yang, ICLR 2020): 4 nodes, 6 edges, 5 operations, 15,625 cells."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.entries import CompleteTable, Space
from runs.catalogue.settings import Settings, setting
from runs.genotypes import nasbench201
from runs.genotypes.nasbench201 import TOPOLOGY


class NasBench201NetworkSettings(Settings):
    """The size of a network; the benchmark's own is the default."""

    channels: int = setting(
        16,
        "Channels of the first stage; they double at each of the two reductions.",
        group="search space",
        ge=1,
        le=1024,
    )
    cells: int = setting(5, "Cells in each of the three stages.", group="search space", ge=1, le=50)


class NasBench201Settings(NasBench201NetworkSettings):
    """The size of the supernet, and how its candidate operations normalise."""

    batch_norm: Literal["running", "batch"] = setting(
        "running",
        "Statistics that candidate operations use in evaluation: 'running' averages of training, "
        "or those of the 'batch' at hand as the benchmark's own baselines do.",
        group="search space",
    )


# How the benchmark defines its splits (docs/methods/baselines.md, "Splits and training of the benchmark").
_HALVES = "half of the original test images; trained on the original training images"
_SPLITS = {
    ("cifar10", "valid"): "25,000 of the training images; trained on the other 25,000",
    ("cifar10", "test"): "trained on all 50,000 training images",
    **{(dataset, split): _HALVES for dataset in ("cifar100", "imagenet16_120") for split in ("valid", "test")},
}
_SCHEDULES = {12: "may be queried by a search", 200: "what papers report, a mean over the benchmark's runs"}


def _note(dataset: str, split: str, epochs: int) -> str:
    return "; ".join(filter(None, (_SPLITS.get((dataset, split), ""), _SCHEDULES.get(epochs, ""))))


SPACE = Space(
    name=TOPOLOGY.space,
    title="NAS-Bench-201",
    summary="One cell of 4 nodes and 6 edges, 5 operations an edge; 15,625 cells, all of them tabulated.",
    cells=TOPOLOGY.cells,
    edges=TOPOLOGY.edges,
    operations=TOPOLOGY.operations,
    outputs=TOPOLOGY.outputs,
    options=NasBench201Settings,
    engine="engine.spaces.nasbench201:NasBench201",
    network_options=NasBench201NetworkSettings,
    kinds=nasbench201.KINDS,
    format=nasbench201.format_string,
    forms=(nasbench201.STRING,),
    costs=nasbench201.COSTS,
    # A search sees the validation accuracy of the 12-epoch schedule; papers report the test accuracy of 200 epochs.
    complete_table=CompleteTable(signal=("valid", 12), report=("test", 200), note=_note),
    # One of the benchmark's strong cells.
    typical="|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    normalisation={
        "cifar10": ((125.3 / 255, 123.0 / 255, 113.9 / 255), (63.0 / 255, 62.1 / 255, 66.7 / 255)),
        "cifar100": ((129.3 / 255, 124.1 / 255, 112.4 / 255), (68.2 / 255, 65.4 / 255, 70.4 / 255)),
        "imagenet16_120": (
            (122.68 / 255, 116.66 / 255, 104.01 / 255),
            (63.22 / 255, 61.26 / 255, 65.09 / 255),
        ),
    },
)
