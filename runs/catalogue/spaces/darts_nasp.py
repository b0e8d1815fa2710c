"""The DARTS cells with the operations of NASP (AAAI 2020): 8 in a normal cell, 5 in a reduction cell, no ``none``."""

from __future__ import annotations

from dataclasses import replace

from runs.catalogue.spaces import darts

NORMAL = (
    "skip_connect",
    "conv_3x1_1x3",
    "dil_conv_3x3",
    "conv_1x1",
    "conv_3x3",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
)
REDUCE = ("skip_connect", "avg_pool_3x3", "max_pool_3x3", "max_pool_5x5", "max_pool_7x7")

SPACE = replace(
    darts.SPACE,
    name="darts_nasp",
    title="DARTS with NASP's operations",
    summary="The DARTS cells with 8 operations on a normal edge and 5 on one of a reduction cell, 12 together.",
    operations=tuple(dict.fromkeys(NORMAL + REDUCE)),
    own={"normal": NORMAL, "reduce": REDUCE},
    # Its genotypes belong to the DARTS space and are trained there.
    network_options=None,
    typical="",
)
