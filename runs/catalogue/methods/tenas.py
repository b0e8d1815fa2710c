"""TE-NAS (ICLR 2021): its hyperparameters and presets. See docs/methods/tenas.md, "Presets"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from runs.catalogue.entries import Method, Preset
from runs.catalogue.proxies import ProxySettings
from runs.catalogue.settings import setting

MORE_DRAWS, ANOTHER_SEED = "more-draws", "another-seed"


class TenasSettings(ProxySettings):
    """What is measured, and how operations are ranked and pruned."""

    prune_number: int = setting(1, "Operations to prune from each edge per round.", group="schedule", ge=1, le=100)
    draws: Literal["shared", "per_candidate"] = setting(
        "shared",
        "'shared' measures all candidates of a draw with the same weights and images, with less noise and half the "
        "work; 'per_candidate' draws for each candidate, as the public code does.",
        group="architecture",
    )
    change: Literal["relative", "log"] = setting(
        "relative",
        "What is ranked: the change 'relative' to the network before pruning, or the 'log' of the ratio, which a "
        "single bad draw does not dominate.",
        group="architecture",
    )
    decimals: int = setting(
        3, "Round the change of each draw to this many decimals before averaging.", group="architecture", ge=0, le=15
    )
    weights_drawn: Literal["draw", "round"] = setting(
        "draw",
        "'draw' takes new weights in every draw; 'round' takes, as in the public code, one set for the kernels of a "
        "round and one set for the regions of each candidate (of all candidates if draws=shared).",
        group="compatibility",
    )
    singular_kernels: Literal["last", "public"] = setting(
        "last",
        "kappa of a singular kernel: infinite, so that the candidate falls 'last'; 'public' divides the eigenvalues as "
        "float32 has them, so that a negative kappa is pruned first, and takes 100,000 for a dead network.",
        group="compatibility",
    )
    ranking: Literal["careful", "public"] = setting(
        "careful",
        "'public' sorts by three significant digits, treats only identical values as ties, takes the number of cuts "
        "from the first edge, and compares kappa in the choice of edges with the network before that choice.",
        group="compatibility",
    )

    @model_validator(mode="after")
    def _negative_ones_have_no_logarithm(self) -> Self:
        if self.singular_kernels == "public" and self.change == "log":
            raise ValueError("singular_kernels=public needs change=relative: a negative kappa has no logarithm")
        return self


# For networks this small, one thread is several times faster than two.
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
    "singular_kernels": "public",
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
# Measured on NAS-Bench-201 only (docs/methods/tenas.md, "Seeds on NAS-Bench-201").
_CENTRED: Mapping[str, Any] = {**_FAST, "ntk_norm": "centred", "init": "kaiming"}
_QUICK: Mapping[str, Any] = {**_FAST, "batch_size": 16, "region_batches": 1}
# ImageNet is sampled: only this many files are decoded, once.
_SAMPLE: Mapping[str, Any] = {"image_size": 32, "image_limit": 20_000}


def _preset(name: str, space: str, summary: str, base: Mapping[str, Any], dataset: str, **changes: Any) -> Preset:
    return Preset(name=name, summary=summary, space=space, dataset=dataset, values={**base, **changes})


METHOD = Method(
    name="tenas",
    title="TE-NAS",
    summary="Prunes an untrained supernet round by round, by its kernel's condition number and its linear regions.",
    cost="No training, networks of a few thousand weights. NAS-Bench-201 takes about a minute on one CPU core.",
    reference="Chen, Gong, Wang: Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically Inspired "
    "Perspective, ICLR 2021",
    options=TenasSettings,
    engine="engine.methods.tenas:build",
    uses_supernet=False,
    samples_images=True,
    recipes={"darts": "tenas-cifar", "nasbench201": "nasbench201-200"},
    requests={
        MORE_DRAWS: "Double the draws of the current decision, and decide by all of them.",
        ANOTHER_SEED: "Repeat the measurement with another seed, and only report on how many edges it would differ.",
    },
    presets=(
        _preset(
            "paper",
            "nasbench201",
            "As in the appendix: batch 32, 5 x 1000 crops, Kaiming. About five minutes on one core.",
            _PAPER,
            "cifar10",
            prune_number=1,
        ),
        _preset(
            "public",
            "nasbench201",
            "As the public code runs: batch 72, weights drawn per round. About twenty minutes on one core.",
            _PUBLIC,
            "cifar100",
            prune_number=1,
            batch_size=72,
        ),
        _preset(
            "fast",
            "nasbench201",
            "Centred kernels, Kaiming, 8 shared draws: cells as good as with exact gradients. A minute on one core.",
            _CENTRED,
            "cifar10",
            prune_number=1,
        ),
        _preset(
            "quick",
            "nasbench201",
            "Frozen statistics, small, on the embedded digits. Seconds.",
            _QUICK,
            "digits",
            prune_number=1,
            repeats=3,
        ),
        _preset(
            "paper",
            "darts",
            "As in the appendix: batch 32, 5 x 1000 crops, Kaiming. Two hours or more on one core.",
            _PAPER,
            "cifar10",
            prune_number=3,
        ),
        _preset(
            "public",
            "darts",
            "As the public code runs on CIFAR-10: batch 14, 3 operations per round. About an hour on one core.",
            _PUBLIC,
            "cifar10",
            prune_number=3,
            batch_size=14,
        ),
        _preset(
            "public-imagenet",
            "darts",
            "As the public code runs on ImageNet: batch 24, 2 operations per round; on 20,000 images of 32 pixels.",
            {**_PUBLIC, **_SAMPLE},
            "imagenet",
            prune_number=2,
            batch_size=24,
        ),
        _preset(
            "fast",
            "darts",
            "Frozen statistics, 8 shared draws. About half an hour on one core.",
            _FAST,
            "cifar10",
            prune_number=3,
        ),
        _preset(
            "fast-imagenet",
            "darts",
            "The same on ImageNet, on 20,000 images of 32 pixels, which are decoded first.",
            {**_FAST, **_SAMPLE},
            "imagenet",
            prune_number=2,
        ),
        _preset(
            "quick",
            "darts",
            "The same, small, on the embedded digits. About a minute.",
            {**_QUICK, "batch_size": 8},
            "digits",
            prune_number=3,
            repeats=1,
        ),
    ),
)
