"""The life of a run in its engine process: start or resume, work, handle requests, save, finish."""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

import torch

from engine.assembly import assemble
from engine.core import checkpoint, distributed, local_launcher
from engine.core.artifacts import Artifacts
from engine.core.distributed import Group
from engine.core.intervals import PROGRESS_SECONDS, REQUEST_SECONDS
from engine.core.run_inputs import RunInputs
from engine.core.threads import Threads, threads_of
from engine.data.batches import accepting_other_images
from engine.method import EpochReport, Position, RequestHandler
from engine.tabular_benchmark import Benchmark
from runs.configuration import RunConfig
from runs.errors import EnvironmentLacksError, NastuiError
from runs.files import discard_unfinished
from runs.fleet.early_stopping import EarlyStopping
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
from runs.machine.cores import Sample
from runs.notify.alarms import Alarms
from runs.store import requests
from runs.store.requests import MethodRequest, Request

# What rank 0 broadcasts before each unit of work.
GO, HOLD, STOP = range(3)
# The end of the engine waits for so long until alarms have been sent; afterwards, other processes send them.
ALARM_SECONDS = 20.0


class Worker:
    """Runs one run to its end, or until a request stops it.

    If several processes share the run, all do the same work in the same order. Only rank 0 looks for requests,
    broadcasts the resulting decision, and writes.

    Args:
        paths: of the run.
        config: of the run.
        event_log: the event log, open; None on ranks other than 0.
        group: the processes that share the run.
        before: what the cores had done when this process started; it tells how many are idle.

    Raises:
        NastuiError: the configuration, the data or the device cannot be used.
    """

    def __init__(
        self,
        paths: RunPaths,
        config: RunConfig,
        event_log: EventLog | None,
        group: Group,
        before: Sample | None = None,
    ) -> None:
        self._paths = paths
        self._config = config
        self._event_log = event_log
        self._group = group
        self._alarms = Alarms(paths)
        home = Home(paths.root.parent.parent)
        self._inputs = RunInputs(paths, config, home, leads=group.leads)
        self._artifacts = Artifacts(paths if group.leads else None)
        self._context, self._method = assemble(
            config,
            home.datasets,
            self._emit,
            group=group,
            folder=paths.root,
            artifacts=self._artifacts,
            threads=_threads(config, paths, group, before),
        )
        self._checkpoint_seconds = self._context.settings.checkpoint_seconds
        self._runtime = self._context.runtime
        self._benchmark = Benchmark(home, config.space, self._emit)
        self._early_stopping = EarlyStopping(home, config) if config.stop_when and group.leads else None
        self._reason_to_stop: str | None = None
        self._terminated = self._paused = False
        self._epoch_seconds = 0.0
        self._working_seconds = 0.0  # since this process started
        self._epochs_at_start = 0.0
        self._last_progress = self._last_look = self._last_checkpoint = time.monotonic()

    def run(self) -> None:
        """Start, or continue from the checkpoint, and work until the run has finished or been stopped."""
        # A batch system or a shutdown sends SIGTERM: a request to stop, with a checkpoint. It may go to every process;
        # rank 0 broadcasts it between two units of work.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._terminate if self._group.leads else signal.SIG_IGN)
        try:
            self._run()
        finally:
            self._alarms.wait(ALARM_SECONDS)

    def _run(self) -> None:
        self._begin()
        self._epochs_at_start = self._epochs_done(self._method.position())
        while self._method.epoch < self._method.epochs:
            order = self._group.broadcast(self._handle_requests() if self._group.leads else GO)
            if order == STOP:
                return
            if order == HOLD:
                time.sleep(REQUEST_SECONDS)
            else:
                self._work()
        self._finish()

    def _begin(self) -> None:
        if self._group.leads:
            discard_unfinished(self._paths.checkpoint)
        saved = checkpoint.load(self._paths.checkpoint, self._config.id)
        self._group.wait()  # rank 0 must not write a checkpoint before all have read the last one
        if saved is not None:
            with accepting_other_images(self._inputs.are_accepted):
                self._method.load(saved["method"])
            self._runtime.load(saved["runtime"])
            self._epoch_seconds = saved["epoch_seconds"]
        if self._event_log is not None and self._event_log.number > 1:
            self._emit(Resumed(self._method.epoch, self._method.position().step))
        if self._group.leads:
            self._inputs.record(self._emit, begun=saved is not None)
        if saved is None:
            self._method.prepare()

    def _work(self) -> None:
        """Do one unit of work, and report or save what is due."""
        began = time.monotonic()
        report = self._method.advance()
        spent = time.monotonic() - began
        self._epoch_seconds += spent
        self._working_seconds += spent
        if report is not None:
            self._end_epoch(report)
        elif time.monotonic() - self._last_checkpoint > self._checkpoint_seconds:
            self._save()
        self._report_progress()

    def _handle_requests(self) -> int:
        """Handle the waiting requests; return what all processes do next."""
        if self._terminated:
            return self._stop("terminated")
        if self._early_stopping is not None and self._reason_to_stop is not None:
            return self._stop(self._reason_to_stop, str(self._early_stopping.rule))
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
                        self._emit(Paused())
                        self._paused = True
                    case Request.CONTINUE if self._paused:
                        self._emit(Continued())
                        self._paused = False
                    case MethodRequest(name) if self._handled_by_method(name):
                        self._emit(Answered(name))
                        self._save()
        return HOLD if self._paused else GO

    def _handled_by_method(self, request: str) -> bool:
        return isinstance(self._method, RequestHandler) and self._method.handle_request(request)

    def _stop(self, reason: str, rule: str = "") -> int:
        self._save()
        self._emit(Stopped(reason, rule))
        return STOP

    def _end_epoch(self, report: EpochReport) -> None:
        accuracies, extras = {}, {}
        if self._group.leads:
            accuracies = self._benchmark.accuracies(report.genotype)
            extras = self._benchmark.extras(self._method, report.genotype)
        # The event is written before the checkpoint: after a kill between the two, the epoch and its event are
        # repeated.
        self._emit(
            EpochEnded(
                epoch=self._method.epoch,
                epochs=self._method.epochs,
                stage=self._method.stage,
                seconds=self._epoch_seconds,
                metrics=report.metrics,
                learning_rates=report.learning_rates,
                architecture=report.architecture,
                genotype=report.genotype.to_json(),
                extras={**report.extras, **extras},
                benchmark=accuracies,
            )
        )
        self._epoch_seconds = 0.0
        self._save()
        if self._early_stopping is not None:
            self._reason_to_stop = self._early_stopping.reason()

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
        self._emit(CheckpointWritten(self._method.epoch, self._method.position().step, size))

    def _epochs_done(self, position: Position) -> float:
        """Return the epochs done, the current one as a fraction; in epochs of mean length if lengths differ."""
        if position.run_of:
            return self._method.epochs * position.run_step / position.run_of
        return self._method.epoch + (position.step / position.of if position.of else 0.0)

    def _report_progress(self) -> None:
        now = time.monotonic()
        if now - self._last_progress < PROGRESS_SECONDS:
            return
        self._last_progress = now
        if not self._group.leads:
            return
        position, epochs = self._method.position(), self._method.epochs
        done = self._epochs_done(position)
        since, seconds = done - self._epochs_at_start, self._working_seconds
        self._emit(
            Progress(
                epoch=min(self._method.epoch + 1, epochs),
                epochs=epochs,
                step=position.step,
                of=position.of,
                throughput=position.images / seconds if position.images and seconds else None,
                eta=(epochs - done) * seconds / since if since > 0 else None,
                memory=self._runtime.memory(),
                metrics=position.metrics,
            )
        )

    def _finish(self) -> None:
        if not self._group.leads:
            return
        genotype = self._method.genotype()
        self._artifacts.genotype(genotype)
        self._artifacts.weights(self._method.weights())
        costs, shape = self._context.space.costs(genotype, self._context.images.size)
        self._emit(Finished(genotype.to_json(), costs.parameters, costs.macs, str(shape)))

    def _emit(self, event: Event) -> None:
        if self._event_log is not None:
            self._event_log.append(event)
            self._alarms.notice(event)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._terminated = True


def run(root: Path, before: Sample | None = None) -> int:
    """Run the engine for a run whose lock is held; return the exit code.

    Args:
        root: the folder of the run.
        before: what the cores had done when this process started.
    """
    paths = RunPaths(root)
    try:
        group = distributed.join()
    except (RuntimeError, ValueError) as error:
        raise EnvironmentLacksError(f"The processes of the run could not connect to each other: {error}.") from error
    with contextlib.ExitStack() as stack:
        stack.callback(group.leave)
        if not group.leads:
            return _work(paths, None, group, before)
        last = max((entry.number for entry in EventLogReader(paths.events).read()), default=0)
        return _work(paths, stack.enter_context(EventLog(paths.events, last)), group, before)


def _threads(config: RunConfig, paths: RunPaths, group: Group, before: Sample | None) -> Threads:
    """Return the CPU threads of this process. Rank 0 chooses, because all must use the same number."""
    if group.leads:
        chosen = threads_of(config, paths, before, group.local_size)
        group.broadcast(chosen.number)
        return chosen
    return Threads(group.broadcast(0))


def _work(paths: RunPaths, event_log: EventLog | None, group: Group, before: Sample | None) -> int:
    try:
        Worker(paths, RunConfig.read(paths.config), event_log, group, before).run()
    except Exception as fault:  # a plug-in may raise anything: the run reports it and ends
        error = _lack(fault) or fault
        if not isinstance(error, NastuiError):
            traceback.print_exc()
        if group.size > 1:
            # When one process ends, the others fail too. Only the launching process can tell which was first.
            local_launcher.write_crash_reason(paths, error)
        if event_log is not None and not (group.size > 1 and local_launcher.is_supervised()):
            try:
                event_log.append(_failure(error))
            except EnvironmentLacksError as lack:
                with contextlib.suppress(OSError):  # the log of the engine may be on the same disk
                    sys.stderr.write(f"{lack}\n")
        return error.exit_code if isinstance(error, NastuiError) else 1
    return 0


def _lack(error: Exception) -> EnvironmentLacksError | None:
    """Return what to say if an error means that there is no room on the disk, or that nothing may be written."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return None
    what = f"'{error.filename}'" if error.filename else "A file of the run"
    return EnvironmentLacksError(
        f"{what} cannot be written: {error.strerror}.",
        "Free some space, then resume: the run continues from its last checkpoint.",
    )


def _failure(error: Exception) -> Failed:
    if isinstance(error, NastuiError):
        return Failed(error.message, error.hint)
    return Failed(f"{type(error).__name__}: {error}", _hint(error), "".join(traceback.format_exception(error)))


def _hint(error: Exception) -> str:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "The memory of the device is too small: lower batch_size or channels, or use another device."
    return "The traceback is in the log."
