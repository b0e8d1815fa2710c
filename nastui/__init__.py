"""nastui: a terminal dashboard for neural architecture search. This is the application layer, deliberately thin."""

import nastui_start  # noqa: F401 - finds the four packages as one set

__version__ = "0.2.0"
