"""Draws and scores: what they depend on and what they do not, and images that cannot be measured."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from engine.data.images import ImageSet
from engine.spaces.scoring import everything
from engine.zero_cost.proxies.draws import Draw
from engine.zero_cost.proxies.genotypes import score_genotype
from engine.zero_cost.proxies.scorer import Score, Scorer
from runs.catalogue import library
from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.errors import UsageError
from runs.genotypes import nasbench201

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
EVERYTHING = everything(NASBENCH201)


def images(count: int = 40, side: int = 8, channels: int = 3) -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, side, side, channels), dtype=torch.uint8, generator=generator)
    return ImageSet(pixels, torch.zeros(count, dtype=torch.int64), ("only",))


def scorer(of: ImageSet | None = None, space: Any = NASBENCH201, **options: Any) -> Scorer:
    wanted: dict[str, Any] = {
        "classes": 3,
        "mean": MEAN,
        "std": STD,
        "crop_padding": 2,
        "flip": True,
        "batch_size": 8,
        "region_batches": 2,
        "region_samples": 50,
        "bn": "frozen",
        "seed": 0,
    }
    return Scorer(space, images() if of is None else of, **(wanted | options))


def same(first: Draw, second: Draw) -> bool:
    return torch.equal(first.images, second.images) and torch.equal(torch.cat(first.crops), torch.cat(second.crops))


def numbers(score: Score) -> tuple[float, Any]:
    return score.kappa, score.regions


@pytest.mark.parametrize("init", ["default", "kaiming"])
def test_a_draw_comes_from_the_seed_and_its_key_alone(init: str) -> None:
    first, second = scorer(init=init), scorer(init=init)
    draw = first.draw(2, 1)
    torch.manual_seed(9)
    other = second.draw(0, 0)
    second.measure(other, EVERYTHING)
    torch.set_num_threads(2)
    try:
        assert same(second.draw(2, 1), draw)
    finally:
        torch.set_num_threads(1)
    assert not same(other, draw)
    assert not same(scorer(seed=1).draw(2, 1), draw)
    found = numbers(first.measure(draw, EVERYTHING))
    # Other draws and masks in between change nothing.
    assert numbers(second.measure(draw, EVERYTHING)) == found
    second.measure(other, {"cell": ((1,),) * 6})
    assert numbers(second.measure(draw, EVERYTHING)) == found
    assert numbers(second.measure(other, EVERYTHING)) != found


def test_weights_can_stay_while_images_change() -> None:
    measured = scorer()
    draws = [measured.draw(0, repeat, ntk_weights=(0,), thin_weights=(0, 7)) for repeat in range(2)]
    weights = []
    for draw in draws:
        measured.measure(draw, EVERYTHING)
        weights.append(
            [parameter.clone() for network in measured.networks.values() for parameter in network.parameters()]
        )
    assert all(map(torch.equal, *weights))
    assert not same(*draws)


def test_batches_and_crops_are_parts_of_the_images() -> None:
    of = images(5, 4)
    draw = scorer(of, crop_padding=0, flip=False).draw(0)
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    planes = of.images.permute(0, 3, 1, 2)
    back = (draw.images * std + mean).mul(255).round().byte()
    # All five, each once, since there are no more.
    assert sorted(image.tolist() for image in back) == sorted(plane.tolist() for plane in planes)
    normal = (planes.float() / 255 - mean) / std
    windows = normal.unfold(2, 3, 1).unfold(3, 3, 1).reshape(-1, 3, 3)
    crops = torch.cat(draw.crops).squeeze(1)
    assert len(crops) == 100
    # 5 images x 3 channels x 4 positions, and nearly all of them are drawn.
    matches = (crops[:, None] == windows[None]).flatten(2).all(2)
    assert matches.any(1).all()
    assert matches.any(0).sum() > 40


def test_larger_images_are_scaled_down() -> None:
    assert scorer(images(4, 40)).draw(0).images.shape == (4, 3, 32, 32)


def test_a_grey_image_stands_for_all_three_channels() -> None:
    grey = images(channels=1)
    colours = ImageSet(grey.images.expand(-1, -1, -1, 3).contiguous(), grey.labels, grey.classes)
    assert same(scorer(grey).draw(0), scorer(colours).draw(0))
    assert math.isfinite(scorer(grey).measure(scorer(grey).draw(0), EVERYTHING).kappa)


def test_fewer_images_than_a_batch() -> None:
    measured = scorer(images(5))
    assert measured.batch_size == 5
    assert math.isfinite(measured.measure(measured.draw(0), EVERYTHING).kappa)


def test_one_class() -> None:
    scores = []
    for outputs in ("sum", "trace", "full"):
        measured = scorer(classes=1, outputs=outputs)
        scores.append(measured.measure(measured.draw(0), EVERYTHING).kappa)
    assert scores == [pytest.approx(scores[0])] * 3


def test_equal_images_make_a_singular_kernel() -> None:
    one = images(1)
    measured = scorer(
        ImageSet(one.images.expand(9, -1, -1, -1), torch.zeros(9, dtype=torch.int64), ("only",)),
        crop_padding=0,
        flip=False,
    )
    score = measured.measure(measured.draw(0), EVERYTHING)
    assert score.kappa == math.inf
    assert not score.dead


@pytest.mark.parametrize("space", [NASBENCH201, DARTS], ids=lambda space: space.name)
@pytest.mark.parametrize("bn", ["batch", "frozen"])
def test_a_dead_network(space: Any, bn: str) -> None:
    measured = scorer(space=space, bn=bn)
    draw = measured.draw(0)
    score = measured.measure(draw, {kind: ((),) * len(space.edges) for kind in space.cells})
    assert (score.kappa, score.dead) == (math.inf, True)
    # ReLUs that run still count; those of DARTS's preprocessing see the crops.
    assert score.regions.regions == 1 if space is NASBENCH201 else score.regions.regions > 1
    # An edge emptied by hand is accepted as long as a path remains.
    rows = [list(row) for row in everything(space)[space.cells[0]]]
    rows[0] = []
    some = dict(everything(space)) | {space.cells[0]: tuple(map(tuple, rows))}
    assert not measured.measure(draw, some).dead


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": images(side=2)}, "2 x 2 pixels"),
        ({"of": images(channels=2)}, "2 channels"),
        ({"of": images(1)}, "1 training images are too few"),
        ({"batch_size": 1}, "always 1"),
        ({"batch_size": 2, "bn": "centred"}, "two have a single difference"),
        ({"region_samples": 0}, "at least one crop"),
        ({"init": "kaiming_normal"}, "Did you mean 'kaiming'"),
        ({"how": "per_sample", "bn": "batch"}, "frozen"),
        ({"classes": 100, "outputs": "full", "batch_size": 13}, "always singular"),
        ({"of": images(4000, 3), "classes": 10, "outputs": "full", "batch_size": 500}, "5,000 rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_measured_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        scorer(**options)


@pytest.mark.parametrize("how", ["auto", "chunked"])
def test_ways_of_computing_agree(how: Any) -> None:
    scores = [scorer(bn="batch", how=way) for way in ("loop", how)]
    first, second = (one.measure(one.draw(0), EVERYTHING).kappa for one in scores)
    assert second == pytest.approx(first, rel=1e-3)


def test_auto_is_settled_by_a_timing_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scorer(bn="batch").how == "loop"
    assert scorer().how == "per_sample"
    measured = scorer(bn="batch")
    measured.requested = "auto"  # as on a GPU
    chosen = measured.how
    assert chosen in ("loop", "chunked")
    monkeypatch.setattr(measured, "_faster", None)
    assert measured.how == chosen


@pytest.mark.parametrize(
    ("space", "genotype"),
    [
        (NASBENCH201, nasbench201.genotype([3, 0, 2, 1, 4, 3])),
        (DARTS, library.get("TENAS_cifar10").genotype),
    ],
    ids=["nasbench201", "darts"],
)
def test_a_genotype_has_a_score_for_each_draw(space: Any, genotype: Any) -> None:
    scores = score_genotype(scorer(space=space), genotype, 3)
    assert len({score.kappa for score in scores}) == 3
    assert all(math.isfinite(score.kappa) and score.regions.regions > 1 for score in scores)
    again = score_genotype(scorer(space=space), genotype, 2)
    assert [numbers(score) for score in again] == [numbers(score) for score in scores[:2]]
