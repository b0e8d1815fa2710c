"""What the engine's real units of work cost, as measured: one measurement a configuration, kept in the home."""

from __future__ import annotations

import datetime
import json
import threading
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from runs import catalogue, configuration
from runs.benchmarks.tabular_queries import asks_table
from runs.catalogue import Method, Preset, library
from runs.configuration import Draft, RunConfig
from runs.errors import BusyError, EnvironmentLacksError, UsageError
from runs.files import replace_text
from runs.home import Home
from runs.machine.meters import Meter
from runs.subprocess_task import SubprocessTask

SCHEMA_VERSION = 1
MOST = 300  # the oldest go first
_PATIENCE_SECONDS = 10.0
_BUSY_SHARE = 0.5


class Measurement(BaseModel):
    """One measurement.

    Attributes:
        options: every hyperparameter, resolved.
        genotype: of a retraining.
        host, device_name: the machine, and what it calls the device.
        measured: when, as an ISO time.
        stages: of the search; only the first was measured.
        estimated_seconds: of the whole run, evaluation included.
        memory: peak in bytes, of the GPU or of the process.
        stored: bytes that the run will leave in the store, about.
        busy: whether something else was at work on the device: the measurement is then too high.
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
    busy: bool = False

    def measures_the_same(self, other: Measurement) -> bool:
        """Say whether one of two measurements is enough."""
        names = ("method", "space", "preset", "dataset", "device", "device_name", "host", "options", "genotype")
        return all(getattr(self, name) == getattr(other, name) for name in names)


class MeasurementTask:
    """A process that measures a configuration. It can be ended from another thread, before or while it runs.

    Args:
        config: of the run; nothing of it is created.
        home: where data sets lie. Those of the catalogue need not be there: noise of their size stands for them.
    """

    def __init__(self, config: RunConfig, home: Home) -> None:
        self._config, self._home = config, home
        self._lock = threading.Lock()
        self._task: SubprocessTask | None = None
        self._ended = False

    def result(self) -> Measurement | None:
        """Measure, which takes seconds on a GPU and may take minutes on a CPU; None where it was ended.

        Raises:
            UsageError: the configuration computes nothing that could be measured.
            EnvironmentLacksError: its memory or its data are not there.
        """
        config = self._config
        if asks_table(catalogue.method(config.method), config.options):
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
        """End it; nothing is left of the process."""
        with self._lock:
            self._ended = True
            if self._task is not None:
                self._task.cancel()


def _busy(device: str) -> bool:
    """Say whether others are at work on a device, before we are."""
    machine = Meter().look()
    if device == "cpu":
        return (machine.load or 0.0) > machine.cores * _BUSY_SHARE
    return any((gpu.busy or 0) > 100 * _BUSY_SHARE for gpu in machine.gpus if device == f"cuda:{gpu.index}")


def representative(method: Method, preset: Preset, device: str) -> RunConfig:
    """Return the configuration that stands for a preset: of a retraining, that of a typical cell.

    Raises:
        NastuiError: as :func:`runs.configuration.resolve`.
    """
    draft = Draft(method=method.name, space=preset.space, preset=preset.name, device=device)
    if method.kind == "retrain":
        typical = library.typical(catalogue.space(preset.space)).to_json()
        draft = Draft(method=method.name, genotype=typical, preset=preset.name, device=device)
    return configuration.resolve(draft)


def read(home: Home) -> list[Measurement]:
    """Return every measurement, the newest first; what cannot be read is left out."""
    try:
        entries = json.loads(home.measurements.read_bytes())["figures"]
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
    """Keep a measurement, in place of an older one of the same.

    Raises:
        BusyError: another process held the store all the time.
        EnvironmentLacksError: the home cannot be written.
    """
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        with FileLock(home.index_lock, timeout=_PATIENCE_SECONDS):
            others = [other for other in read(home) if not other.measures_the_same(measurement)]
            entries = [one.model_dump() for one in (measurement, *others)[:MOST]]
            replace_text(home.measurements, json.dumps({"version": SCHEMA_VERSION, "figures": entries}) + "\n")
    except Timeout as error:
        raise BusyError(
            f"Another process is using the store '{home.root}', so the measurement was not kept.", "Try again."
        ) from error
    except OSError as error:
        raise EnvironmentLacksError(
            f"The measurement cannot be kept in '{home.measurements}': {error.strerror}.",
            "Free some space, or name another folder with --home or NASTUI_HOME.",
        ) from error
