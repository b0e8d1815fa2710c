"""The NAS-Bench-201 topology space (Dong and Yang, ICLR 2020): 4 nodes, 6 edges, 5 operations, 15,625 cells."""

from __future__ import annotations

from typing import Literal

from runs.catalogue.entries import Space
from runs.catalogue.settings import Settings, setting


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


SPACE = Space(
    name="nasbench201",
    title="NAS-Bench-201",
    summary="One cell of 4 nodes and 6 edges, 5 operations an edge; 15,625 cells, all of them tabulated.",
    cells=("cell",),
    edges=((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)),
    operations=("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"),
    options=NasBench201Settings,
    engine="engine.spaces.nasbench201:NasBench201",
    network_options=NasBench201NetworkSettings,
)
