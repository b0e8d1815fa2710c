"""From a genotype that somebody named to the draft of a run that trains it."""

from __future__ import annotations

from typing import Any

from runs.catalogue.genotype_text import format_text
from runs.store.find_genotype import Found


def asked(found: Found, epoch: int | None = None) -> dict[str, Any]:
    """Return what a genotype gives to :class:`runs.configuration.Draft`; data set, preset and the rest come beside it.

    Args:
        found: the genotype.
        epoch: of the run that it was taken from, where that was not the last.
    """
    return {
        "method": "retrain",
        "genotype": found.genotype.to_json(),
        "origin": (found.name or "a genotype") + (f", epoch {epoch}" if epoch else ""),
        # A run's genotype may still change, and a file be written over: the text stays.
        "typed": found.name if found.published else format_text(found.genotype),
        "recipe": found.recipe,
    }
