"""nastui: a terminal dashboard for neural architecture search. The application layer, thin on purpose."""

__version__ = "0.2.0"
