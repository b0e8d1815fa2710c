"""Everything that computes, inside the engine process: search spaces, methods, training and data."""

import nastui_start  # noqa: F401 - finds the four packages as one set
