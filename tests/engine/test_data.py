"""Images: sources, halves, index streams and augmentation."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional as reference

from engine.data import sources
from engine.data.augment import Augmenter
from engine.data.batches import IndexStream, accepting_other_images
from engine.data.images import ImageSet, halves
from runs import catalogue
from runs.errors import EnvironmentLacksError, UsageError
from tests.vectors import load


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def image_folder(root: Path, *, side: int = 8, count: int = 3) -> Path:
    for part in ("train", "test"):
        for label, name in enumerate(("cat", "dog")):
            folder = root / part / name
            folder.mkdir(parents=True)
            for place in range(count):
                colour = np.full((side, side, 3), 40 * label + place, np.uint8)
                Image.fromarray(colour).save(folder / f"{place}.png")
    return root


class TestDigits:
    def test_both_parts_are_the_whole_set(self) -> None:
        entry = catalogue.dataset("digits")
        train, test = (sources.load(entry, Path(), part, 0) for part in ("train", "test"))
        assert (len(train), len(test)) == (entry.train, entry.test)
        assert train.images.shape == (1442, 32, 32, 3)
        assert train.images.dtype == torch.uint8
        assert min(Counter(test.labels.tolist()).values()) >= 34

    def test_another_size_on_request(self) -> None:
        assert sources.load(catalogue.dataset("digits"), Path(), "test", 16).size == 16

    def test_mean_and_deviation_are_those_of_the_catalogue(self) -> None:
        entry = catalogue.dataset("digits")
        pixels = sources.load(entry, Path(), "train", 0).images.double() / 255
        assert pixels.mean().item() == pytest.approx(entry.mean[0], abs=1e-3)
        assert pixels.std().item() == pytest.approx(entry.std[0], abs=1e-3)


class TestFolder:
    def test_images_and_labels_stay_together(self, tmp_path: Path) -> None:
        data = sources.load(catalogue.dataset(str(image_folder(tmp_path / "f"))), tmp_path, "train", 0)
        assert data.classes == ("cat", "dog")
        for image, label in zip(data.images, data.labels.tolist(), strict=True):
            assert image[0, 0, 0].item() // 40 == label

    def test_the_order_is_mixed_and_always_the_same(self, tmp_path: Path) -> None:
        entry = catalogue.dataset(str(image_folder(tmp_path / "f", count=20)))
        first, again = (sources.load(entry, tmp_path, "train", 0).labels.tolist() for _ in range(2))
        assert first == again != sorted(first)

    def test_what_was_decoded_is_kept_until_the_folder_changes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = image_folder(tmp_path / "f")
        entry = catalogue.dataset(str(folder))
        sources.load(entry, tmp_path, "train", 0)
        kept = list((tmp_path / "folders").iterdir())
        with monkeypatch.context() as patch:
            patch.setattr(Image, "open", lambda file: pytest.fail(f"opened {file} again"))
            sources.load(entry, tmp_path, "train", 0)
        assert list((tmp_path / "folders").iterdir()) == kept
        Image.new("RGB", (8, 8)).save(folder / "train" / "cat" / "new.png")
        assert len(sources.load(entry, tmp_path, "train", 0)) == 7

    def test_grey_and_differently_sized_images_are_brought_to_one_form(self, tmp_path: Path) -> None:
        folder = image_folder(tmp_path / "f")
        Image.new("L", (11, 5), 200).save(folder / "train" / "cat" / "grey.png")
        entry = catalogue.dataset(str(folder))
        with pytest.raises(UsageError, match=r"grey.png.* 11 x 5.*image_size"):
            sources.load(entry, tmp_path, "train", 0)
        assert sources.load(entry, tmp_path, "train", 6).images.shape == (7, 6, 6, 3)

    @pytest.mark.parametrize("content", [b"", b"no image", None])
    def test_a_broken_image_is_named(self, tmp_path: Path, content: bytes | None) -> None:
        folder = image_folder(tmp_path / "f")
        file = folder / "train" / "dog" / "bad.png"
        whole = (folder / "train" / "dog" / "0.png").read_bytes()
        file.write_bytes(whole[: len(whole) // 2] if content is None else content)
        with pytest.raises(EnvironmentLacksError, match=r"bad\.png' is broken"):
            sources.load(catalogue.dataset(str(folder)), tmp_path, "train", 0)
        assert not list(tmp_path.glob("folders/*"))

    def test_a_class_of_the_test_part_that_training_lacks(self, tmp_path: Path) -> None:
        folder = image_folder(tmp_path / "f")
        (folder / "test" / "cow").mkdir()
        with pytest.raises(EnvironmentLacksError, match="'cow'"):
            sources.load(catalogue.dataset(str(folder)), tmp_path, "test", 0)


class TestCifar:
    @pytest.mark.parametrize("name", ["cifar10", "cifar100"])
    def test_a_missing_set_says_how_to_get_it(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(EnvironmentLacksError, match=f"nastui dataset fetch {name}"):
            sources.load(catalogue.dataset(name), tmp_path, "train", 0)

    def test_images_come_in_the_order_of_the_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Small files in the published form; torchvision itself checks the checksums of the real ones."""
        monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
        folder = tmp_path / "cifar-10-batches-py"
        folder.mkdir()
        pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)
        names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
        for place, name in enumerate(names):
            batch = {"data": pixels[place : place + 1].reshape(1, 3072), "labels": [place]}
            (folder / name).write_bytes(pickle.dumps(batch))
        (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
        train = sources.load(catalogue.dataset("cifar10"), tmp_path, "train", 0)
        assert train.labels.tolist() == [0, 1, 2, 3, 4]
        assert train.classes == tuple("abcdefghij")
        assert torch.equal(train.images, torch.from_numpy(pixels[:5]).permute(0, 2, 3, 1))
        assert len(sources.load(catalogue.dataset("cifar10"), tmp_path, "test", 16)) == 1


class TestSplits:
    @given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=80), seed=st.integers(0, 99))
    def test_stratified_halves_share_every_class_evenly(self, labels: list[int], seed: int) -> None:
        first, second = halves(torch.tensor(labels), generator(seed), how="stratified")
        assert sorted([*first.tolist(), *second.tolist()]) == list(range(len(labels)))
        assert abs(len(first) - len(second)) <= 1
        for label in set(labels):
            counts = [sum(labels[place] == label for place in half.tolist()) for half in (first, second)]
            assert abs(counts[0] - counts[1]) <= 2

    def test_positional_halves_are_cut_in_the_middle(self) -> None:
        first, second = halves(torch.zeros(7, dtype=torch.long), generator(), how="positional")
        assert (first.tolist(), second.tolist()) == ([0, 1, 2], [3, 4, 5, 6])

    def test_a_single_image_cannot_be_halved(self) -> None:
        with pytest.raises(UsageError, match="cannot be split into halves"):
            halves(torch.zeros(1, dtype=torch.long), generator(), how="stratified")

    def test_a_limit_keeps_every_class(self) -> None:
        labels = torch.arange(10).repeat(30)
        data = ImageSet(torch.zeros(300, 2, 2, 3, dtype=torch.uint8), labels, tuple("0123456789"))
        kept = data.limited(50, generator())
        assert len(kept) == 50
        assert set(Counter(kept.labels.tolist()).values()) == {5}


class TestStream:
    @given(count=st.integers(1, 50), size=st.integers(1, 60))
    def test_a_pass_shows_every_image_once(self, count: int, size: int) -> None:
        stream = IndexStream(torch.arange(count), generator())
        stream.start()
        batches = [stream.next(size) for _ in range(-(-count // size))]
        assert torch.cat(batches).sort().values.tolist() == list(range(count))

    @given(count=st.integers(1, 50), size=st.integers(1, 60), times=st.integers(1, 9))
    def test_cycling_never_repeats_inside_a_batch(self, count: int, size: int, times: int) -> None:
        stream = IndexStream(torch.arange(count), generator())
        for _ in range(times):
            batch = stream.take(size).tolist()
            assert len(set(batch)) == len(batch) == min(size, count)

    def test_a_stream_continues_from_its_state(self) -> None:
        random = generator(3)
        stream = IndexStream(torch.arange(20), random)
        stream.take(7)
        state, drawn = stream.state(), random.get_state()
        expected = [stream.take(7).tolist() for _ in range(5)]
        random.set_state(drawn)
        other = IndexStream(torch.arange(20), random)
        other.load(state)
        assert [other.take(7).tolist() for _ in range(5)] == expected

    @pytest.mark.parametrize("other", [torch.arange(8), torch.arange(13), torch.arange(1, 11)])
    def test_a_state_of_other_images_is_refused_unless_they_are_accepted(self, other: torch.Tensor) -> None:
        stream = IndexStream(torch.arange(10), generator())
        stream.take(9)
        state = stream.state()
        changed = IndexStream(other, generator())
        with pytest.raises(EnvironmentLacksError, match="is in a pass of 10 images"):
            changed.load(state)
        with accepting_other_images(True):
            changed.load(state)
        assert changed.passes == 1
        assert 0 < len(changed.ahead) < len(other)
        assert changed.ahead[torch.isin(changed.ahead, other)].equal(changed.ahead)


class TestAugmentation:
    MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)

    def images(self, count: int = 16, side: int = 12) -> ImageSet:
        pixels = torch.randint(0, 256, (count, side, side, 3), generator=generator(1), dtype=torch.uint8)
        return ImageSet(pixels, torch.arange(count), ())

    def augmenter(self, data: ImageSet, **changes: Any) -> Augmenter:
        options = {"crop_padding": 2, "flip": True, "cutout_length": 0, "generator": generator()} | changes
        return Augmenter(data, mean=self.MEAN, std=self.STD, **options)

    def test_crops_and_flips_are_torchvisions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same offsets and flips, applied to one image at a time by torchvision."""
        data = self.images()
        augmenter = self.augmenter(data)
        draws = torch.randint(0, 2, (5, 16), generator=generator(2))
        draws[:2] = torch.randint(0, 5, (2, 16), generator=generator(3))
        monkeypatch.setattr(augmenter, "draw", lambda count: draws)
        batch, labels = augmenter.train(torch.arange(16))
        assert labels.tolist() == list(range(16))
        for place, (top, left, mirror) in enumerate(zip(*draws[:3].tolist(), strict=True)):
            image = Image.fromarray(data.images[place].numpy())
            image = reference.crop(reference.pad(image, 2), top, left, 12, 12)
            image = reference.hflip(image) if mirror else image
            tensor = torchvision.transforms.ToTensor()(image)
            expected = reference.normalize(tensor, list(self.MEAN), list(self.STD))
            torch.testing.assert_close(batch[place], expected, rtol=0, atol=2e-6)

    def test_images_come_in_channels_last_order(self) -> None:
        batch, _ = self.augmenter(self.images()).train(torch.arange(4))
        assert batch.is_contiguous(memory_format=torch.channels_last)

    def test_testing_only_normalises(self) -> None:
        data = self.images()
        batch, _ = self.augmenter(data).test(torch.tensor([3]))
        plain = data.images[3].permute(2, 0, 1).float() / 255
        torch.testing.assert_close(batch[0], reference.normalize(plain, list(self.MEAN), list(self.STD)))

    def test_without_crop_and_flip_training_images_are_test_images(self) -> None:
        augmenter = self.augmenter(self.images(), crop_padding=0, flip=False)
        torch.testing.assert_close(augmenter.train(torch.arange(5))[0], augmenter.test(torch.arange(5))[0])

    @pytest.mark.parametrize("case", load("drnas/misc")["cutout"])
    def test_cutout_blanks_a_clipped_square(self, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        side = case["height"]
        white = ImageSet(torch.full((1, side, side, 3), 255, dtype=torch.uint8), torch.zeros(1, dtype=torch.long), ())
        augmenter = self.augmenter(white, crop_padding=0, flip=False, cutout_length=case["length"])
        row, column = case["center"]
        monkeypatch.setattr(augmenter, "draw", lambda count: torch.tensor([[0], [0], [0], [row], [column]]))
        blank = augmenter.train(torch.tensor([0]))[0][0, 0] == 0
        expected = torch.zeros(side, side, dtype=torch.bool)
        expected[slice(*case["rows_zeroed"]), slice(*case["cols_zeroed"])] = True
        assert torch.equal(blank, expected)

    def test_an_option_switched_off_does_not_shift_the_other_draws(self) -> None:
        data = self.images()
        plain = self.augmenter(data, flip=False).train(torch.arange(16))[0]
        cut = self.augmenter(data, flip=False, cutout_length=6).train(torch.arange(16))[0]
        assert torch.equal(cut[cut != 0], plain[cut != 0])
