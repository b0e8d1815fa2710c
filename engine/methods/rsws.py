"""Random search with weight sharing: each step trains an architecture drawn evenly (baselines.md, 7.11)."""

from __future__ import annotations

from engine.black_box.encoding import coding
from engine.black_box.path_sampling import Even, Sampling
from engine.black_box.supernet_training import strategies
from engine.method import Context
from engine.search.loop import DifferentiableSearch
from runs.catalogue.methods.rsws import RswsSettings


def build(context: Context) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    assert isinstance(settings, RswsSettings)
    known = coding(context.space.entry)
    sampling = Sampling(
        Even(known.codec), known, context.space, samples=settings.samples, images=settings.sample_images
    )
    return DifferentiableSearch(context, strategies(settings, sampling, settings.epochs))
