"""The mathematics of ISTA-NAS without torch: measure, recover, choose the live set, freeze. Pure functions on float64.

A node has n = (operations) x (inputs) candidates. ``matrix`` is its measurement matrix A [m, n], ``code`` the dense b
[m] that is trained, ``x`` [n] the sparse vector that the code stands for, and ``live`` the entries of x that the cell
keeps. Entry k of x is operation k % operations on input k // operations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class SolverFailure(Exception):
    """A solver gave no reliable answer; the message says why."""
