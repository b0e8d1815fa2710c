"""Streams from a made-up folder in ImageNet's layout: odd sizes, a grey and a CMYK image, a truncated file."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

from engine.data import decoding, streaming
from engine.data.listing import list_images
from engine.data.streaming import StreamingFeed
from runs.errors import EnvironmentLacksError
from tests.engine import streaming_engines
from tests.engine.streaming_engines import ENDED, KILLED, ROOM

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COUNT = 14
ROOT = Path(__file__).parents[2]
MOUNTED = "mounted"


@pytest.fixture
def broken(imagenet: Path) -> Any:
    """Truncate a file of the second class during the test."""
    file = imagenet / "train" / "n02" / "n02_1.JPEG"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    yield file
    file.write_bytes(whole)


def stream(root: Path, part: str = "train", **changes: Any) -> StreamingFeed:
    options: dict[str, Any] = {
        "size": 32,
        "mean": MEAN,
        "std": STD,
        "device": torch.device("cpu"),
        "seed": 7,
        "generator": torch.Generator().manual_seed(1) if part == "train" else None,
    }
    return StreamingFeed(list_images(root, part), **(options | changes))


def walk(feed: StreamingFeed) -> tuple[Tensor, Tensor]:
    """Return the rest of a pass."""
    pieces = []
    while feed.left:
        pieces += feed.next()
    return torch.cat([images for images, _ in pieces]), torch.cat([labels for _, labels in pieces])


def by_label(images: Tensor, labels: Tensor) -> list[list[float]]:
    """Return the label and the first values of each image of a pass, sorted, so that passes can be compared."""
    return sorted([label, *image.flatten()[:7].tolist()] for image, label in zip(images, labels.tolist(), strict=True))


def test_a_pass_shows_every_image_once(imagenet: Path) -> None:
    feed = stream(imagenet)
    feed.cut(4)
    feed.start()
    assert feed.classes == ("n01", "n02", "n03")
    assert (len(feed), feed.left) == (COUNT, COUNT)
    images, labels = walk(feed)
    assert images.shape == (COUNT, 3, 32, 32)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert labels.bincount().tolist() == [5, 4, 5]


def test_worker_processes_make_the_same_images_and_passes_differ(imagenet: Path) -> None:
    """Also if the batch grows within a pass, and whatever the state of the global generator."""
    alone, others = stream(imagenet, workers=0), stream(imagenet, workers=2)
    passes = []
    for _ in range(2):
        got = []
        for feed in (alone, others):
            torch.manual_seed(len(passes) + len(got))
            before = torch.get_rng_state()
            feed.cut(3)
            feed.start()
            first = feed.next()
            feed.cut(5, 2, (0, 1))
            images, labels = walk(feed)
            got.append((torch.cat([first[0][0], images]), torch.cat([first[0][1], labels])))
            assert torch.equal(torch.get_rng_state(), before)
        assert torch.equal(got[0][0], got[1][0])
        assert torch.equal(got[0][1], got[1][1])
        passes.append(by_label(*got[0]))
    assert passes[0] != passes[1]


@pytest.mark.parametrize("pieces", [1, 2, 3, 5])
def test_pieces_do_not_change_images(imagenet: Path, pieces: int) -> None:
    def processes() -> list[StreamingFeed]:
        feeds = [stream(imagenet) for _ in range(pieces)]
        for place, feed in enumerate(feeds):
            feed.cut(4, pieces, (place,))
            feed.start()
        return feeds

    whole = stream(imagenet)
    whole.cut(4)
    whole.start()
    feeds = processes()
    while whole.left:
        [(images, labels)] = whole.next()
        together = [piece for feed in feeds for piece in feed.next()]
        assert torch.equal(torch.cat([got for got, _ in together]), images)
        assert torch.equal(torch.cat([got for _, got in together]), labels)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_pass_continues_from_its_state(imagenet: Path, workers: int) -> None:
    generator = torch.Generator().manual_seed(1)
    feed = stream(imagenet, workers=workers, generator=generator)
    feed.cut(4)
    feed.start()
    walk(feed)
    feed.start()
    feed.next()
    state, drawn = feed.state(), generator.get_state()
    expected = walk(feed)
    other_generator = torch.Generator()
    other_generator.set_state(drawn)
    other = stream(imagenet, workers=workers, generator=other_generator)
    other.load(state)
    other.cut(4)
    got = walk(other)
    assert torch.equal(got[0], expected[0])
    assert torch.equal(got[1], expected[1])
    for each in (feed, other):
        each.start()
    assert torch.equal(walk(feed)[0], walk(other)[0])


def test_test_images_are_torchvisions(imagenet: Path) -> None:
    feed = stream(imagenet, "test", size=28)
    feed.cut(5)
    reference = transforms.Compose(
        [
            transforms.Resize(32),
            transforms.CenterCrop(28),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    files = sorted((imagenet / "val").rglob("*.JPEG"))
    expected = torch.stack([reference(Image.open(file)) for file in files])
    for _ in range(2):
        feed.start()
        images, labels = walk(feed)
        assert torch.equal(images, expected)
        assert labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_training_images_are_torchvisions_for_the_seed_of_the_image(imagenet: Path) -> None:
    feed = stream(imagenet, indices=torch.arange(5))
    feed.cut(5)
    feed.start()
    images, _ = walk(feed)
    reference = transforms.Compose(
        [
            transforms.RandomResizedCrop(32, scale=(0.08, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.2),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    for index, file in enumerate(list_images(imagenet, "train").files[:5]):
        digest = hashlib.sha256(f"7/1/{index}".encode()).digest()
        torch.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        expected = reference(Image.open(imagenet / "train" / file).convert("RGB"))
        assert any(torch.equal(image, expected) for image in images)


def test_flip_and_jitter_can_be_switched_off(imagenet: Path) -> None:
    """The colours of the uniform grey image then stay the same."""
    plain = stream(imagenet, flip=False, jitter=False)
    plain.cut(COUNT)
    plain.start()
    images, labels = walk(plain)
    spread = images[labels == 0].amax((2, 3)) - images[labels == 0].amin((2, 3))
    grey = images[labels == 0][spread.sum(1).argmin()]
    value = (torch.tensor(90 / 255) - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(grey.mean((1, 2)), value, rtol=0, atol=0.03)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_image_is_named_and_refused(imagenet: Path, broken: Path, workers: int) -> None:
    feed = stream(imagenet, workers=workers)
    feed.cut(COUNT)
    feed.start()
    with pytest.raises(EnvironmentLacksError, match=f"{broken.name}' is broken") as refusal:
        walk(feed)
    assert "Traceback" not in str(refusal.value)


def test_a_skipped_image_changes_no_other(imagenet: Path, broken: Path) -> None:
    feed = stream(imagenet, broken_images="skip")
    feed.cut(4, 2, (0, 1))
    for _ in range(2):
        feed.start()
        images, labels = walk(feed)
        assert len(labels) == COUNT - 1
        assert feed.skipped == 1
    resumed = stream(imagenet, broken_images="skip")
    resumed.load(feed.state())
    assert resumed.skipped == 1
    whole = imagenet / "train" / "n02" / "n02_0.JPEG"
    broken.write_bytes(whole.read_bytes())
    repaired = stream(imagenet, broken_images="skip")
    repaired.cut(4)
    for _ in range(2):
        repaired.start()
        everything = walk(repaired)
    assert repaired.skipped == 0
    kept = [image for image in by_label(*everything) if image in by_label(images, labels)]
    assert len(kept) == COUNT - 1


def test_a_batch_of_broken_images_is_empty(imagenet: Path, broken: Path) -> None:
    feed = stream(imagenet, broken_images="skip", indices=torch.tensor([6]))
    feed.start()
    assert feed.next() == []
    assert (feed.left, feed.skipped) == (0, 1)


def test_an_abandoned_stream_ends_its_processes(imagenet: Path) -> None:
    feed = stream(imagenet, workers=2)
    feed.start()
    feed.next()
    running = len(psutil.Process().children(recursive=True))
    gc.disable()  # there are no reference cycles, so no collection is needed
    try:
        del feed
        assert len(psutil.Process().children(recursive=True)) == running - 2
    finally:
        gc.enable()


def test_a_process_that_dies_is_reported(imagenet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = stream(imagenet)
    feed.start()

    def die(loader: object) -> Any:
        raise RuntimeError("DataLoader worker (pid 1) is killed by signal: Killed.\nmore")

    monkeypatch.setattr(decoding.DataLoader, "__iter__", die)
    with pytest.raises(EnvironmentLacksError, match=r"killed by signal: Killed\. Set fewer workers"):
        feed.next()


class Silent:
    """Stands for a loader whose processes have delivered nothing within its time."""

    def __next__(self) -> Any:
        raise RuntimeError("DataLoader timed out after 1 seconds")


class TestProcessesThatDeliverNothing:
    @pytest.fixture
    def feed(self, imagenet: Path, monkeypatch: pytest.MonkeyPatch) -> StreamingFeed:
        feed = stream(imagenet, workers=1)
        monkeypatch.setattr(decoding.DataLoader, "__iter__", lambda loader: Silent())
        feed.start()
        return feed

    def test_the_wait_ends_with_a_reason(self, feed: StreamingFeed, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decoding, "BLOCKED_SECONDS", 0.05)
        with pytest.raises(EnvironmentLacksError, match=r"have delivered nothing for 0s\. Look at the file system"):
            feed.next()

    def test_the_engine_can_ask_before_it_begins_a_unit(self, feed: StreamingFeed) -> None:
        assert feed.ready()  # nothing has been asked for
        feed._decoder.begin(iter(()))
        before = feed.state()
        assert not feed.ready()
        assert feed.state() == before


@pytest.fixture(scope="module")
def engines(imagenet: Path) -> dict[str, Any]:
    """What engines that stream images have said and how they ended, where ``/dev/shm`` has 256 kB if root may do that.

    Docker's has 64 MB.
    """
    mounted = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=256k tmpfs /dev/shm && exec "$@"', "sh"]
    try:
        subprocess.run([*mounted, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        mounted = []
    command = [*mounted, sys.executable, "-m", streaming_engines.__name__, str(imagenet)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        found |= json.loads(line)
    return found | {MOUNTED: bool(mounted)}


def test_a_small_shared_memory_is_named(engines: dict[str, Any]) -> None:
    if not engines[MOUNTED]:
        pytest.skip("only root can mount a small /dev/shm")
    assert "/dev/shm has 0 MiB" in engines[ROOM]
    assert "--shm-size" in engines[ROOM]
    assert "workers=0" in engines[ROOM]


@pytest.mark.parametrize(("how", "code"), [(KILLED, -signal.SIGKILL), (ENDED, 0)])
def test_no_process_outlives_the_engine(engines: dict[str, Any], how: str, code: int) -> None:
    session, ended = engines[how]
    assert ended == code
    patience = time.monotonic() + 30
    while left := [process for process in psutil.process_iter() if _session(process) == session]:
        assert time.monotonic() < patience, left
        time.sleep(0.1)


def _session(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except OSError:
        return 0


def test_measured_statistics_are_kept(imagenet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = list_images(imagenet, "train")
    found = streaming.measured(listing, 32, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", lambda file: pytest.fail(f"opened {file} again"))
        assert streaming.measured(listing, 32, tmp_path) == found
    mean, std = found
    assert all(0 < value < 1 for value in (*mean, *std))


class TestListing:
    def test_a_folder_without_a_test_part_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "f" / "train" / "cat").mkdir(parents=True)
        with pytest.raises(EnvironmentLacksError, match=r"f' has neither 'test' nor 'val'"):
            list_images(tmp_path / "f", "test")

    def test_a_part_without_images_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "f" / "train" / "cat").mkdir(parents=True)
        with pytest.raises(EnvironmentLacksError, match=r"train' has no images"):
            list_images(tmp_path / "f", "train")

    def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(EnvironmentLacksError, match=r"gone/train' cannot be read"):
            list_images(tmp_path / "gone", "train")

    def test_images_come_in_the_order_of_their_paths_however_deep(self, imagenet: Path, tmp_path: Path) -> None:
        for name in ("b.png", "a/z.PNG", "a-b/y.jpg"):
            file = tmp_path / "train" / "cat" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        (tmp_path / "train" / "cat" / "notes.txt").touch()
        assert list_images(tmp_path, "train").files == ("cat/a/z.PNG", "cat/a-b/y.jpg", "cat/b.png")
