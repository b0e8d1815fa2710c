"""How a batch of each level changes architecture parameters and weights: one module for each update."""

from engine.search.updates.first_order import FirstOrder
from engine.search.updates.single_level import SingleLevel
from engine.search.updates.single_level_joint import SingleLevelJoint
from engine.search.updates.unrolled import Unrolled

__all__ = ["FirstOrder", "SingleLevel", "SingleLevelJoint", "Unrolled"]
