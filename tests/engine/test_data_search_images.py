"""Searches whose images are streamed: the batches, and a search on a made-up folder in ImageNet's layout."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

from engine.assembly import assemble
from engine.core.distributed import Group
from engine.core.runtime import Runtime
from engine.data import decoding
from engine.data.augment import Augmenter
from engine.data.batches import IndexStream
from engine.data.images import ImageSet
from engine.data.listing import list_images, open_image
from engine.data.search_images import Cut, ResidentImages, StreamedImages, whole
from engine.data.sources import Source
from engine.method import Context, EpochReport, Method
from runs import catalogue
from runs.configuration import Draft, resolve
from runs.errors import EnvironmentLacksError
from tests.engine.conftest import round_trip, same


class Streams:
    """The two streams of a search, with their images."""

    def __init__(self, folder: Path, workers: int, cut: Cut = whole) -> None:
        runtime = Runtime(device="cpu", seed=7, threads=1, precision="float32", channels_last=True)
        images = StreamedImages(
            list_images(folder, "train"), catalogue.dataset(str(folder)), size=32, runtime=runtime, workers=workers
        )
        self.generator = torch.Generator().manual_seed(1)
        self.weights = IndexStream(torch.arange(10), self.generator)
        self.architecture = IndexStream(torch.arange(10, 14), self.generator)
        self.weight_images = images.training(self.weights, 4, cut)
        self.architecture_images = images.training(self.architecture, 4, cut)
        self.shown = IndexStream(torch.arange(10, 14), None)
        self.shown_images = images.testing(self.shown, 3, cut)

    def epoch(self) -> list[Tensor]:
        """Return a pass for the weights with architecture batches in between, and one without augmentation."""
        self.weights.start()
        return self.rest()

    def rest(self) -> list[Tensor]:
        given: list[Tensor] = []
        while len(self.weights.ahead):
            indices = self.weights.next(4)
            given += self.architecture_images(self.architecture.take(len(indices) - 1))
            given += self.weight_images(indices)
        self.shown.start()
        while len(self.shown.ahead):
            given += self.shown_images(self.shown.next(3))
        return given

    def continue_from(self, other: Streams) -> None:
        self.generator.set_state(other.generator.get_state())
        self.weights.load(other.weights.state())
        self.architecture.load(other.architecture.state())


def equal(first: list[Tensor], second: list[Tensor]) -> bool:
    return len(first) == len(second) and all(map(torch.equal, first, second))


def test_processes_decode_their_shares_of_the_same_batches(imagenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last batches have three and two images, so shares are unequal."""
    opened: list[Path] = []
    monkeypatch.setattr(decoding, "open_image", lambda path: opened.append(path) or open_image(path))
    batches, files = [], []
    for cut in (whole, *(Group(rank=rank, size=2).share for rank in range(2))):
        streams = Streams(imagenet, 0, cut)
        batches.append([images for _ in range(2) for images in streams.epoch()])
        files.append(list(opened))
        opened.clear()
    together, *parts = batches
    assert equal(together, [torch.cat(both) for both in zip(*parts, strict=True)])
    assert sorted(files[0]) == sorted(files[1] + files[2])


def test_worker_processes_make_the_same_images(imagenet: Path) -> None:
    """This includes short batches, passes that end between batches, and prefetching."""
    alone, others = Streams(imagenet, 0), Streams(imagenet, 2)
    before = torch.get_rng_state()
    first, second = ([each.epoch() for _ in range(2)] for each in (alone, others))
    assert equal(first[0], second[0])
    assert equal(first[1], second[1])
    assert not equal(first[0], first[1])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_pass_continues_from_its_state(imagenet: Path) -> None:
    whole, again = Streams(imagenet, 0), Streams(imagenet, 0)
    whole.epoch()
    whole.weights.start()
    whole.weight_images(whole.weights.next(4))
    again.continue_from(whole)
    assert equal(whole.rest(), again.rest())


def test_images_are_torchvisions_for_the_seed_of_the_image(imagenet: Path) -> None:
    """Crop and flip without jitter, as in searches on ImageNet."""
    listing = list_images(imagenet, "train")
    normalised = [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    crop = transforms.Compose([transforms.RandomResizedCrop(32), transforms.RandomHorizontalFlip(), *normalised])
    middle = transforms.Compose([transforms.Resize(37), transforms.CenterCrop(32), *normalised])
    streams = Streams(imagenet, 0)
    streams.weights.start()
    indices = streams.weights.next(4)
    images, labels = streams.weight_images(indices)
    assert torch.equal(labels, listing.labels[indices])
    streams.shown.start()
    shown, _ = streams.shown_images(streams.shown.next(3))
    for place, index in enumerate(indices.tolist()):
        digest = hashlib.sha256(f"7/1/{index}".encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        assert torch.equal(images[place], crop(opened(imagenet, listing.files[index])))
    for place, index in enumerate((10, 11, 12)):
        assert torch.equal(shown[place], middle(opened(imagenet, listing.files[index])))


def opened(folder: Path, name: str) -> Image.Image:
    return Image.open(folder / "train" / name).convert("RGB")


def begin(folder: Path, method: str, **options: Any) -> tuple[Context, Method]:
    """Build a small search on ImageNet."""
    small = {
        "channels": 12,
        "layers": 3,
        "image_size": 32,
        "batch_size": 4,
        "weight_share": 0.6,
        "arch_share": 0.4,
        "workers": 0,
        "threads": 1,
    }
    draft = Draft(
        method=method,
        space="darts",
        preset="paper-imagenet",
        dataset=str(folder),
        device="cpu",
        options=small | options,
    )
    return assemble(resolve(draft), folder, lambda event: None)


PLAN = {"epochs": 2, "stage_epochs": "1,1", "arch_frozen_epochs": 0, "warm_up_epochs": 1, "evaluated_epochs": 1}


def test_a_search_on_imagenet_resumes_and_never_holds_the_set(imagenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Source, "__call__", lambda *_, **__: pytest.fail("the whole set was loaded"))
    context, whole = begin(imagenet, "drnas", **PLAN)
    reports: list[EpochReport] = []
    saved = []
    while whole.epoch < whole.epochs:
        saved.append((round_trip({"method": whole.state(), "runtime": context.runtime.state()}), len(reports)))
        if report := whole.advance():
            reports.append(report)
    assert reports[-1].genotype.space == "darts"
    assert "search_accuracy" in reports[-1].metrics
    assert context.images.size == 32
    # After the first batch, and during the evaluation of the last epoch.
    for state, done in (saved[1], saved[-1]):
        context, again = begin(imagenet, "drnas", **PLAN)
        again.load(state["method"])
        context.runtime.load(state["runtime"])
        rest = []
        while again.epoch < again.epochs:
            if report := again.advance():
                rest.append(report)
        assert all(map(same, rest, reports[done:]))
        assert len(rest) == len(reports) - done


def test_a_broken_image_ends_the_search_by_name(imagenet: Path, tmp_path: Path) -> None:
    for part in ("train", "val"):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            for place in range(2):
                (tmp_path / part / name / f"{place}.jpg").write_bytes(b"no image")
    _, method = begin(tmp_path, "pcdarts", epochs=2, arch_frozen_epochs=0, warm_up_epochs=1)
    with pytest.raises(EnvironmentLacksError, match=r"jpg' is broken"):
        method.advance()


def test_processes_augment_their_shares_as_one_does() -> None:
    """The numbers of a batch are drawn whole by every process, so its generator is where it would be alone."""
    batches, ends = [], []
    for rank in (None, 0, 1):
        data = ImageSet(torch.arange(20 * 8 * 8 * 3).view(20, 8, 8, 3).byte(), torch.arange(20), tuple("ab"))
        generator = torch.Generator().manual_seed(3)
        augmenter = Augmenter(
            data, mean=(0, 0, 0), std=(1, 1, 1), crop_padding=2, flip=True, cutout_length=3, generator=generator
        )
        images, stream = ResidentImages(data, augmenter), IndexStream(torch.arange(20), None)
        cut = whole if rank is None else Group(rank=rank, size=2).share
        batches.append(images.training(stream, 5, cut)(torch.tensor([3, 1, 4, 15, 9])))
        ends.append(generator.get_state())
    for together, *parts in zip(*batches, strict=True):
        assert [len(part) for part in parts] == [3, 2]
        assert torch.equal(together, torch.cat(parts))
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2])
