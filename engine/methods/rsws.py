"""Random search with weight sharing: each step trains a uniformly drawn architecture.

See docs/methods/baselines.md, "Random search with weight sharing".
"""

from __future__ import annotations

from engine.black_box.encoding import coding
from engine.black_box.path_sampling import PathSampling, UniformPolicy
from engine.black_box.supernet_training import supernet_training
from engine.method import Context
from engine.search.loop import DifferentiableSearch
from runs.catalogue.methods.rsws import RswsSettings


def build(context: Context[RswsSettings]) -> DifferentiableSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    known = coding(context.space.entry)
    sampling = PathSampling(
        UniformPolicy(known.codec),
        known,
        context.space,
        samples=settings.samples,
        images=settings.sample_images,
        batch_size=settings.batch_size,
    )
    return DifferentiableSearch(context, supernet_training(settings, sampling, settings.epochs))
