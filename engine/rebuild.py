"""The documented entry point for users of a trained network: ``from engine.rebuild import rebuild``."""

from engine.training.model_io import rebuild

__all__ = ["rebuild"]
