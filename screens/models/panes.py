"""The numbered panes of the screens that have them."""

from __future__ import annotations

RUN_PANES = {1: "curves", 2: "now", 3: "cell", 4: "weights", 5: "panel", 6: "log", 7: "machine"}
"""The panes of the Run screen by number."""

COMPARE_PANES = {1: "curves", 2: "settings", 3: "cells", 4: "ranking", 5: "published"}
"""The panes of the Compare screen by number."""

SWEEP_PANES = {1: "runs", 2: "curves", 3: "cell", 4: "values"}
"""The panes of the Sweep screen by number."""
