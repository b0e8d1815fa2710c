"""``python -P -m engine.bench METHOD SPACE PRESET DEVICE``: how fast the real units of work are on this machine.

The images are noise of the data set's size, so nothing has to be downloaded; the arithmetic is that of a run.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from engine.assembly import assemble
from engine.data.images import ImageSet
from engine.errand import answer
from engine.method import Context, Method
from runs import catalogue
from runs.catalogue import Dataset
from runs.configuration import Draft, resolve
from runs.genotypes.text import parse_text

WARM_UNITS = 3
SECONDS = 4.0
# The cells whose training stands for that of any: DrNAS's for CIFAR-10, and a strong one of the benchmark.
MEASURED = {
    "darts": "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), ('dil_conv_5x5', 3)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('dil_conv_5x5', 2), ('sep_conv_5x5', 1), ('sep_conv_5x5', 1), "
    "('dil_conv_5x5', 3), ('skip_connect', 4), ('sep_conv_5x5', 1)], reduce_concat=range(2, 6))",
    "nasbench201": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
}
LEAST_UNITS = 5


def bench(arguments: list[str]) -> dict[str, Any]:
    """Measure a preset and estimate its run: what has been measured, and how it was extrapolated."""
    name, space, preset, device = arguments
    config = resolve(_draft(name, space, preset, device))
    began = time.perf_counter()
    context, method = assemble(config, Path(), lambda event: None, noise)
    method.prepare()
    for _ in range(WARM_UNITS):
        _unit(context, method)
    ready = time.perf_counter() - began
    units, images, spent = 0, method.position().images, 0.0
    while spent < SECONDS or units < LEAST_UNITS:
        units += 1
        spent += _unit(context, method)
    position = method.position()
    return {
        "method": config.method,
        "space": config.space,
        "preset": config.preset,
        "dataset": config.dataset,
        "device": config.device,
        "threads": config.options["threads"],
        "units": units,
        "unit_seconds": spent / units,
        "images_per_second": (position.images - images) / spent,
        "units_per_epoch": position.of,
        "epochs": method.epochs,
        "estimated_seconds": spent / units * (position.run_of or position.of * method.epochs),
        "memory": context.runtime.memory(),
        "start_seconds": ready,
    }


def _draft(name: str, space: str, preset: str, device: str) -> Draft:
    method = catalogue.method(name)
    if method.kind == "search":
        return Draft(method=name, space=space, preset=preset, device=device)
    # Streamed images are decoded on other cores than the training needs: measured is the training.
    streams = catalogue.preset(method, space, preset).values.get("augmentation") == "imagenet"
    return Draft(
        method=name,
        genotype=parse_text(MEASURED[space]).to_json(),
        preset=preset,
        device=device,
        options={"augmentation": "crop"} if streams else {},
    )


def noise(dataset: Dataset, root: Path, part: str, size: int) -> ImageSet:
    """Return random images and labels, as many as the data set has."""
    count = (dataset.train if part == "train" else dataset.test) or 1000
    side, classes = size or dataset.size or 32, dataset.classes or 10
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, side, side, 3), generator=generator, dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % classes, tuple(map(str, range(classes))))


def _unit(context: Context, method: Method) -> float:
    """Do one unit of work and return its seconds, with the device's share of them."""
    began = time.perf_counter()
    method.advance()
    if context.runtime.device.type == "cuda":
        torch.cuda.synchronize(context.runtime.device)
    return time.perf_counter() - began


if __name__ == "__main__":
    answer(bench)
