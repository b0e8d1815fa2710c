"""The listing of an image folder: what is data, and names as file systems have them."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from engine.core.runtime import Runtime
from engine.data import sources
from engine.data.decoding import Shares
from engine.data.feeds import FeedOptions, open_feeds
from engine.data.folder import load
from engine.data.images import SINGLE_COLOURS
from engine.data.listing import list_images, open_image
from engine.data.sources import Source, check_or_download
from runs.catalogue.datasets import image_folder
from runs.catalogue.shared_settings import DataSettings
from runs.errors import EnvironmentLacksError
from runs.log.events import Event, Warned


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


def folder_of(root: Path, *names: str) -> Path:
    """Write an image folder with these training images, beside one test image of each of the classes a and b."""
    put(root / "train", "a/0.png", "b/0.png", *names)
    put(root / "test", "a/0.png", "b/0.png")
    return root


class TestEndings:
    @pytest.mark.parametrize("ending", ["TIF", "tiff", "jfif", "jpe", "ppm", "PGM", "pnm", "dib"])
    def test_of_images(self, tmp_path: Path, ending: str) -> None:
        assert f"a/x.{ending}" in list_images(folder_of(tmp_path, f"a/x.{ending}"), "train").files

    def test_what_has_another_is_counted(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path, "a/x.xcf", "a/deep/y.xcf", "b/README", "a/.DS_Store")
        listing = list_images(folder, "train")
        assert listing.files == ("a/0.png", "b/0.png")
        (remark,) = listing.remarks
        assert "files without an image's ending: 3 (.xcf 2, none 1)" in remark
        assert list_images(folder, "test").remarks == ()

    def test_files_beside_the_classes_and_a_second_test_folder_are_named(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path, "stray.png")
        put(tmp_path / "val", "a/0.png")
        assert "files outside of the class folders: 1" in list_images(folder, "train").remarks[0]
        assert list_images(folder, "test").remarks == ("'val' is not used, because there is 'test'.",)


class TestLinks:
    def test_linked_images_and_folders_belong_to_the_class(self, tmp_path: Path) -> None:
        put(tmp_path / "elsewhere", "1.png", "deep/2.png")
        folder = folder_of(tmp_path / "f")
        (folder / "train" / "a" / "more").symlink_to(tmp_path / "elsewhere")
        (folder / "train" / "a" / "9.png").symlink_to(tmp_path / "elsewhere" / "1.png")
        (folder / "train" / "c").symlink_to(tmp_path / "elsewhere")
        listing = list_images(folder, "train")
        assert listing.files[:4] == ("a/0.png", "a/9.png", "a/more/1.png", "a/more/deep/2.png")
        assert listing.files[-2:] == ("c/1.png", "c/deep/2.png")
        assert listing.remarks == ()

    def test_a_class_of_linked_folders_alone_has_images(self, tmp_path: Path) -> None:
        put(tmp_path / "elsewhere", "1.png")
        folder = folder_of(tmp_path / "f")
        (folder / "train" / "c").mkdir()
        (folder / "train" / "c" / "more").symlink_to(tmp_path / "elsewhere")
        assert image_folder(folder).classes == 3

    def test_loops_end_and_no_image_is_listed_twice(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path, "a/deep/1.png")
        inside = folder / "train" / "a"
        (inside / "loop").symlink_to(inside)
        (inside / "deep" / "up").symlink_to(folder / "train")
        (inside / "again").symlink_to(inside / "deep")
        (inside / "self").symlink_to("self")
        listing = list_images(folder, "train")
        assert [name for name in listing.files if "deep/1.png" in name] == ["a/deep/1.png"]
        assert len({(listing.base / name).resolve() for name in listing.files if name.startswith("a")}) == sum(
            name.startswith("a") for name in listing.files
        )
        assert "linked folders whose images are already listed: 3" in listing.remarks[0]
        assert "links that lead nowhere: 1" in listing.remarks[0]

    def test_a_class_or_a_folder_behind_a_dead_link_is_counted(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path)
        (folder / "train" / "c").symlink_to("nowhere")
        (folder / "train" / "a" / "more").symlink_to("nowhere")
        assert "links that lead nowhere: 2" in list_images(folder, "train").remarks[0]

    def test_an_image_behind_a_dead_link_is_broken(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path)
        (folder / "train" / "a" / "1.png").symlink_to("nowhere.png")
        with pytest.raises(EnvironmentLacksError, match=r"1\.png' is broken"):
            load(image_folder(folder), tmp_path, "train", 0)
        assert len(load(image_folder(folder), tmp_path, "train", 0, skip_broken=True)) == 2


def test_pipes_and_sockets_among_the_images_are_left_out(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    os.mkfifo(folder / "train" / "a" / "1.png")
    (folder / "train" / "b" / "2.png").symlink_to("/dev/zero")
    listing = list_images(folder, "train")
    assert listing.files == ("a/0.png", "b/0.png")
    assert "pipes, sockets or devices: 2" in listing.remarks[0]
    with pytest.raises(EnvironmentLacksError, match="broken"):  # it has become a pipe since it was listed
        open_image(folder / "train" / "a" / "1.png")


def save(pixels: np.ndarray, path: Path) -> Path:
    Image.fromarray(pixels).save(path)
    return path


class TestPixels:
    RAMP = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)

    @pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
    def test_16_bits_of_grey_are_scaled(self, tmp_path: Path, ending: str) -> None:
        found = np.asarray(open_image(save(self.RAMP, tmp_path / f"ramp.{ending}")))
        assert found.shape == (16, 16, 3)
        assert (found == (self.RAMP >> 8).astype(np.uint8)[..., None]).all()

    def test_16_bits_of_colour_are_scaled_alike(self, tmp_path: Path) -> None:
        """A PNG of 16 bits a channel, which Pillow reads but cannot write."""
        rows = b"".join(b"\0" + row.astype(">u2").repeat(3).tobytes() for row in self.RAMP)
        path = tmp_path / "colour.png"
        path.write_bytes(png(16, depth=16, kind=2, rows=rows))
        assert (np.asarray(open_image(path)) == (self.RAMP >> 8).astype(np.uint8)[..., None]).all()

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
    def test_other_modes_are_those_of_pillow(self, tmp_path: Path, mode: str) -> None:
        image = Image.fromarray((self.RAMP >> 8).astype(np.uint8)).convert(mode)
        image.save(tmp_path / "image.png")
        assert (np.asarray(open_image(tmp_path / "image.png")) == np.asarray(image.convert("RGB"))).all()

    @pytest.mark.parametrize("kind", [np.float32, np.int32])
    def test_a_range_that_is_not_known_is_refused(self, tmp_path: Path, kind: type) -> None:
        path = save(self.RAMP.astype(kind), tmp_path / "wide.tif")
        with pytest.raises(EnvironmentLacksError, match=r"wide\.tif' has pixels of Pillow's mode"):
            open_image(path)

    def test_both_paths_see_the_same(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path)
        for number in range(3):
            save(np.roll(self.RAMP, number), folder / "train" / "a" / f"{number}.png")
        save(self.RAMP, folder / "train" / "b" / "0.png")
        listing = list_images(folder, "train")
        decoded = load(image_folder(folder), tmp_path, "train", 16).images.sort(0).values
        streamed, _, _ = Shares(listing, v2.Identity(), 16, 0)[0, [0, 1, 2, 3]]
        assert torch.equal(decoded, streamed.sort(0).values)

    def test_what_version_0_2_decoded_is_kept_unless_it_clipped_pixels(self, tmp_path: Path) -> None:
        for name, scaled in (("narrow", True), ("wide", False)):
            folder = folder_of(tmp_path / name)
            if name == "wide":
                save(self.RAMP[:4, :4], folder / "train" / "a" / "0.png")
            load(image_folder(folder), tmp_path / name, "train", 0)
            (description,) = (tmp_path / name / "folders").glob("*.json")
            description.write_text(json.dumps({**json.loads(description.read_text()), "scaled": None}))
            cache = description.with_suffix(".npy")
            np.save(cache, np.full_like(np.load(cache), 77))
            kept = bool((load(image_folder(folder), tmp_path / name, "train", 0).images == 77).all())
            assert kept == scaled
            assert json.loads(description.read_text())["scaled"]


def png(side: int, *, depth: int, kind: int, rows: bytes) -> bytes:
    """Return a PNG of unfiltered rows."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_set_of_single_colours_is_noticed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    words = ["check", str(folder), str(tmp_path)]
    assert check_or_download([*words, "0"]) == check_or_download([*words, "0", "streamed"]) == [SINGLE_COLOURS]
    save(TestPixels.RAMP[:4, :4], folder / "train" / "a" / "1.png")
    assert check_or_download([*words, "0"]) == check_or_download([*words, "0", "streamed"]) == []


@pytest.mark.parametrize("augmentation", ["crop", "imagenet"])
def test_a_run_warns_of_single_colours_once(tmp_path: Path, augmentation: Literal["crop", "imagenet"]) -> None:
    folder, said = image_folder(folder_of(tmp_path)), list[Event]()
    runtime = Runtime(device="cpu", seed=3, threads=1, precision="float32", channels_last=True)
    source = Source(folder, tmp_path, DataSettings(), runtime, sources.load, said.append)
    for _ in range(2):
        open_feeds(source, folder, FeedOptions(augmentation=augmentation, image_size=4, workers=0), runtime)
    assert said == [Warned("single_colours", SINGLE_COLOURS)]
