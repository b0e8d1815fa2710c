"""How one batch changes architecture and weights: one file an update. A method chooses how its two levels meet."""

from engine.search.updates.adaptive_batch import Growing
from engine.search.updates.first_order import FirstOrder
from engine.search.updates.single_level import OneLevel
from engine.search.updates.single_level_joint import Joint
from engine.search.updates.unrolled import Unrolled
from engine.search.updates.update import Update

__all__ = ["FirstOrder", "Growing", "Joint", "OneLevel", "Unrolled", "Update"]
