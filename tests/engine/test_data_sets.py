"""The published data sets: small files in their format, and the errors for damaged ones."""

from __future__ import annotations

import hashlib
import os
import pickle
import urllib.request
from pathlib import Path
from socket import gaierror
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from scipy.io import savemat

from engine.data import imagenet16, sources
from engine.data.images import portions
from engine.data.statistics import measured
from runs import catalogue
from runs.errors import EnvironmentLacksError, NastuiError, UsageError


class TestCifar:
    FILES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")

    def published(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Write six small files and patch the loader to accept them as the published ones."""
        folder = root / "cifar-10-batches-py"
        folder.mkdir(parents=True)
        sums = {}
        for place, name in enumerate((*self.FILES, "batches.meta")):
            pixels = np.full((2, 3072), place, np.uint8)
            content = {"data": pixels, "labels": [place, place], "label_names": list("abcdefghij")}
            (folder / name).write_bytes(pickle.dumps(content))
            sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
        kind = "torchvision.datasets.CIFAR10"
        monkeypatch.setattr(f"{kind}.train_list", [[name, sums[name]] for name in self.FILES[:5]])
        monkeypatch.setattr(f"{kind}.test_list", [["test_batch", sums["test_batch"]]])
        meta = {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}
        monkeypatch.setattr(f"{kind}.meta", meta)
        return folder

    @pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
    @pytest.mark.parametrize("fault", ["flipped", "truncated", "empty"])
    def test_a_damaged_file_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, fault: str
    ) -> None:
        folder = self.published(tmp_path, monkeypatch)
        assert len(sources.load(catalogue.dataset("cifar10"), tmp_path, "train", 0)) == 10
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 255
        (folder / name).write_bytes(
            {"flipped": bytes(content), "truncated": bytes(content[: len(content) // 2]), "empty": b""}[fault]
        )
        with pytest.raises(EnvironmentLacksError, match=rf"{name}' is not the published file.*dataset fetch cifar10"):
            sources.load(catalogue.dataset("cifar10"), tmp_path, "train", 0)

    def test_a_missing_file_says_how_to_get_the_set(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (self.published(tmp_path, monkeypatch) / "test_batch").unlink()
        with pytest.raises(EnvironmentLacksError, match=r"CIFAR-10 is not in .*dataset fetch cifar10"):
            sources.load(catalogue.dataset("cifar10"), tmp_path, "test", 0)


class TestSvhn:
    def published(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
        pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 4), dtype=np.uint8)
        table = {}
        for part in ("train", "test"):
            file = root / f"{part}_32x32.mat"
            savemat(file, {"X": pixels, "y": np.array([[1], [10], [9], [2]], np.uint8)})
            table[part] = ["http://localhost", file.name, hashlib.md5(file.read_bytes()).hexdigest()]
        monkeypatch.setattr("torchvision.datasets.SVHN.split_list", table)
        return pixels

    def test_images_come_in_the_order_of_the_file_and_ten_is_zero(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pixels = self.published(tmp_path, monkeypatch)
        for part in ("train", "test"):
            found = sources.load(catalogue.dataset("svhn"), tmp_path, part, 0)
            assert found.labels.tolist() == [1, 0, 9, 2]
            assert torch.equal(found.images, torch.from_numpy(pixels.transpose(3, 0, 1, 2).copy()))
            assert found.classes == tuple("0123456789")

    def test_a_missing_or_damaged_file_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.published(tmp_path, monkeypatch)
        file = tmp_path / "train_32x32.mat"
        file.write_bytes(file.read_bytes()[:-9])
        with pytest.raises(EnvironmentLacksError, match=r"train_32x32\.mat' is not the published file"):
            sources.load(catalogue.dataset("svhn"), tmp_path, "train", 0)
        file.unlink()
        with pytest.raises(EnvironmentLacksError, match="nastui dataset fetch svhn"):
            sources.load(catalogue.dataset("svhn"), tmp_path, "train", 0)

    def test_a_download_without_a_network_says_what_to_do(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unreachable(*_: Any, **__: Any) -> None:
            raise OSError("no network")

        monkeypatch.setattr("torchvision.datasets.svhn.download_url", unreachable)
        with pytest.raises(EnvironmentLacksError, match=r"no network.*train_32x32\.mat"):
            sources.download(catalogue.dataset("svhn"), tmp_path)


class Hostile:
    """A pickle that would run a command."""

    def __reduce__(self) -> Any:
        return os.system, ("echo it ran > hostile_ran",)


class TestImageNet16:
    LABELS = ([1, 500, 120], [121, 7, 1000])

    def published(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, contents: dict[str, bytes] | None = None
    ) -> np.ndarray:
        folder = root / "ImageNet16"
        folder.mkdir()
        pixels = np.random.default_rng(0).integers(0, 256, (6, 768), dtype=np.uint8)
        files = contents or {
            f"train_data_batch_{number}": pickle.dumps(
                {"data": pixels[3 * number - 3 : 3 * number], "labels": labels, "mean": pixels.mean(0)}, protocol
            )
            for number, (labels, protocol) in enumerate(zip(self.LABELS, (2, 5), strict=True), 1)
        }
        table = []
        for name, content in files.items():
            (folder / name).write_bytes(content)
            table.append((name, hashlib.md5(content).hexdigest()))
        monkeypatch.setattr(imagenet16, "FILES", {"train": table, "test": table[:1]})
        return pixels

    def test_the_first_120_classes_are_kept_and_counted_from_0(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pixels = self.published(tmp_path, monkeypatch)
        entry = catalogue.dataset("imagenet16_120")
        found = sources.load(entry, tmp_path, "train", 0)
        assert found.labels.tolist() == [0, 119, 6]
        planes = torch.from_numpy(pixels[[0, 2, 4]]).view(3, 3, 16, 16)
        assert torch.equal(found.images.permute(0, 3, 1, 2), planes)
        assert (found.size, len(found.classes)) == (16, 120)
        assert sources.load(entry, tmp_path, "test", 0).labels.tolist() == [0, 119]

    def test_python_2_pickles_open_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """In Python 3 their bytes are text, and numpy had other modules; the test writes files as Python 2 did."""
        array = (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\nI768\nt"
            b"cnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntbI00\nS'" + b"\\xfe" * 768 + b"'\ntb"
        )
        old = b"(dS'data'\n" + array + b"sS'labels'\n(lI3\nas."
        self.published(tmp_path, monkeypatch, {"train_data_batch_1": old})
        found = sources.load(catalogue.dataset("imagenet16_120"), tmp_path, "train", 0)
        assert found.labels.tolist() == [2]
        assert (found.images == 254).all()

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (pickle.dumps({"data": Hostile()}), r"would run 'posix\.system'"),
            (b"cbuiltins\neval\n(S'1'\ntR.", r"would run 'builtins\.eval'"),
            (b"c_codecs\nencode\n(S'x'\nS'idna'\ntR.", "'idna' are not allowed"),
            (pickle.dumps([1, 2]), "does not hold ImageNet16"),
            (pickle.dumps({"data": np.zeros((2, 5), np.uint8), "labels": [1, 2]}), "does not hold ImageNet16"),
            (b"", "does not hold ImageNet16"),
            (b"no pickle", "does not hold ImageNet16"),
        ],
    )
    def test_only_arrays_are_opened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        self.published(tmp_path, monkeypatch, {"train_data_batch_1": content})
        with pytest.raises(EnvironmentLacksError, match=rf"train_data_batch_1' does not hold.*{words}|{words}"):
            sources.load(catalogue.dataset("imagenet16_120"), tmp_path, "train", 0)
        assert not (tmp_path / "hostile_ran").exists()

    def test_a_damaged_or_missing_file_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.published(tmp_path, monkeypatch)
        entry = catalogue.dataset("imagenet16_120")
        file = tmp_path / "ImageNet16" / "train_data_batch_2"
        file.write_bytes(pickle.dumps({"data": Hostile()}))
        with pytest.raises(EnvironmentLacksError, match="train_data_batch_2' is not the published file"):
            sources.load(entry, tmp_path, "train", 0)
        file.unlink()
        with pytest.raises(EnvironmentLacksError, match="ImageNet16-120 is not in"):
            sources.load(entry, tmp_path, "train", 0)

    def test_there_is_nothing_to_download(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"cannot be downloaded.*image-net\.org"):
            sources.download(catalogue.dataset("imagenet16_120"), tmp_path)

    @pytest.mark.parametrize("name", ["cifar10", "cifar100", "svhn"])
    def test_without_a_network_one_sentence_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        def no_network(*_: Any, **__: Any) -> None:
            raise URLError(gaierror(-2, "Name or service not known"))

        monkeypatch.setattr(urllib.request, "urlopen", no_network)
        with pytest.raises(EnvironmentLacksError, match=r"cannot be downloaded.*: Name or service not known\."):
            sources.download(catalogue.dataset(name), tmp_path)


class TestPortions:
    def test_each_part_has_its_share_of_every_class(self) -> None:
        labels = torch.arange(1300 * 3) % 3
        parts = portions(labels, (0.1, 0.025), torch.Generator().manual_seed(0))
        assert [labels[part].bincount().tolist() for part in parts] == [[130] * 3, [32] * 3]
        together = torch.cat(parts).tolist()
        assert len(set(together)) == len(together)
        again = portions(labels, (0.1, 0.025), torch.Generator().manual_seed(0))
        assert all(torch.equal(part, other) for part, other in zip(parts, again, strict=True))
        other = portions(labels, (0.1, 0.025), torch.Generator().manual_seed(1))
        assert not torch.equal(parts[0], other[0])

    def test_a_small_class_has_an_image_in_each_part(self) -> None:
        labels = torch.tensor([0] * 100 + [1] * 2)
        assert [labels[part].bincount().tolist() for part in portions(labels, (0.1, 0.025), torch.Generator())] == [
            [10, 1],
            [2, 1],
        ]

    @pytest.mark.parametrize("shares", [(0.6, 0.5), (0.0, 0.5), (-0.1,)])
    def test_impossible_shares_are_refused(self, shares: tuple[float, ...]) -> None:
        with pytest.raises(UsageError, match="into shares of"):
            portions(torch.zeros(9, dtype=torch.long), shares, torch.Generator())

    def test_a_class_too_small_for_the_parts_is_named(self) -> None:
        with pytest.raises(UsageError, match="Class 1 has 1 training images"):
            portions(torch.tensor([0, 0, 0, 1]), (0.5, 0.5), torch.Generator())

    def test_shares_may_cover_the_whole_set(self) -> None:
        parts = portions(torch.zeros(10, dtype=torch.long), (0.7, 0.3), torch.Generator())
        assert [len(part) for part in parts] == [7, 3]


def test_statistics_are_exact() -> None:
    pixels = torch.randint(0, 256, (300, 9, 9, 3), dtype=torch.uint8)
    values = pixels.double().flatten(0, 2) / 255
    mean, std = measured(pixels)
    assert mean == pytest.approx(values.mean(0).tolist(), abs=1e-12)
    assert std == pytest.approx(values.std(0, correction=0).tolist(), abs=1e-12)


def test_the_deviation_of_a_constant_channel_is_one() -> None:
    assert measured(torch.full((2, 4, 4, 3), 51, dtype=torch.uint8)) == ((0.2,) * 3, (1.0,) * 3)


@pytest.mark.parametrize("part", ["train", "test"])
def test_errors_have_the_exit_code_of_what_the_machine_lacks(tmp_path: Path, part: str) -> None:
    for name in ("cifar100", "svhn", "imagenet16_120"):
        with pytest.raises(NastuiError) as refusal:
            sources.load(catalogue.dataset(name), tmp_path, part, 0)
        assert refusal.value.exit_code == 5
