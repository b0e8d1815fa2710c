"""The life of a run inside its engine process: begin or resume, work, answer requests, remember, end well."""

from __future__ import annotations

import json
import signal
import time
import traceback
from pathlib import Path
from types import FrameType

import safetensors.torch
import torch

from engine import checkpoint
from engine.assembly import assemble
from engine.method import EpochReport, Position
from runs import requests
from runs.catalogue.groups import HardwareSettings
from runs.configuration import RunConfig
from runs.errors import NastuiError
from runs.events import (
    CheckpointWritten,
    Continued,
    EpochEnded,
    Failed,
    Finished,
    Paused,
    Progress,
    Resumed,
    Stopped,
)
from runs.files import discard_unfinished, replace_text, replace_with
from runs.home import Home, RunPaths
from runs.journal import Journal, JournalReader
from runs.requests import Request

PROGRESS_SECONDS = 0.25
REQUEST_SECONDS = 0.1


class Worker:
    """Runs one run to its end, or until it is asked to stop.

    Args:
        paths: the run.
        config: its configuration.
        journal: its log, open.

    Raises:
        NastuiError: the configuration, the data or the device cannot be used.
    """

    def __init__(self, paths: RunPaths, config: RunConfig, journal: Journal) -> None:
        self._paths = paths
        self._config = config
        self._journal = journal
        root = Home(paths.root.parent.parent).datasets
        self._context, self._method = assemble(config, root, journal.append)
        assert isinstance(self._context.settings, HardwareSettings)
        self._checkpoint_seconds = self._context.settings.checkpoint_seconds
        self._runtime = self._context.runtime
        self._terminated = False
        self._epoch_seconds = 0.0
        self._worked = 0.0
        self._last_progress = self._last_look = self._last_checkpoint = time.monotonic()

    def run(self) -> None:
        """Begin, or go on from the checkpoint, and work until the run has finished or been stopped."""
        # A batch system or a shutdown asks with SIGTERM: that is a request to stop, with a checkpoint.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._terminate)
        self._begin()
        self._begun_at = self._done(self._method.position())
        while self._method.epoch < self._method.epochs:
            if not self._answer():
                return
            began = time.monotonic()
            report = self._method.advance()
            spent = time.monotonic() - began
            self._epoch_seconds += spent
            self._worked += spent
            if report is not None:
                self._end_epoch(report)
            elif time.monotonic() - self._last_checkpoint > self._checkpoint_seconds:
                self._save()
            self._tell_progress()
        self._finish()

    def _begin(self) -> None:
        for file in (self._paths.checkpoint, self._paths.weights, self._paths.genotype):
            discard_unfinished(file)
        saved = checkpoint.load(self._paths.checkpoint, self._config.id)
        if saved is not None:
            self._method.load(saved["method"])
            self._runtime.load(saved["runtime"])
            self._epoch_seconds = saved["epoch_seconds"]
        if self._journal.number > 1:
            self._journal.append(Resumed(self._method.epoch, self._method.position().step))
        if saved is None:
            self._method.prepare()

    def _answer(self) -> bool:
        """Do what has been asked for; return False if that was to stop."""
        paused = False
        while True:
            if self._terminated:
                return self._stop("terminated")
            if paused or time.monotonic() - self._last_look >= REQUEST_SECONDS:
                self._last_look = time.monotonic()
                for request in requests.take(self._paths.requests):
                    match request:
                        case Request.STOP:
                            return self._stop("requested")
                        case Request.CHECKPOINT:
                            self._save()
                        case Request.PAUSE if not paused:
                            self._save()
                            self._journal.append(Paused())
                            paused = True
                        case Request.CONTINUE if paused:
                            self._journal.append(Continued())
                            paused = False
            if not paused:
                return True
            time.sleep(REQUEST_SECONDS)

    def _stop(self, reason: str) -> bool:
        self._save()
        self._journal.append(Stopped(reason))
        return False

    def _end_epoch(self, report: EpochReport) -> None:
        # The event comes before the checkpoint: a kill between the two repeats the epoch, and so the event.
        self._journal.append(
            EpochEnded(
                epoch=self._method.epoch,
                epochs=self._method.epochs,
                stage=self._method.stage,
                seconds=self._epoch_seconds,
                metrics=report.metrics,
                learning_rates=report.learning_rates,
                architecture=report.architecture,
                genotype=report.genotype.to_json(),
                extras=report.extras,
            )
        )
        self._epoch_seconds = 0.0
        self._save()

    def _save(self) -> None:
        state = {
            "method": self._method.state(),
            "runtime": self._runtime.state(),
            "epoch_seconds": self._epoch_seconds,
        }
        size = checkpoint.save(self._paths.checkpoint, self._config.id, state)
        self._last_checkpoint = time.monotonic()
        self._journal.append(CheckpointWritten(self._method.epoch, self._method.position().step, size))

    def _done(self, position: Position) -> float:
        """Return the epochs done, the one in progress as a fraction."""
        return self._method.epoch + (position.step / position.of if position.of else 0.0)

    def _tell_progress(self) -> None:
        now = time.monotonic()
        if now - self._last_progress < PROGRESS_SECONDS:
            return
        self._last_progress = now
        position, epochs = self._method.position(), self._method.epochs
        done = self._done(position)
        since = done - self._begun_at
        self._journal.append(
            Progress(
                epoch=min(self._method.epoch + 1, epochs),
                epochs=epochs,
                step=position.step,
                of=position.of,
                throughput=position.images / self._worked if position.images and self._worked else None,
                eta=(epochs - done) * self._worked / since if since > 0 else None,
                memory=self._runtime.memory(),
                metrics=position.metrics,
            )
        )

    def _finish(self) -> None:
        genotype = self._method.genotype()
        replace_text(self._paths.genotype, json.dumps(genotype.to_json(), indent=2) + "\n")
        if weights := self._method.weights():
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
            replace_with(self._paths.weights, lambda stream: stream.write(safetensors.torch.save(tensors)))
        costs, shape = self._context.space.costs(genotype, self._context.images.size)
        self._journal.append(Finished(genotype.to_json(), costs.parameters, costs.macs, str(shape)))

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._terminated = True


def run(root: Path) -> int:
    """Run the engine for a run whose lock this process holds; return the exit code."""
    paths = RunPaths(root)
    last = max((entry.number for entry in JournalReader(paths.events).read()), default=0)
    with Journal(paths.events, last) as journal:
        try:
            Worker(paths, RunConfig.read(paths.config), journal).run()
        except NastuiError as error:
            journal.append(Failed(error.message, error.hint))
            return error.exit_code
        except Exception as error:  # whatever a method does wrong, the run says so and ends
            traceback.print_exc()
            journal.append(Failed(f"{type(error).__name__}: {error}", _hint(error), traceback.format_exc()))
            return 1
    return 0


def _hint(error: Exception) -> str:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "The device's memory is too small: lower batch_size or channels, or use another device."
    return "The traceback is in the log."
