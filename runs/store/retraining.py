"""From a genotype that a user named to the draft of a run that trains it."""

from __future__ import annotations

from typing import Any

from runs.catalogue.genotype_text import format_text
from runs.store.find_genotype import Found


def asked(found: Found, epoch: int | None = None) -> dict[str, Any]:
    """Return the values of :class:`runs.configuration.Draft` that follow from the genotype.

    Data set, preset and the rest are not included.

    Args:
        found: the genotype.
        epoch: the epoch of its run, unless it was the last.
    """
    return {
        "method": "retrain",
        "genotype": found.genotype.to_json(),
        "origin": (found.name or "a genotype") + (f", epoch {epoch}" if epoch else ""),
        # A run's genotype may still change, and a file may be overwritten, so the text is kept.
        "typed": found.name if found.published else format_text(found.genotype),
        "recipe": found.recipe,
        "searched": found.dataset,
    }
