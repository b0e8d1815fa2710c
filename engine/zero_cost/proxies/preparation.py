"""Builds a scorer for the images of a data set, from the hyperparameters of the catalogue."""

from __future__ import annotations

import torch

from engine.data.sources import Source
from engine.zero_cost.proxies.scorer import Scorer
from runs.catalogue import Dataset, Space
from runs.catalogue.normalisations import statistics
from runs.catalogue.proxies import ProxySettings

# TE-NAS normalises as the code base of NAS-Bench-201 does
# (docs/methods/tenas.md, "Condition number of the NTK").
_NORMALISATION = "nasbench201"


def prepare(
    space: Space,
    dataset: Dataset,
    images: Source,
    settings: ProxySettings,
    *,
    seed: int,
    device: torch.device,
    as_public: bool = False,
) -> Scorer:
    """Return a scorer of networks of a space with the training images of a data set.

    ``as_public`` is that of :class:`engine.zero_cost.proxies.scorer.Scorer`.

    Raises:
        NastuiError: the images cannot be used, or the settings do not fit them.
    """
    training = images("train", at_most=settings.image_limit)
    mean, std = statistics(_NORMALISATION, dataset)
    return Scorer(
        space,
        training,
        classes=len(training.classes),
        mean=mean,
        std=std,
        crop_padding=dataset.crop_padding,
        flip=dataset.flip,
        batch_size=settings.batch_size,
        region_batches=settings.region_batches,
        region_samples=settings.region_samples,
        outputs=settings.ntk,
        bn=settings.ntk_norm,
        init=settings.init,
        how=settings.ntk_backward,
        seed=seed,
        device=device,
        as_public=as_public,
    )
