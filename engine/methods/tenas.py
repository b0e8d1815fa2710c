"""TE-NAS: pruning of a supernet at its initialisation by the NTK's condition number and linear regions (tenas.md)."""

from __future__ import annotations

from typing import Any

from engine.indicators.scorer import Scorer
from engine.method import Context
from engine.training_free.search import PruningSearch
from runs.catalogue.methods.tenas import TenasSettings
from runs.catalogue.normalisations import statistics


def build(context: Context) -> PruningSearch:
    """Return the search that the settings describe."""
    settings = context.settings
    assert isinstance(settings, TenasSettings)
    return PruningSearch(context, scorer(context, settings))


def scorer(context: Context, settings: TenasSettings, **changes: Any) -> Scorer:
    """Return what measures, in the space and with the images of a run; ``changes`` are of its keywords."""
    images = context.images("train", at_most=settings.image_limit)
    mean, std = statistics("nasbench201", context.dataset)
    given: dict[str, Any] = {
        "classes": len(images.classes),
        "mean": mean,
        "std": std,
        "crop_padding": context.dataset.crop_padding,
        "flip": context.dataset.flip,
        "batch_size": settings.batch_size,
        "region_batches": settings.region_batches,
        "region_samples": settings.region_samples,
        "outputs": settings.ntk,
        "bn": settings.ntk_norm,
        "init": settings.init,
        "how": settings.ntk_backward,
        "seed": context.config.seed,
        "device": context.runtime.device,
    }
    return Scorer(context.space.entry, images, **given, **changes)
