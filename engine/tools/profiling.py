"""``python -P -m engine.tools.profiling CONFIGURATION DATASETS [STAGE]``: time a run's real units of work here.

CONFIGURATION is the JSON of a run's configuration, DATASETS the folder of data sets, STAGE the number of the stage that
is measured, from 0: the run works until it gets there. Data sets of the catalogue are
replaced by noise of their size, so nothing has to be downloaded; the computation is the same as in a run.
"""

from __future__ import annotations

import contextlib
import io
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from engine.assembly import assemble
from engine.core.intervals import PROGRESS_SECONDS
from engine.core.subprocess_task import run_task
from engine.data.images import ImageSet
from engine.data.listing import list_images
from engine.data.sources import load
from engine.data.streaming import SIZE as STREAMED_SIZE
from engine.method import Context, Method
from engine.tools.kernels import Kernels, measure
from runs import catalogue
from runs.catalogue import Dataset
from runs.catalogue.settings import Settings
from runs.configuration import RunConfig
from runs.errors import EnvironmentLacksError
from runs.log.events import Event, StageStarted
from runs.store.datasets import streamed_folder

WARM_UNITS = 4  # the fourth captures the step on a GPU
SECONDS = 4.0
LEAST_UNITS = 5
STEPS_IN_A_ROW = 20
# A part of a larger data set represents all of it; the epoch is longer by the same factor.
NOISE_BYTES = 2**30
IMAGES_OF_A_CLASS = 200
PROGRESS_BYTES = 250  # size of a progress event in the log


class NoiseImages:
    """Loads the images that a configuration is profiled with; see :data:`engine.data.sources.Load`.

    Args:
        config: of the run.

    Attributes:
        times: the number of the run's training images, relative to those loaded here.
    """

    def __init__(self, config: RunConfig) -> None:
        self.times = 1.0
        self._streamed = config.options.get("augmentation") == "imagenet"
        self._limit: int = config.options.get("image_limit", 0)

    def __call__(self, dataset: Dataset, root: Path, part: str, size: int, **options: int) -> ImageSet:
        """Return noise, or the images of a folder, whose size and number are not known otherwise."""
        train, test, classes = dataset.train, dataset.test, dataset.classes
        if self._streamed and train is None:
            folder = streamed_folder(dataset, root)
            listings = [list_images(folder, name) for name in ("train", "test")]
            train, test = (len(listing.files) for listing in listings)
            classes = len(listings[0].classes)
        if train is None or test is None or classes is None:
            return load(dataset, root, part, size, **options)
        train, side = min(train, self._limit or train), size or dataset.size or STREAMED_SIZE
        self.times = max(1.0, train * 3 * side**2 / NOISE_BYTES)
        return noise(math.ceil((train if part == "train" else test) / self.times), side, classes)


def profile(arguments: list[str]) -> dict[str, Any]:
    """Measure a configuration; return the measurements, and an estimate of its run.

    Raises:
        EnvironmentLacksError: the memory is too small, or images are missing.
    """
    config, root = RunConfig.model_validate_json(arguments[0]), Path(arguments[1])
    stage = int(arguments[2]) if len(arguments) > 2 else 0
    images, stages = NoiseImages(config), 1

    def count_stages(event: Event) -> None:
        nonlocal stages
        stages = event.of if isinstance(event, StageStarted) else stages

    with _memory_errors(config.device):
        began = time.perf_counter()
        context, method = assemble(profiled_config(config), root, count_stages, images)
        method.prepare()
        while method.stage < stage and method.epoch < method.epochs:
            method.advance()
        warm = _work(context, method, 1, longest=SECONDS)
        # Counted in the second unit: the first creates buffers, and later ones may be replayed from a CUDA graph.
        # Compiled kernels cannot be counted.
        kernels = Kernels(device=context.runtime.device.type)
        with contextlib.nullcontext() if config.options.get("compile") else kernels:
            counted = _work(context, method, 1, longest=SECONDS)
        warm += counted + _work(context, method, WARM_UNITS - 2, longest=SECONDS)
        ready, before = time.perf_counter() - began, method.position().images
        # If the run is so short that it is over by now, the first units have to do.
        spent = _work(context, method, LEAST_UNITS, SECONDS, longest=5 * SECONDS) or warm
        position, memory = method.position(), context.runtime.memory()
        stored = _stored(config, context, method)
    # A search that samples only a few images does not take longer with more of them.
    times = images.times if catalogue.method(config.method).uses_supernet else 1.0
    unit = sum(unit.seconds for unit in spent) / len(spent)
    units = times * (position.run_of or position.of * method.epochs)
    environment = context.runtime.environment()
    return {
        "device_name": environment["device_name"],
        "host": environment["host"],
        "threads": environment["threads"],
        "stages": stages,
        "units": len(spent),
        "unit_seconds": unit,
        "images_per_second": (position.images - (before if spent is not warm else 0)) / (unit * len(spent)),
        "units_per_epoch": round(position.of * times),
        "epochs": method.epochs,
        "estimated_seconds": unit * units,
        "memory": memory,
        "stored": stored + int(PROGRESS_BYTES * min(units, unit * units / PROGRESS_SECONDS)),
        "start_seconds": ready,
        **_share_of_bound(context, method, kernels, counted, spent),
    }


def profiled_config(config: RunConfig) -> RunConfig:
    """Return a configuration whose first units are typical of the whole run."""
    options = dict(config.options)
    # Streamed images are decoded on cores other than those used for training, so only the training is measured.
    if options.get("augmentation") == "imagenet":
        options |= {"augmentation": "crop", "image_size": options["image_size"] or STREAMED_SIZE}
    # The first epochs of some searches train only the weights, at half the cost of the later ones.
    if "arch_frozen_epochs" in options:
        options["arch_frozen_epochs"] = 0
    return config.model_copy(update={"options": options})


def noise(count: int, side: int, classes: int) -> ImageSet:
    """Return random images, uint8 [count, side, side, 3], with hundreds of images for each label in use.

    A part of a large data set is therefore split by class in the same way as the whole.
    """
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, side, side, 3), generator=generator, dtype=torch.uint8)
    labels = torch.arange(count) % max(1, min(classes, count // IMAGES_OF_A_CLASS))
    return ImageSet(pixels, labels, tuple(map(str, range(classes))))


class _Unit(NamedTuple):
    """A unit of work: its seconds, and the training images that it used."""

    seconds: float
    images: int


def _work(
    context: Context[Settings], method: Method, least: int, seconds: float = 0.0, *, longest: float
) -> list[_Unit]:
    """Work for at least this many units and seconds, up to a limit or the run's end; return each unit."""
    spent: list[_Unit] = []
    total = 0.0
    while method.epoch < method.epochs and (total < seconds or (len(spent) < least and total < longest)):
        before, began = method.position().images, time.perf_counter()
        method.advance()
        if context.runtime.device.type == "cuda":
            torch.cuda.synchronize(context.runtime.device)
        spent.append(_Unit(time.perf_counter() - began, method.position().images - before))
        total += spent[-1].seconds
    return spent


def _share_of_bound(
    context: Context[Settings], method: Method, kernels: Kernels, counted: Sequence[_Unit], spent: Sequence[_Unit]
) -> dict[str, Any]:
    """Return the figures of a training step; without those of the bound on a CPU, where arithmetic binds too.

    Args:
        context, method: of the run.
        kernels: of the counted unit.
        counted: the counted unit; empty if the run was over before.
        spent: the measured units.
    """
    images = sum(unit.images for unit in counted)
    times = [unit.seconds for unit in spent if unit.images == images > 0]
    if not times or not kernels.count:
        return {}
    seconds, device = statistics.median(times), context.runtime.device
    if device.type == "cuda":
        seconds = _in_a_row(context, method, images, max(3, min(STEPS_IN_A_ROW, int(SECONDS / seconds)))) or seconds
    found = {"step_seconds": seconds, "kernels": kernels.count, "bytes_moved": sum(kernels.sizes)}
    if device.type != "cuda":
        return found
    machine = measure(device)
    bound = machine.bound(kernels.sizes)
    return found | {
        "copy_bandwidth": machine.bandwidth,
        "node_seconds": machine.node_seconds,
        "bound_seconds": bound,
        "share_of_bound": bound / seconds,
    }


def _in_a_row(context: Context[Settings], method: Method, images: int, steps: int) -> float | None:
    """Return the seconds of a training step while the host works ahead of the GPU, as it does in a run.

    Args:
        context, method: of the run.
        images: of a whole step.
        steps: how many to take.

    Returns:
        None if there are not so many steps before an evaluation, twice in a row.
    """
    for _ in range(2):
        before = method.position().images  # waits for the GPU
        began, done = time.perf_counter(), 0
        while done < steps and method.epoch < method.epochs:
            method.advance()
            done += 1
        taken = method.position().images - before
        seconds = time.perf_counter() - began
        if done and taken == steps * images:
            return seconds / steps
    return None


def _stored(config: RunConfig, context: Context[Settings], method: Method) -> int:
    """Return the size of a checkpoint and of the weights in bytes; a retraining also keeps its best weights."""
    sink = io.BytesIO()
    torch.save({"method": method.state(), "runtime": context.runtime.state()}, sink)
    weights = sum(value.numel() * value.element_size() for value in method.weights().values())
    return sink.tell() + weights * (2 if config.kind == "retrain" else 1)


@contextlib.contextmanager
def _memory_errors(device: str) -> Iterator[None]:
    """Turn out-of-memory errors into one that a user understands."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "allocate memory" not in str(error):
            raise
        raise EnvironmentLacksError(
            f"This configuration does not fit into the memory of {device}.",
            "Lower batch_size or channels, or choose another device.",
        ) from error


if __name__ == "__main__":
    run_task(profile)
