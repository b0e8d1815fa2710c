"""The DARTS cells with PR-DARTS's operations, which a search discovers as it proceeds (Laube and Zell, 2019)."""

from __future__ import annotations

from dataclasses import replace

from runs.catalogue.spaces import darts
from runs.genotypes import morphable
from runs.genotypes.morphisms import POOLS

SPACE = replace(
    darts.SPACE,
    name="prdarts",
    title="PR-DARTS",
    summary="The DARTS cells with pools of operations that differ by edge and evolve: 15, 45 or more kinds of them.",
    # The operations at the start of a search, unless its settings say otherwise.
    operations=POOLS["prdarts4"],
    engine="engine.spaces.darts.discovering:DiscoveringDarts",
    forms=(*darts.SPACE.forms, morphable.LIST),
    # Its genotypes belong to the DARTS space and are trained there.
    network_options=None,
    typical="",
)
