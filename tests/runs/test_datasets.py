"""Data sets of the catalogue, and subprocess tasks on image folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs import catalogue
from runs.catalogue.datasets import DATASETS
from runs.errors import EnvironmentLacksError
from runs.home import Home
from runs.store import datasets

# The smallest PNG: one black pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)


def image_folder(root: Path, parts: tuple[str, ...] = ("train", "val")) -> Path:
    for part in parts:
        for name in ("cat", "dog"):
            (root / part / name).mkdir(parents=True)
            (root / part / name / "1.png").write_bytes(PIXEL)
    return root


def test_published_numbers_of_imagenet16() -> None:
    entry = catalogue.dataset("imagenet16_120")
    assert (entry.classes, entry.size, entry.train, entry.test) == (120, 16, 151_700, 6_000)
    assert [round(255 * value, 2) for value in (*entry.mean, *entry.std)] == [
        122.68,
        116.66,
        104.01,
        63.22,
        61.26,
        65.09,
    ]


def test_names_are_told_apart_and_files_lie_below_the_home() -> None:
    assert len({entry.name for entry in DATASETS}) == len(DATASETS)
    for entry in DATASETS:
        assert not any(Path(file).is_absolute() for file in entry.requires)


def test_a_folder_without_a_test_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match=r"f' has neither 'test' nor 'val'"):
        catalogue.dataset(str(image_folder(tmp_path / "f", ("train",))))


def test_a_class_without_images_is_named(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "f")
    (folder / "train" / "cat" / "1.png").unlink()
    with pytest.raises(EnvironmentLacksError, match=r"train/cat' has no images"):
        catalogue.dataset(str(folder))


def test_streamed_folders_are_listed_and_others_opened(home: Home, tmp_path: Path) -> None:
    """tests/end_to_end/test_bad_input.py has a broken image that is not skipped."""
    folder = image_folder(tmp_path / "f")
    (folder / "train" / "dog" / "2.png").write_bytes(b"no image")
    entry = catalogue.dataset(str(folder))
    datasets.check(entry, home, 0, streamed=True)
    assert not (home.datasets / "folders").exists()
    datasets.check(entry, home, 0, skip_broken=True)
    assert list((home.datasets / "folders").iterdir())
