"""nastui: a terminal dashboard for neural architecture search. This is the application layer, deliberately thin."""

__version__ = "0.2.0"
