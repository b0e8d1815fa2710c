"""Image folders of the user's: ``train/<class>/*`` and ``test/`` or ``val/``, decoded once and kept as bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from PIL import Image

from engine.data.images import ImageSet, limited
from engine.data.listing import Listing, list_images, open_image
from engine.data.statistics import Channels, PixelSums
from runs.catalogue import Dataset
from runs.errors import EnvironmentLacksError, UsageError
from runs.files import replace_text, replace_with

# Held in memory as a whole: sets beyond this are for a streaming feed.
LARGEST_BYTES = 8 * 2**30


def load(dataset: Dataset, root: Path, part: str, size: int, skip_broken: bool = False, at_most: int = 0) -> ImageSet:
    """Return a part of the folder, in an order that is shuffled once and for ever.

    The order on disk goes class by class; a positional split of it would put different classes into the halves.

    Args:
        dataset: with its folder.
        root: where decoded images are kept.
        part: ``train`` or ``test``.
        size: side in pixels; 0: the images' own.
        skip_broken: leave broken images out, and name them in the set, in place of refusing.
        at_most: decode only so many, always the same, with the same share of every class; 0 for all.

    Raises:
        EnvironmentLacksError: an image is broken (it is named), or they are too many for the memory.
        UsageError: images of different sizes and no ``image_size``.
    """
    folder = dataset.images(root)
    assert folder is not None
    listing = list_images(folder, part)
    if at_most:
        kept = limited(listing.labels, at_most, torch.Generator().manual_seed(0))
        listing = replace(
            listing, files=tuple(listing.files[place] for place in kept.tolist()), labels=listing.labels[kept]
        )
    # After the size that was asked for, 0 too: so an array that is kept spares opening every image to learn theirs.
    cache = root / "folders" / f"{listing.fingerprint(size)}.npy"
    about = cache.with_suffix(".json")
    if not (cache.exists() and about.exists()):
        _keep(listing, size, skip_broken, cache, about)
    said = json.loads(about.read_text())
    if said["broken"] and not skip_broken:
        open_image(listing.base / listing.files[said["broken"][0]])  # says what is wrong with it
    pixels = torch.from_numpy(np.load(cache))
    order = torch.randperm(len(listing.files), generator=torch.Generator().manual_seed(0))
    # Broken images leave the order of the others as it is.
    order = order[~torch.isin(order, torch.tensor(said["broken"], dtype=torch.int64))]
    return ImageSet(
        pixels[order],
        listing.labels[order],
        listing.classes,
        statistics=(_channels(said["mean"]), _channels(said["std"])),
        skipped=tuple(str(listing.base / listing.files[place]) for place in said["broken"]),
    )


def _keep(listing: Listing, size: int, skip_broken: bool, cache: Path, about: Path) -> None:
    """Decode the images, one at a time: a set is never twice in memory. What was found on the way goes beside them."""
    side = size or _common_side(listing, skip_broken)
    needed = len(listing.files) * side * side * 3
    if needed > LARGEST_BYTES:
        raise EnvironmentLacksError(
            f"{len(listing.files):,} images of {side} pixels need {needed / 2**30:.1f} GiB.",
            "Set a smaller image_size, or train with augmentation=imagenet, which streams them.",
        )
    cache.parent.mkdir(parents=True, exist_ok=True)
    broken: list[int] = []
    sums = PixelSums()

    def decode(stream: IO[bytes]) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(listing.files), side, side, 3)}
        np.lib.format.write_array_header_1_0(stream, header)
        for place, name in enumerate(listing.files):
            try:
                pixels = _square(listing.base / name, side)
                sums.add(torch.from_numpy(pixels))
            except EnvironmentLacksError:
                if not skip_broken:
                    raise
                broken.append(place)
                pixels = np.zeros((side, side, 3), np.uint8)
            stream.write(pixels.tobytes())

    replace_with(cache, decode)
    if not sums.pixels:
        raise EnvironmentLacksError(f"'{listing.base}' holds no image that can be read.")
    mean, std = sums.statistics()
    replace_text(about, json.dumps({"broken": broken, "mean": mean, "std": std}))


def _common_side(listing: Listing, skip_broken: bool) -> int:
    sizes = set()
    for name in listing.files:
        file = listing.base / name
        try:
            with Image.open(file) as image:
                sizes.add(image.size)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            if not skip_broken:
                open_image(file)  # says what is wrong with it
            continue
        if len(sizes) > 1 or image.width != image.height:
            raise UsageError(
                f"The images are not all squares of one size: '{file}' has {image.width} x {image.height} pixels.",
                "Set image_size, for example --set image_size=32.",
            )
    if not sizes:
        raise EnvironmentLacksError(f"'{listing.base}' holds no image that can be read.")
    return int(sizes.pop()[0])


def _square(file: Path, side: int) -> np.ndarray:
    image = open_image(file)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    return np.array(image)


def _channels(values: Any) -> Channels:
    red, green, blue = values
    return red, green, blue
