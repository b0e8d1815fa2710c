"""Measured costs of the engine's real units of work: one measurement per configuration, kept in the home."""

from __future__ import annotations

import datetime
import json
import threading
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from runs import catalogue, configuration
from runs.catalogue import Method, Preset, library
from runs.configuration import Draft, RunConfig
from runs.errors import EnvironmentLacksError, UsageError
from runs.files import MEBIBYTE, discard_unfinished, read_regular, replace_text
from runs.home import Home
from runs.machine.meters import Meter
from runs.store.store_lock import changing
from runs.subprocess_task import SubprocessTask

SCHEMA_VERSION = 1
MOST = 300  # the oldest are dropped first
_PATIENCE_SECONDS = 10.0
_BUSY_SHARE = 0.5


class Measurement(BaseModel):
    """One measurement.

    Attributes:
        options: every hyperparameter, resolved.
        genotype: for a retraining, the genotype that it trains.
        host, device_name: the machine, and the device's name there.
        measured: when, as an ISO time.
        stages: number of stages of the search; only the first was measured.
        estimated_seconds: for the whole run, including evaluation.
        memory: peak in bytes, of the GPU or of the process.
        stored: approximate number of bytes that the run will leave in the store.
        step_seconds: median time of a training step.
        kernels, bytes_moved: of a training step, if they could be counted; see :mod:`engine.tools.kernels`.
        copy_bandwidth: of the GPU, in bytes read and written per second.
        node_seconds: of the smallest kernel in a CUDA graph.
        bound_seconds: the least time of the step's kernels: sum(max(bytes / bandwidth, node time)).
        share_of_bound: bound_seconds / step_seconds; None on a CPU, where arithmetic binds too.
        busy: whether other processes were using the device, which makes the measured times too high.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    method: str
    space: str
    preset: str
    dataset: str
    device: str
    device_name: str
    host: str
    threads: int
    options: dict[str, Any]
    genotype: dict[str, Any] | None = None
    measured: str
    stages: int = 1
    units: int
    unit_seconds: float
    images_per_second: float
    units_per_epoch: int
    epochs: int
    estimated_seconds: float
    memory: int
    stored: int
    start_seconds: float
    step_seconds: float | None = None
    kernels: int | None = None
    bytes_moved: int | None = None
    copy_bandwidth: float | None = None
    node_seconds: float | None = None
    bound_seconds: float | None = None
    share_of_bound: float | None = None
    busy: bool = False

    def measures_the_same(self, other: Measurement) -> bool:
        """Return whether two measurements measure the same, so that keeping one is enough."""
        names = ("method", "space", "preset", "dataset", "device", "device_name", "host", "options", "genotype")
        return all(getattr(self, name) == getattr(other, name) for name in names)


class MeasurementTask:
    """A process that measures a configuration. Another thread can end it, before or while it runs.

    Args:
        config: the configuration; no run is created for it.
        home: where data sets are kept. Those of the catalogue may be missing: noise of the same size replaces them.
    """

    def __init__(self, config: RunConfig, home: Home) -> None:
        self._config, self._home = config, home
        self._lock = threading.Lock()
        self._task: SubprocessTask | None = None
        self._ended = False

    def result(self) -> Measurement | None:
        """Return the measurement, or None if it was ended early. Takes seconds on a GPU, and up to minutes on a CPU.

        Raises:
            UsageError: the configuration computes nothing that could be measured.
            EnvironmentLacksError: there is too little memory, or the data are missing.
        """
        config = self._config
        if config.asks_table():
            raise UsageError(
                f"'{config.method}' only looks up a table with these settings, so there is nothing to measure.",
                "Such a run takes seconds. With evaluator=training or evaluator=supernet it trains.",
            )
        busy = _busy(config.device)
        with self._lock:
            if self._ended:
                return None
            self._task = SubprocessTask("engine.tools.profiling", config.model_dump_json(), str(self._home.datasets))
        try:
            result = self._task.result()
        except EnvironmentLacksError:
            if self._ended:
                return None
            raise
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        names = ("method", "space", "preset", "dataset", "device", "options", "genotype")
        return Measurement.model_validate(
            {name: getattr(config, name) for name in names} | {"measured": now, "busy": busy} | result
        )

    def end(self) -> None:
        """Cancel the measurement; if its process is running, it is killed."""
        with self._lock:
            self._ended = True
            if self._task is not None:
                self._task.cancel()


def _busy(device: str) -> bool:
    """Return whether other processes are using a device before we start."""
    machine = Meter().look()
    if device == "cpu":
        return (machine.load or 0.0) > machine.cores * _BUSY_SHARE
    return any((gpu.busy or 0) > 100 * _BUSY_SHARE for gpu in machine.gpus if device == f"cuda:{gpu.index}")


def representative(method: Method, preset: Preset, device: str) -> RunConfig:
    """Return a configuration that represents a preset; for a retraining, one that trains a typical cell.

    Raises:
        NastuiError: as for :func:`runs.configuration.resolve`.
    """
    draft = Draft(method=method.name, space=preset.space, preset=preset.name, device=device)
    if method.kind == "retrain":
        typical = library.typical(catalogue.space(preset.space)).to_json()
        draft = Draft(method=method.name, genotype=typical, preset=preset.name, device=device)
    return configuration.resolve(draft)


def read(home: Home) -> list[Measurement]:
    """Return every measurement, newest first; unreadable ones are skipped."""
    try:
        entries = json.loads(read_regular(home.measurements, 16 * MEBIBYTE))["figures"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    found = []
    for entry in entries if isinstance(entries, list) else []:
        try:
            found.append(Measurement.model_validate(entry))
        except ValidationError:
            continue
    return sorted(found, key=lambda measurement: measurement.measured, reverse=True)


def keep(home: Home, measurement: Measurement) -> None:
    """Store a measurement, replacing any older one that measures the same.

    Raises:
        BusyError: another process held the store for too long.
        EnvironmentLacksError: the home cannot be written.
    """
    busy = f"Another process is using the store '{home.root}', so the measurement was not kept."
    unwritable = f"The measurement cannot be kept in '{home.measurements}'"
    hint = "Free some space, or name another folder with --home or NASTUI_HOME."
    with changing(home.index_lock, busy, unwritable, hint, seconds=_PATIENCE_SECONDS):
        discard_unfinished(home.measurements)
        others = [other for other in read(home) if not other.measures_the_same(measurement)]
        entries = [one.model_dump() for one in (measurement, *others)[:MOST]]
        replace_text(home.measurements, json.dumps({"version": SCHEMA_VERSION, "figures": entries}) + "\n")
