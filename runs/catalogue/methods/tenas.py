"""TE-NAS (ICLR 2021): its hyperparameters and presets. Facts: tenas.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from runs.catalogue.entries import Method, Preset
from runs.catalogue.proxies import ProxySettings
from runs.catalogue.settings import setting

MORE_DRAWS, ANOTHER_SEED = "more-draws", "another-seed"


class TenasSettings(ProxySettings):
    """What is measured, and how measurements decide."""

    prune_number: int = setting(1, "Operations that each edge loses in a round.", group="schedule", ge=1, le=100)
    draws: Literal["shared", "per_candidate"] = setting(
        "shared",
        "Whether all candidates of a draw have the same weights and images, which is less noise and half the work, or "
        "each its own as in the public code.",
        group="architecture",
    )
    change: Literal["relative", "log"] = setting(
        "relative",
        "What is ranked: the change 'relative' to the network before, or the 'log' of their ratio, which one bad draw "
        "does not dominate.",
        group="architecture",
    )
    decimals: int = setting(
        3, "Each draw's change is rounded to so many decimals before the mean.", group="architecture", ge=0, le=15
    )
    weights_drawn: Literal["draw", "round"] = setting(
        "draw",
        "New weights with every 'draw', or as the public code: one set for the kernels of a 'round', and one for the "
        "regions of each candidate (of all, where draws are shared).",
        group="compatibility",
    )
    ranking: Literal["careful", "public"] = setting(
        "careful",
        "'public' sorts by three significant digits, sees ties in equal bits alone, takes the number of cuts from the "
        "first edge, and compares kappa in the choice of edges with the network before that choice.",
        group="compatibility",
    )


# Networks so small lose several times their speed to a second thread.
_MACHINE: Mapping[str, Any] = {"threads": 1}
_PUBLIC: Mapping[str, Any] = {
    **_MACHINE,
    "ntk": "sum",
    "ntk_norm": "batch",
    "init": "default",
    "weights_drawn": "round",
    "draws": "per_candidate",
    "change": "relative",
    "decimals": 3,
    "repeats": 3,
    "region_batches": 3,
    "region_samples": 1000,
    "ranking": "public",
}
_PAPER: Mapping[str, Any] = {
    **_MACHINE,
    "ntk": "sum",
    "ntk_norm": "batch",
    "init": "kaiming",
    "weights_drawn": "draw",
    "draws": "per_candidate",
    "change": "relative",
    "decimals": 3,
    "repeats": 3,
    "batch_size": 32,
    "region_batches": 5,
    "region_samples": 1000,
    "ranking": "careful",
}
_FAST: Mapping[str, Any] = {
    **_MACHINE,
    "ntk": "sum",
    "ntk_norm": "frozen",
    "init": "default",
    "weights_drawn": "draw",
    "draws": "shared",
    "change": "relative",
    "decimals": 3,
    "repeats": 8,
    "batch_size": 32,
    "region_batches": 3,
    "region_samples": 1000,
    "ranking": "careful",
}
_QUICK: Mapping[str, Any] = {**_FAST, "batch_size": 16, "region_batches": 1}
# ImageNet's files are decoded once, and only so many of them.
_SAMPLE: Mapping[str, Any] = {"image_size": 32, "image_limit": 20_000}


def _preset(name: str, space: str, summary: str, base: Mapping[str, Any], dataset: str, **changes: Any) -> Preset:
    return Preset(name=name, summary=summary, space=space, dataset=dataset, values={**base, **changes})


METHOD = Method(
    name="tenas",
    title="TE-NAS",
    summary="Deletes, round by round, what the kernel's condition and the linear regions of an untrained supernet can "
    "spare.",
    cost="No training: networks of a few thousand weights. NAS-Bench-201 takes half a minute on one CPU core.",
    reference="Chen, Gong, Wang: Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically Inspired "
    "Perspective, ICLR 2021",
    options=TenasSettings,
    engine="engine.methods.tenas:build",
    uses_supernet=False,
    samples_images=True,
    recipes={"darts": "tenas-cifar", "nasbench201": "nasbench201-200"},
    requests={
        MORE_DRAWS: "Measure the decision in progress with as many draws again, and decide by all of them.",
        ANOTHER_SEED: "Measure it with as many other draws, and only tell on how many edges they would cut otherwise.",
    },
    presets=(
        _preset(
            "paper",
            "nasbench201",
            "The appendix's: batch 32, 5 x 1000 crops, Kaiming. About four minutes on a core.",
            _PAPER,
            "cifar10",
            prune_number=1,
        ),
        _preset(
            "public",
            "nasbench201",
            "What the public code really runs: batch 72, weights of a round. About a quarter of an hour on a core.",
            _PUBLIC,
            "cifar100",
            prune_number=1,
            batch_size=72,
        ),
        _preset(
            "fast",
            "nasbench201",
            "Frozen statistics, 8 shared draws: cells as good as the exact form's, in half a minute on a core.",
            _FAST,
            "cifar10",
            prune_number=1,
        ),
        _preset(
            "quick",
            "nasbench201",
            "The same, small, on the embedded digits: seconds.",
            _QUICK,
            "digits",
            prune_number=1,
            repeats=3,
        ),
        _preset(
            "paper",
            "darts",
            "The appendix's: batch 32, 5 x 1000 crops, Kaiming. Two hours or more on a core.",
            _PAPER,
            "cifar10",
            prune_number=3,
        ),
        _preset(
            "public",
            "darts",
            "What the public code really runs on CIFAR-10: batch 14, 3 operations a round. About an hour on a core.",
            _PUBLIC,
            "cifar10",
            prune_number=3,
            batch_size=14,
        ),
        _preset(
            "public-imagenet",
            "darts",
            "What it runs on ImageNet: batch 24, 2 operations a round; from 20,000 of the images, at 32 pixels.",
            {**_PUBLIC, **_SAMPLE},
            "imagenet",
            prune_number=2,
            batch_size=24,
        ),
        _preset(
            "fast",
            "darts",
            "Frozen statistics, 8 shared draws: about half an hour on a core.",
            _FAST,
            "cifar10",
            prune_number=3,
        ),
        _preset(
            "fast-imagenet",
            "darts",
            "The same on ImageNet, from 20,000 of the images at 32 pixels: these are decoded first.",
            {**_FAST, **_SAMPLE},
            "imagenet",
            prune_number=2,
        ),
        _preset(
            "quick",
            "darts",
            "The same, small, on the embedded digits: about a minute.",
            {**_QUICK, "batch_size": 8},
            "digits",
            prune_number=3,
            repeats=1,
        ),
    ),
)
