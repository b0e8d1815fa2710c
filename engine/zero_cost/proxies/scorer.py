"""Both proxies of candidates that share one pair of networks.

See docs/methods/tenas.md, "Condition number of the NTK", "Linear regions" and "Cost".
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from engine.data.images import ImageSet
from engine.data.statistics import Channels
from engine.spaces.scoring import NTK, THIN, ScoringNetwork
from engine.spaces.space import Candidates
from engine.zero_cost.proxies import ntk
from engine.zero_cost.proxies.draws import Draw, DrawSource, Key
from engine.zero_cost.proxies.initialisation import INITIALISATIONS, initialise
from engine.zero_cost.proxies.linear_regions import ActivationPatterns, Regions
from engine.zero_cost.proxies.networks import build
from runs.catalogue import Space
from runs.errors import UsageError, closest

# A larger samples x outputs is refused for the full kernel: at 32,768 the matrix alone takes 8 GiB.
_LARGEST_FULL = 4096


@dataclass(frozen=True)
class Score:
    """The measurement of a candidate with one draw.

    Attributes:
        kappa: condition number of the NTK, smaller is better; infinite if the kernel is singular.
        dead: whether the kernel is zero: the output of the network does not depend on the images.
        regions: linear regions, more is better.
        ntk_seconds, region_seconds: time spent on each.
    """

    kappa: float
    dead: bool
    regions: Regions
    ntk_seconds: float
    region_seconds: float


class Scorer:
    """Measures sets of live operations with draws of weights and images.

    Args:
        space: one that has scoring networks.
        images: uint8, in memory; those above 32 pixels are scaled down. Labels are never read.
        classes: of the data set.
        mean, std: per channel, of values in 0..1.
        crop_padding, flip: how batches of the NTK are shifted and mirrored.
        batch_size: the number of images for the NTK.
        region_batches, region_samples: the number of forward passes that count regions, and of crops in each.
        outputs, bn: of the NTK, see :func:`engine.zero_cost.proxies.ntk.gram`.
        init: ``default`` or ``kaiming``, see :func:`engine.zero_cost.proxies.initialisation.initialise`.
        how: of the NTK; ``auto`` is ``per_sample`` where samples do not depend on each other; otherwise the faster of
            two on a GPU, and ``loop`` on a CPU, where batching gains nothing.
        chunk: the number of rows at a time, if ``chunked``.
        seed: of the run.
        device: of the networks.
        as_public: compute kernels in float32 and divide their eigenvalues whatever their signs, as in the public code.

    Attributes:
        batch_size: the number of images for the NTK: all of them if there are fewer than requested.
        networks: the scoring networks by what they measure.
        requested: how kernels are to be computed; ``auto`` until a timing has decided.

    Raises:
        UsageError: the settings do not fit each other or the images; the message says why.
    """

    def __init__(
        self,
        space: Space,
        images: ImageSet,
        *,
        classes: int,
        mean: Channels,
        std: Channels,
        crop_padding: int,
        flip: bool,
        batch_size: int,
        region_batches: int = 3,
        region_samples: int = 1000,
        outputs: ntk.Outputs = "sum",
        bn: ntk.Norms = "batch",
        init: str = "default",
        how: ntk.Backward | Literal["auto"] = "auto",
        chunk: int = 8,
        seed: int,
        device: torch.device | None = None,
        as_public: bool = False,
    ) -> None:
        if init not in INITIALISATIONS:
            raise UsageError(f"Unknown initialisation '{init}'.", closest(init, INITIALISATIONS))
        self._draws = DrawSource(
            images,
            mean=mean,
            std=std,
            crop_padding=crop_padding,
            flip=flip,
            batch_size=batch_size,
            region_batches=region_batches,
            region_samples=region_samples,
            seed=seed,
        )
        self.batch_size = self._draws.batch_size
        if bn == "centred" and self.batch_size < 3:
            raise UsageError(
                "The NTK of differences needs 3 images: two have a single difference.",
                "Give more images, or set ntk_norm=frozen.",
            )
        self._device = device or torch.device("cpu")
        self.networks = {which: build(space, which, classes).to(self._device) for which in (NTK, THIN)}
        self._weights: dict[str, Key | None] = {NTK: None, THIN: None}
        self._patterns = ActivationPatterns(self.networks[THIN])
        self._outputs, self._bn, self._init, self._chunk = outputs, bn, init, chunk
        self._dtype = torch.float32 if as_public else torch.float64
        self._condition = ntk.public_condition_number if as_public else ntk.condition_number
        if outputs == "full":
            self._check_full(classes)
        if how == "auto" and bn != "batch":
            how = "per_sample"
        if how == "auto" and self._device.type == "cpu":
            how = "loop"
        if how == "per_sample" and bn == "batch":
            raise UsageError(
                "Gradients per sample need frozen batch norms.", "Set ntk_norm=frozen, or ntk_backward=loop."
            )
        self.requested: ntk.Backward | Literal["auto"] = how

    @property
    def space(self) -> Space:
        """The space of the candidates."""
        return self.networks[NTK].space

    @property
    def how(self) -> ntk.Backward:
        """How kernels are computed. If ``auto`` needs a timing, the first access measures it."""
        if self.requested == "auto":
            self.requested = self._faster()
        return self.requested

    def draw(self, *key: int, ntk_weights: Key | None = None, thin_weights: Key | None = None) -> Draw:
        """Draw the images of a key such as (round, repeat), and the keys of the weights that go with them.

        Args:
            key: of the images.
            ntk_weights, thin_weights: keys of the weights; by default the key of the images.
        """
        return Draw(
            key if ntk_weights is None else ntk_weights,
            key if thin_weights is None else thin_weights,
            self._draws.images(key).to(self._device),
            tuple(crops.to(self._device) for crops in self._draws.crops(key)),
        )

    def measure(self, draw: Draw, live: Candidates) -> Score:
        """Return both proxies of the live operations with the weights and images of a draw."""
        started = time.perf_counter()
        lowest, highest = ntk.extremes(self._gram(self._ready(NTK, draw.ntk_weights, live), draw.images, self.how))
        between = time.perf_counter()
        self._ready(THIN, draw.thin_weights, live)
        regions = self._patterns.count(draw.crops)
        return Score(
            kappa=self._condition(lowest, highest),
            dead=highest <= 0,
            regions=regions,
            ntk_seconds=between - started,
            region_seconds=time.perf_counter() - between,
        )

    def _ready(self, which: str, weights: Key, live: Candidates) -> ScoringNetwork:
        """Return a network with these weights and live operations; weights are drawn again only if they differ."""
        network = self.networks[which]
        if self._weights[which] != weights:
            generator = self._draws.generator(which, *weights)
            initialise(network, self._init, generator, fan="fan_out" if which == NTK else "fan_in")
            self._weights[which] = weights
        network.set_live(live)
        return network

    def _gram(self, network: ScoringNetwork, images: Tensor, how: ntk.Backward) -> Tensor:
        return ntk.gram(
            network, images, outputs=self._outputs, bn=self._bn, how=how, chunk=self._chunk, dtype=self._dtype
        )

    def _faster(self) -> ntk.Backward:
        """Return the faster of two ways with the same result, measured here."""
        images = self._draws.images((0,)).to(self._device)
        took: dict[ntk.Backward, float] = {}
        ways: tuple[ntk.Backward, ...] = ("loop", "chunked")
        for way in ways:
            took[way] = math.inf
            # The first run includes loading the kernels.
            for _ in range(3):
                started = time.perf_counter()
                ntk.extremes(self._gram(self.networks[NTK], images, way))
                took[way] = min(took[way], time.perf_counter() - started)
        return min(ways, key=lambda way: took[way])

    def _check_full(self, classes: int) -> None:
        features, size = self.networks[NTK].features, self.batch_size * classes
        if classes > features and self.batch_size > features:
            raise UsageError(
                f"The full kernel of {classes} outputs over {features} features is always singular.",
                "Set ntk=trace or ntk=sum.",
            )
        if size > _LARGEST_FULL:
            raise UsageError(
                f"The full kernel would have {size:,} rows.", "Set a smaller batch_size, or ntk=trace or ntk=sum."
            )
