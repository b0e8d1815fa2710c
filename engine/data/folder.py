"""Image folders of the user: ``train/<class>/*`` and ``test/`` or ``val/``, decoded once and cached as bytes."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image

from engine.core import activity
from engine.data.images import ImageSet, limited
from engine.data.listing import Listing, image_header, is_narrow, list_images, open_image
from engine.data.statistics import PixelSums, as_channels
from runs.catalogue import Dataset
from runs.errors import EnvironmentLacksError, UsageError
from runs.files import discard_abandoned, replace_text, replace_with

# The images are held in memory. Larger sets need a streaming feed.
LARGEST_BYTES = 8 * 2**30


def load(dataset: Dataset, root: Path, part: str, size: int, skip_broken: bool = False, at_most: int = 0) -> ImageSet:
    """Return a part of the folder, in an order that is shuffled once and never changes.

    On disk the images are sorted by class; a positional split of that order would put different classes into the
    halves.

    Args:
        dataset: with its folder.
        root: where decoded images are kept.
        part: ``train`` or ``test``.
        size: side in pixels; 0 for the images' own.
        skip_broken: leave broken images out, and name them in the set, instead of failing.
        at_most: the number of images to decode, always the same ones, with the same share of every class; 0 for all.

    Raises:
        EnvironmentLacksError: an image is broken (the message names it), or the images do not fit into the memory.
        UsageError: the images differ in size and there is no ``image_size``.
    """
    folder = dataset.images(root)
    assert folder is not None
    listing = list_images(folder, part)
    if at_most:
        listing = listing.only(limited(listing.labels, at_most, torch.Generator().manual_seed(0)))
    # Named for the requested size, even if it is 0, so that a cached array saves opening every image to learn its size.
    cache = root / "folders" / f"{listing.fingerprint(size)}.npy"
    description = cache.with_suffix(".json")
    if not (cache.exists() and description.exists() and _is_scaled(listing, description)):
        _decode(listing, size, skip_broken, cache, description)
    described = json.loads(description.read_text())
    if described["broken"] and not skip_broken:
        open_image(listing.base / listing.files[described["broken"][0]])  # raises
    pixels = torch.from_numpy(np.load(cache))
    order = torch.randperm(len(listing.files), generator=torch.Generator().manual_seed(0))
    # Broken images do not change the order of the others.
    order = order[~torch.isin(order, torch.tensor(described["broken"], dtype=torch.int64))]
    return ImageSet(
        pixels[order],
        listing.labels[order],
        listing.classes,
        statistics=(as_channels(described["mean"]), as_channels(described["std"])),
        skipped=tuple(str(listing.base / listing.files[index]) for index in described["broken"]),
    )


def _is_scaled(listing: Listing, description: Path) -> bool:
    """Return whether no pixel of a decoded set was clipped, as version 0.2 did with pixels of 16 bits."""
    described = json.loads(description.read_text())
    if not described.get("scaled"):
        if not all(is_narrow(listing.base / name) for name in listing.files):
            return False
        with contextlib.suppress(OSError):  # a folder that cannot be written is examined again the next time
            replace_text(description, json.dumps(described | {"scaled": True}))
    return True


def _decode(listing: Listing, size: int, skip_broken: bool, cache: Path, description: Path) -> None:
    """Write the decoded images and a description: which are broken, mean and standard deviation.

    Images are decoded one at a time, so that memory never holds a set twice.
    """
    with activity.during("looking at the sizes of images"):
        side = size or _common_side(listing, skip_broken)
    needed = len(listing.files) * side * side * 3
    if needed > LARGEST_BYTES:
        raise EnvironmentLacksError(
            f"{len(listing.files):,} images of {side} pixels need {needed / 2**30:.1f} GiB.",
            "Set a smaller image_size, or stream them with augmentation=imagenet.",
        )
    cache.parent.mkdir(parents=True, exist_ok=True)
    discard_abandoned(cache.parent, f".{cache.name}.*")
    broken: list[int] = []
    sums = PixelSums()

    def decode(stream: IO[bytes]) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(listing.files), side, side, 3)}
        np.lib.format.write_array_header_1_0(stream, header)
        for index, name in enumerate(listing.files):
            activity.go_on()
            try:
                pixels = _square(listing.base / name, side)
                sums.add(torch.from_numpy(pixels))
            except EnvironmentLacksError:
                if not skip_broken:
                    raise
                broken.append(index)
                pixels = np.zeros((side, side, 3), np.uint8)
            stream.write(pixels.tobytes())

    with activity.during("reading the images of a folder"):
        replace_with(cache, decode)
    if not sums.pixels:
        raise EnvironmentLacksError(f"'{listing.base}' has no image that can be read.")
    mean, std = sums.statistics()
    replace_text(description, json.dumps({"broken": broken, "mean": mean, "std": std, "scaled": True}))


def _common_side(listing: Listing, skip_broken: bool) -> int:
    sizes = set()
    for name in listing.files:
        activity.go_on()
        file = listing.base / name
        try:
            with image_header(file) as image:
                width, height = image.size
        except EnvironmentLacksError:
            if not skip_broken:
                raise
            continue
        sizes.add((width, height))
        if len(sizes) > 1 or width != height:
            raise UsageError(
                f"The images are not all squares of one size: '{file}' has {width} x {height} pixels.",
                "Set image_size, for example --set image_size=32.",
            )
    if not sizes:
        raise EnvironmentLacksError(f"'{listing.base}' has no image that can be read.")
    return int(sizes.pop()[0])


def _square(file: Path, side: int) -> np.ndarray:
    image = open_image(file)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    return np.array(image)
