"""The hyperparameters of a PR-DARTS run."""

from __future__ import annotations

from runs.catalogue.methods.prdarts import PrDartsSettings
from runs.catalogue.spaces.darts import DartsSettings


class Settings(PrDartsSettings, DartsSettings):
    """The hyperparameters of the method and of the one space that it supports, as in every run."""
