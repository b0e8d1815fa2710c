"""Estimates of what a run will cost, from an equivalent earlier run or else from a measurement."""

from __future__ import annotations

import functools
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs import catalogue, configuration
from runs.catalogue.settings import describe
from runs.configuration import Draft, RunConfig
from runs.cost.measurements import Measurement
from runs.errors import NastuiError
from runs.home import RunPaths
from runs.log.event_log import first_event, last_progress
from runs.log.events import Progress, Started
from runs.store.record import Record
from runs.store.status import Status

# Only the newest runs are examined, because a form asks for an estimate at every keystroke.
MOST_RUNS = 100
_NO_COST = ("checkpoint_seconds", "nesterov")


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of a run.

    Attributes:
        seconds: working time.
        device: the device for which it is valid.
        memory: peak in bytes; None if it was not recorded.
        stored: bytes in the store; None if not recorded.
        run: the id of the run that it comes from; empty if it was measured.
        measured: when, as an ISO time; empty if it comes from a run.
        caveats: what the measurement leaves out, in words.
        threads: the CPU threads with which it was measured; None on a GPU, and if they were not recorded.
    """

    seconds: float
    device: str
    memory: int | None = None
    stored: int | None = None
    run: str = ""
    measured: str = ""
    caveats: tuple[str, ...] = ()
    threads: int | None = None


def estimate(
    config: RunConfig, card: str, records: Sequence[Record], measurements: Sequence[Measurement]
) -> Estimate | None:
    """Return an estimate for a run, or None if nothing is known. Reads files, so do not call it in the UI thread.

    Args:
        config: the configuration of the run.
        card: the name of its GPU; empty on a CPU.
        records: the runs of the store, newest first.
        measurements: those of the store, newest first.
    """
    return _by_a_run(config, card, records) or _by_a_measurement(config, card, measurements)


def _by_a_run(config: RunConfig, card: str, records: Iterable[Record]) -> Estimate | None:
    """Return an estimate from an earlier run; of the settings that affect the cost, only the epochs may differ."""
    names = ("kind", "method", "space", "dataset")
    wanted = [getattr(config, name) for name in names]
    likely = [
        record for record in records if record.summary.epoch and [record.head.get(name) for name in names] == wanted
    ][:MOST_RUNS]
    # A finished run went through every stage.
    for record in sorted(likely, key=lambda record: record.status is not Status.FINISHED):
        try:
            past = _config(record.paths.config)
        except NastuiError:
            continue
        if past.genotype != config.genotype or not _differing(config, past.options) <= {"epochs"}:
            continue
        started, progress = _ends_of_log(record.paths)
        if started is None or not _is_here(started.environment.get("host"), started.environment, config, card):
            continue
        summary = record.summary
        epochs = config.options.get("epochs", summary.epochs)
        partly = summary.epoch < summary.epochs
        return Estimate(
            summary.seconds / summary.epoch * epochs,
            config.device,
            progress.memory if progress else None,
            _size(record.paths.root),
            run=record.id,
            caveats=(f"its first {summary.epoch} of {summary.epochs} epochs",) if partly else (),
            threads=_threads(config, started.environment.get("threads")),
        )
    return None


def _by_a_measurement(config: RunConfig, card: str, measurements: Iterable[Measurement]) -> Estimate | None:
    """Return an estimate from a measurement: of this configuration, else with other epochs, else of its preset."""
    names = ("method", "space", "dataset")
    here = [
        measurement
        for measurement in measurements
        if [getattr(measurement, name) for name in names] == [getattr(config, name) for name in names]
        and _is_here(
            measurement.host, {"device_name": measurement.device_name, "device": measurement.device}, config, card
        )
    ]
    for measurement in sorted(here, key=lambda measurement: measurement.genotype != config.genotype):
        differing = _differing(config, measurement.options)
        if not differing or (differing == {"epochs"} and measurement.epochs):
            times = config.options["epochs"] / measurement.epochs if differing else 1.0
            return _of(measurement, config, measurement.estimated_seconds * times)
    as_it_is = _preset(config)
    for measurement in here:
        if as_it_is is not None and not _differing(as_it_is, measurement.options):
            return _of(measurement, config, measurement.estimated_seconds, "for the preset as it is")
    return None


def _of(measurement: Measurement, config: RunConfig, seconds: float, caveat: str = "") -> Estimate:
    caveats = (
        caveat,
        f"while {measurement.device} was busy" if measurement.busy else "",
        "with another cell" if measurement.genotype != config.genotype else "",
        f"by the first of {measurement.stages} stages" if measurement.stages > 1 else "",
        "decoding left out" if config.options.get("augmentation") == "imagenet" else "",
    )
    return Estimate(
        seconds,
        config.device,
        measurement.memory,
        measurement.stored,
        measured=measurement.measured,
        caveats=tuple(filter(None, caveats)),
        threads=_threads(config, measurement.threads),
    )


def _threads(config: RunConfig, measured: object) -> int | None:
    return measured if config.device == "cpu" and isinstance(measured, int) else None


def _differing(config: RunConfig, options: dict[str, Any]) -> set[str]:
    """Return the names of the hyperparameters in which a configuration differs and that may affect time or memory."""
    # A hyperparameter that an older version did not have is worth its default.
    defaults = config.defaults()
    own, other = ({**defaults, **some} for some in (config.options, options))
    differing = {name for name in own.keys() | other.keys() if own.get(name) != other.get(name)}
    # An engine that chooses its threads may choose those of the other; the estimate says with how many it was measured.
    if not (own.get("threads") and other.get("threads")):
        differing.discard("threads")
    if {"epochs", "arch_frozen_epochs"} <= differing and _freeze_the_same_share(own, other):
        differing.discard("arch_frozen_epochs")
    return differing - _free(config.method, config.space)


def _freeze_the_same_share(own: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Return whether two searches train only the weights, which is cheaper, in the same share of their epochs."""
    apart = own["arch_frozen_epochs"] * other["epochs"] - other["arch_frozen_epochs"] * own["epochs"]
    return abs(apart) < max(own["epochs"], other["epochs"])


@functools.cache
def _free(method: str, space: str) -> frozenset[str]:
    """Return the hyperparameters that cost nothing: rates, decays and scales of the optimisers."""
    infos = describe(catalogue.options(catalogue.method(method), catalogue.space(space)))
    rates = {info.name for info in infos if info.type == "float" and info.group in ("weights", "architecture")}
    return frozenset({*rates, *_NO_COST})


def _preset(config: RunConfig) -> RunConfig | None:
    """Return the configuration that results from the same choices and the unchanged preset."""
    draft = Draft(
        method=config.method,
        genotype=config.genotype,
        space=config.space,
        dataset=config.dataset,
        preset=config.preset,
        device=config.device,
    )
    try:
        return configuration.resolve(draft)
    except NastuiError:
        return None


def _is_here(host: object, environment: dict[str, Any], config: RunConfig, card: str) -> bool:
    """Return whether something was measured on this machine, on the same kind of device."""
    if host != platform.node():
        return False
    if config.device == "cpu":
        return environment.get("device") == "cpu"
    # GPUs of the same name are interchangeable.
    return bool(card) and environment.get("device_name") == card


@functools.lru_cache(maxsize=2 * MOST_RUNS)
def _config(path: Path) -> RunConfig:
    return RunConfig.read(path)  # written once, never changed


def _ends_of_log(paths: RunPaths) -> tuple[Started | None, Progress | None]:
    """Return the first event of a run and its last progress event, without reading the whole log."""
    started = first_event(paths.events)
    return (started, last_progress(paths.events)) if isinstance(started, Started) else (None, None)


def _size(folder: Path) -> int | None:
    try:
        return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    except OSError:
        return None
