"""How one batch changes architecture and weights: one file an update. A method chooses how its two levels meet."""

from engine.search.updates.adaptive_batch import AdaptiveBatch
from engine.search.updates.first_order import FirstOrder
from engine.search.updates.single_level import SingleLevel
from engine.search.updates.single_level_joint import SingleLevelJoint
from engine.search.updates.unrolled import Unrolled
from engine.search.updates.update import Update

__all__ = ["AdaptiveBatch", "FirstOrder", "SingleLevel", "SingleLevelJoint", "Unrolled", "Update"]
