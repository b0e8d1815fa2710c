"""The cost of each way to compute the proxies, and their scores of 60 cells of NAS-Bench-201 on photographs."""

from __future__ import annotations

import io
import math
import statistics
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import kendalltau, rankdata
from torch import Tensor
from torchvision import transforms

from engine.data.images import ImageSet
from engine.zero_cost.proxies import ntk
from engine.zero_cost.proxies.draws import DrawSource
from engine.zero_cost.proxies.genotypes import live_operations
from engine.zero_cost.proxies.linear_regions import ActivationPatterns
from engine.zero_cost.proxies.networks import build
from engine.zero_cost.proxies.scorer import Scorer
from runs.catalogue.datasets import DATASETS
from runs.catalogue.normalisations import statistics as channels
from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.genotypes import nasbench201
from tests import vectors
from tests.engine.test_proxies_ntk import condition
from tests.engine.test_proxies_regions import by_products

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "cifar10-imagefolder.tar.xz"
CIFAR10 = next(dataset for dataset in DATASETS if dataset.name == "cifar10")
MEAN, STD = channels("nasbench201", CIFAR10)
# A dead network ranks behind all others (docs/methods/tenas.md, "What to expect").
DEAD = 12.0

pytestmark = pytest.mark.benchmark


def noise(count: int = 5000) -> ImageSet:
    pixels = torch.randint(256, (count, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet(pixels, torch.zeros(count, dtype=torch.int64), ("only",))


@pytest.fixture(scope="module")
def photographs() -> ImageSet:
    """Every fifth training image of CIFAR-10."""
    if not ARCHIVE.exists():
        pytest.skip("the photographs are not there")
    pixels = []
    with tarfile.open(ARCHIVE, "r|xz") as archive:
        for place, member in enumerate(archive):
            if "train/" in member.name and member.isfile() and place % 5 == 0:
                stream = archive.extractfile(member)
                assert stream is not None
                pixels.append(torch.from_numpy(np.array(Image.open(io.BytesIO(stream.read())).convert("RGB"))))
    return ImageSet(torch.stack(pixels), torch.zeros(len(pixels), dtype=torch.int64), ("only",))


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the minimum seconds of each way, run in turn so that a busy machine slows all alike."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            took[name].append(time.perf_counter() - began)
    return {name: min(spent) for name, spent in took.items()}


def told(title: str, took: Mapping[str, float]) -> None:
    first = next(iter(took.values()))
    print(f"\n{title}: " + ", ".join(f"{name} {1e3 * s:.3g} ms ({first / s:.3g}x)" for name, s in took.items()))


@pytest.mark.parametrize(("space", "batch"), [(NASBENCH201, 32), (NASBENCH201, 72), (DARTS, 14)])
def test_the_condition_number(space: Any, batch: int) -> None:
    network, images = build(space, "ntk", 10), torch.randn(batch, 3, 32, 32)
    ways: dict[str, Callable[[], object]] = {
        "loop": lambda: condition(ntk.gram(network, images)),
        "chunks of 8": lambda: condition(ntk.gram(network, images, how="chunked")),
        "frozen, loop": lambda: condition(ntk.gram(network, images, bn="frozen")),
        "frozen, by sample": lambda: condition(ntk.gram(network, images, bn="frozen", how="per_sample")),
    }
    took = interleaved(ways, 3)
    told(f"kappa of the whole {space.name} supernet, batch {batch}", took)
    assert took["frozen, by sample"] < took["loop"] / 3


@pytest.mark.parametrize("space", [NASBENCH201, DARTS])
def test_linear_regions(space: Any) -> None:
    patterns = ActivationPatterns(build(space, "thin", 10))
    crops = torch.randn(3000, 1, 3, 3).split(1000)
    rows = [patterns.packed(batch) for batch in crops]
    length = rows[0][1]
    bits = torch.from_numpy(np.unpackbits(np.concatenate([packed for packed, _ in rows]), axis=1)[:, :length])
    packed = np.packbits(bits.numpy().astype(bool), axis=1)
    found = []
    ways: dict[str, Callable[[], object]] = {
        "matrix of products": lambda: found.append(by_products(bits)),
        "packed bits": lambda: found.append(len({row.tobytes() for row in packed})),
        "forward passes and packed bits": lambda: found.append(patterns.count(crops).regions),
    }
    took = interleaved(ways, 3)
    told(f"regions of the whole {space.name} supernet, 3000 crops", took)
    assert len(set(found)) == 1
    assert took["packed bits"] < took["matrix of products"] / 5


def test_drawing_crops() -> None:
    images = noise()
    draws = DrawSource(
        images,
        mean=MEAN,
        std=STD,
        crop_padding=4,
        flip=True,
        batch_size=32,
        region_batches=3,
        region_samples=1000,
        seed=0,
    )
    pictures = [Image.fromarray(pixels.numpy()) for pixels in images.images]
    pipeline = transforms.Compose([transforms.RandomCrop(3), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])

    def one_by_one() -> list[Tensor]:
        chosen = torch.randperm(len(pictures))[:3000].tolist()
        parts = [pipeline(pictures[index])[int(torch.randint(3, ()))] for index in chosen]
        return list(torch.stack(parts).unsqueeze(1).split(1000))

    took = interleaved({"transforms": one_by_one, "indexing": lambda: draws.crops((0,))}, 5)
    told("3000 crops", took)
    assert took["indexing"] < took["transforms"] / 20


@pytest.mark.parametrize("init", ["default", "kaiming"])
@pytest.mark.parametrize("bn", ["batch", "frozen"])
def test_sixty_cells(photographs: ImageSet, init: str, bn: Any) -> None:
    listed = vectors.load("tenas/scores")
    architectures = listed["architectures"]
    scorer = Scorer(
        NASBENCH201,
        photographs,
        classes=10,
        mean=MEAN,
        std=STD,
        crop_padding=0,
        flip=False,
        batch_size=32,
        bn=bn,
        init=init,
        seed=0,
    )
    sets = [live_operations(nasbench201.parse_string(row["arch"]), NASBENCH201) for row in architectures]
    began = time.perf_counter()
    scores = []
    for repeat in range(3):
        draw = scorer.draw(0, repeat)
        scores.append([scorer.measure(draw, live) for live in sets])
    spent = time.perf_counter() - began
    for row, score in zip(architectures, scores[0], strict=True):
        assert score.dead == (row[f"{init}_init"]["ntk_log10"] is None)
        assert score.regions.bits == row["relu_bits"]
    kappa = [
        statistics.fmean(DEAD if math.isinf(score.kappa) else math.log10(score.kappa) for score in of_cell)
        for of_cell in zip(*scores, strict=True)
    ]
    regions = [statistics.fmean(score.regions.regions for score in of_cell) for of_cell in zip(*scores, strict=True)]
    together = rankdata([-value for value in kappa]) + rankdata(regions)
    print(f"\n{init}, {bn}: {spent:.1f} s for 180 scores")
    for epochs in (12, 200):
        accuracy = [row[f"acc_{epochs}ep"][0] for row in architectures]
        taus = [float(kendalltau(values, accuracy)[0]) for values in (kappa, regions, together)]
        print(
            f"  tau with CIFAR-10 after {epochs} epochs: kappa {taus[0]:.3f}, R {taus[1]:.3f}, rank sum {taus[2]:.3f}"
        )
        assert taus[0] <= -0.45
        assert taus[1] >= 0.40
        assert taus[2] >= 0.55
