"""The listing of an image folder: what is data, and names as file systems have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from engine.data.listing import list_images
from runs.catalogue.datasets import image_folder
from runs.errors import EnvironmentLacksError


def put(folder: Path, *names: str | bytes) -> None:
    """Write a small image under each of these names."""
    for name in names:
        path = Path(os.fsdecode(os.path.join(os.fsencode(folder), os.fsencode(name))))  # noqa: PTH118 - bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path, format="PNG")


def test_hidden_files_and_folders_are_skipped_at_every_depth(tmp_path: Path) -> None:
    put(tmp_path / "train", "a/0.png", "a/more/1.png", "b/0.png")
    put(tmp_path / "test", "a/0.png", "b/0.png")
    expected = list_images(tmp_path, "train").files
    put(tmp_path / "train", "a/._0.png", "a/.ipynb_checkpoints/0-checkpoint.png", "__MACOSX/a/._0.png")
    put(tmp_path / "train", "a/more/.thumbnails/deep/1.png", "a/__MACOSX/0.png", ".cache/0.png")
    assert list_images(tmp_path, "train").files == expected
    assert list_images(tmp_path, "train").classes == ("a", "b")
    assert image_folder(tmp_path).classes == 2


def test_a_class_of_hidden_images_has_none(tmp_path: Path) -> None:
    put(tmp_path / "train", "a/0.png", "b/._0.png")
    put(tmp_path / "test", "a/0.png")
    with pytest.raises(EnvironmentLacksError, match="has no images"):
        image_folder(tmp_path)


@pytest.mark.parametrize("name", [b"a/\xe9.png", b"a/\xff\xfe/0.png", "a/日本.png".encode("shift-jis")])
def test_a_name_that_is_not_utf8(tmp_path: Path, name: bytes) -> None:
    put(tmp_path / "train", name, "b/0.png")
    put(tmp_path / "test", "a/0.png", "b/0.png")
    listing = list_images(tmp_path, "train")
    assert len(listing.files) == 2
    assert len(listing.fingerprint("size")) == 32
