"""The options that may stand anywhere on a command line, as this process was given them."""

from __future__ import annotations

quiet = False
"""Print only results and errors."""

verbose = False
"""Print every event of a run that is followed, and the causes of errors."""

home_given = False
"""Whether --home names the home. Its value is in the environment, which engines inherit."""
