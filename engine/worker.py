"""The life of a run inside its engine process: begin or resume, work, answer requests, remember, end well."""

from __future__ import annotations

import contextlib
import signal
import time
import traceback
from pathlib import Path
from types import FrameType

import torch

from engine.assembly import assemble
from engine.core import checkpoint, distributed, local_launcher
from engine.core.artifacts import Results
from engine.core.distributed import Group
from engine.method import Answering, EpochReport, Position
from engine.tabular_benchmark import Benchmark
from runs.configuration import RunConfig
from runs.errors import EnvironmentLacksError, NastuiError
from runs.files import discard_unfinished
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog, EventLogReader
from runs.log.events import (
    Answered,
    CheckpointWritten,
    Continued,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Paused,
    Progress,
    Resumed,
    Stopped,
)
from runs.store import requests
from runs.store.requests import MethodRequest, Request

PROGRESS_SECONDS = 0.25
REQUEST_SECONDS = 0.1
# What the leader tells the other processes before each unit of work.
GO, HOLD, STOP = range(3)


class Worker:
    """Runs one run to its end, or until it is asked to stop.

    Where several processes share the run, all do the same work in the same order; the leader alone looks for requests,
    tells the others what follows of them, and writes.

    Args:
        paths: the run.
        config: its configuration.
        event_log: its log, open; None for who does not lead.
        group: the processes that share the run.

    Raises:
        NastuiError: the configuration, the data or the device cannot be used.
    """

    def __init__(self, paths: RunPaths, config: RunConfig, event_log: EventLog | None, group: Group) -> None:
        self._paths = paths
        self._config = config
        self._event_log = event_log
        self._group = group
        home = Home(paths.root.parent.parent)
        self._results = Results(paths if group.leads else None)
        self._context, self._method = assemble(
            config, home.datasets, self._say, group=group, folder=paths.root, results=self._results
        )
        self._checkpoint_seconds = self._context.settings.checkpoint_seconds
        self._runtime = self._context.runtime
        self._benchmark = Benchmark(home, config.space, self._say)
        self._terminated = self._paused = False
        self._epoch_seconds = 0.0
        self._worked = 0.0
        self._last_progress = self._last_look = self._last_checkpoint = time.monotonic()

    def run(self) -> None:
        """Begin, or go on from the checkpoint, and work until the run has finished or been stopped."""
        # A batch system or a shutdown asks with SIGTERM: that is a request to stop, with a checkpoint. It may ask every
        # process; the leader passes it on where all can follow.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._terminate if self._group.leads else signal.SIG_IGN)
        self._begin()
        self._begun_at = self._done(self._method.position())
        while self._method.epoch < self._method.epochs:
            word = self._group.broadcast(self._answer() if self._group.leads else GO)
            if word == STOP:
                return
            if word == HOLD:
                time.sleep(REQUEST_SECONDS)
                continue
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
        if self._group.leads:
            discard_unfinished(self._paths.checkpoint)
        saved = checkpoint.load(self._paths.checkpoint, self._config.id)
        if saved is not None:
            self._method.load(saved["method"])
            self._runtime.load(saved["runtime"])
            self._epoch_seconds = saved["epoch_seconds"]
        if self._event_log is not None and self._event_log.number > 1:
            self._say(Resumed(self._method.epoch, self._method.position().step))
        if saved is None:
            self._method.prepare()

    def _answer(self) -> int:
        """Do what has been asked for; return what all processes do now."""
        if self._terminated:
            return self._stop("terminated")
        if self._paused or time.monotonic() - self._last_look >= REQUEST_SECONDS:
            self._last_look = time.monotonic()
            for request in requests.take(self._paths.requests):
                match request:
                    case Request.STOP:
                        return self._stop("requested")
                    case Request.CHECKPOINT:
                        self._save()
                    case Request.PAUSE if not self._paused:
                        self._save()
                        self._say(Paused())
                        self._paused = True
                    case Request.CONTINUE if self._paused:
                        self._say(Continued())
                        self._paused = False
                    case MethodRequest(name) if isinstance(self._method, Answering) and self._method.ask(name):
                        self._say(Answered(name))
                        self._save()
        return HOLD if self._paused else GO

    def _stop(self, reason: str) -> int:
        self._save()
        self._say(Stopped(reason))
        return STOP

    def _end_epoch(self, report: EpochReport) -> None:
        accuracies, told = {}, {}
        if self._group.leads:
            accuracies = self._benchmark.accuracies(report.genotype)
            told = self._benchmark.extras(self._method, report.genotype)
        # The event comes before the checkpoint: a kill between the two repeats the epoch, and so the event.
        self._say(
            EpochEnded(
                epoch=self._method.epoch,
                epochs=self._method.epochs,
                stage=self._method.stage,
                seconds=self._epoch_seconds,
                metrics=report.metrics,
                learning_rates=report.learning_rates,
                architecture=report.architecture,
                genotype=report.genotype.to_json(),
                extras={**report.extras, **told},
                benchmark=accuracies,
            )
        )
        self._epoch_seconds = 0.0
        self._save()

    def _save(self) -> None:
        if not self._group.leads:
            return
        state = {
            "method": self._method.state(),
            "runtime": self._runtime.state(),
            "epoch_seconds": self._epoch_seconds,
        }
        size = checkpoint.save(self._paths.checkpoint, self._config.id, state)
        self._last_checkpoint = time.monotonic()
        self._say(CheckpointWritten(self._method.epoch, self._method.position().step, size))

    def _done(self, position: Position) -> float:
        """Return the epochs done, the one in progress as a fraction; where they differ in length, mean ones."""
        if position.run_of:
            return self._method.epochs * position.run_step / position.run_of
        return self._method.epoch + (position.step / position.of if position.of else 0.0)

    def _tell_progress(self) -> None:
        now = time.monotonic()
        if now - self._last_progress < PROGRESS_SECONDS:
            return
        self._last_progress = now
        if not self._group.leads:
            return
        position, epochs = self._method.position(), self._method.epochs
        done = self._done(position)
        since = done - self._begun_at
        self._say(
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
        if not self._group.leads:
            return
        genotype = self._method.genotype()
        self._results.genotype(genotype)
        self._results.weights(self._method.weights())
        costs, shape = self._context.space.costs(genotype, self._context.images.size)
        self._say(Finished(genotype.to_json(), costs.parameters, costs.macs, str(shape)))

    def _say(self, event: Event) -> None:
        if self._event_log is not None:
            self._event_log.append(event)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._terminated = True


def run(root: Path) -> int:
    """Run the engine for a run whose lock is held; return the exit code."""
    paths = RunPaths(root)
    try:
        group = distributed.join()
    except (RuntimeError, ValueError) as error:
        raise EnvironmentLacksError(f"The processes of the run did not find each other: {error}.") from error
    with contextlib.ExitStack() as stack:
        stack.callback(group.leave)
        if not group.leads:
            return _work(paths, None, group)
        last = max((entry.number for entry in EventLogReader(paths.events).read()), default=0)
        return _work(paths, stack.enter_context(EventLog(paths.events, last)), group)


def _work(paths: RunPaths, event_log: EventLog | None, group: Group) -> int:
    try:
        Worker(paths, RunConfig.read(paths.config), event_log, group).run()
    except Exception as error:  # whatever a method does wrong, the run says so and ends
        if not isinstance(error, NastuiError):
            traceback.print_exc()
        if group.size > 1:
            # Which fault came first, only the supervisor can tell; a peer that has gone makes the others fail too.
            local_launcher.write_crash_reason(paths, error)
        if event_log is not None and not (group.size > 1 and local_launcher.is_supervised()):
            event_log.append(_failure(error))
        return error.exit_code if isinstance(error, NastuiError) else 1
    return 0


def _failure(error: Exception) -> Failed:
    if isinstance(error, NastuiError):
        return Failed(error.message, error.hint)
    return Failed(f"{type(error).__name__}: {error}", _hint(error), "".join(traceback.format_exception(error)))


def _hint(error: Exception) -> str:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "The device's memory is too small: lower batch_size or channels, or use another device."
    return "The traceback is in the log."
