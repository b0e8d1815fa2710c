"""The DARTS cells with the sharp separable convolutions of sharpDARTS (2019) in place of the dilated ones."""

from __future__ import annotations

from dataclasses import replace

from runs.catalogue.spaces import darts

SPACE = replace(
    darts.SPACE,
    name="darts_sharp",
    title="DARTS with SharpSepConv",
    summary="The DARTS cells with 8 operations, whose convolutions all have two separable stages.",
    # SharpSepConv with two stages of C channels is sep_conv. Only the dilated ones differ, in their second stage.
    operations=tuple(name.replace("dil_conv", "sharp_dil_conv") for name in darts.SPACE.operations),
    # Its genotypes belong to the DARTS space and are trained there.
    network_options=None,
    typical="",
)
