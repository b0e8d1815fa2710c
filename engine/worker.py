"""The life of a run in its engine: start or resume, work, handle requests, save, finish."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import Any

from engine.assembly import assemble
from engine.core import activity, checkpoint
from engine.core.artifacts import Artifacts
from engine.core.distributed import Group
from engine.core.intervals import PROGRESS_SECONDS, REQUEST_SECONDS
from engine.core.run_inputs import RunInputs
from engine.core.stop_signals import StopRequest, kill_helpers
from engine.core.threads import Threads, threads_of
from engine.data.batches import accepting_other_images
from engine.method import DerivesVariants, EpochReport, Position, RequestHandler, UsesHelpers
from engine.tabular_benchmark import Benchmark
from runs.configuration import RunConfig
from runs.errors import EnvironmentLacksError, NastuiError
from runs.files import discard_unfinished
from runs.fleet.early_stopping import EarlyStopping
from runs.formatting import duration
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
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

# A unit of work in progress has this long to end after a signal, or so many times its usual length.
STOP_SECONDS, STOP_UNITS = 60.0, 3.0
# Between two units of work, it only waits for a helper process.
BOUNDARY_SECONDS = 3.0
WATCH_SECONDS = 2.0
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
        stop: whether a signal has announced an end.
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
        stop: StopRequest,
        before: Sample | None = None,
    ) -> None:
        self._stop_request = stop
        self._paths = paths
        self._config = config
        self._event_log = event_log
        self._group = group
        self._alarms = Alarms(paths)
        home = Home(paths.root.parent.parent)
        self._inputs = RunInputs(paths, config, home, leads=group.leads)
        self._artifacts = Artifacts(paths if group.leads else None)
        activity.begin("reading the data and building the network")
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
        self._helped = self._method if isinstance(self._method, UsesHelpers) else None
        self._benchmark = Benchmark(home, config.space, self._emit)
        self._early_stopping = EarlyStopping(home, config) if config.stop_when and group.leads else None
        self._reason_to_stop: str | None = None
        self._paused = self._is_between_units = False
        self._next_unit = activity.FIRST_UNIT
        self._epoch_seconds = 0.0
        self._working_seconds = 0.0  # since this process started
        self._epochs_at_start = 0.0
        self._last_progress = self._last_look = self._last_checkpoint = time.monotonic()

    def run(self) -> None:
        """Start, or continue from the checkpoint, and work until the run has finished or been stopped."""
        try:
            self._run()
        finally:
            self._alarms.wait(ALARM_SECONDS)

    def _run(self) -> None:
        self._begin()
        self._epochs_at_start = self._epochs_done(self._method.position())
        if self._group.leads:
            threading.Thread(target=self._watch_waits, name="waits", daemon=True).start()
        self._stop_request.wait_for_units(self._patience, self._give_up)
        while self._method.epoch < self._method.epochs:
            order = self._group.broadcast(self._next_order() if self._group.leads else GO)
            if order == STOP:
                return
            if order == HOLD:
                activity.begin("a pause")
                time.sleep(REQUEST_SECONDS)
            else:
                self._work()
        self._stop_request.claim_end()
        self._finish()

    def _next_order(self) -> int:
        """Handle requests until the next unit of work can begin; return what all processes do next."""
        began = time.monotonic()
        while (order := self._handle_requests()) == GO and self._helped is not None:
            self._is_between_units = True
            is_ready = self._helped.ready()
            self._is_between_units = False
            if is_ready and not self._stop_request.requested:
                spent = time.monotonic() - began
                self._epoch_seconds += spent
                self._working_seconds += spent
                break
        return order

    def _patience(self) -> float:
        """Return for how many seconds a stop waits until the main thread handles it."""
        return BOUNDARY_SECONDS if self._is_between_units else max(STOP_SECONDS, STOP_UNITS * activity.usual_seconds())

    def _give_up(self, reason: str = "terminated") -> None:
        """Stop in place of the main thread. While that waits between two units of work, the state can be saved."""
        if self._is_between_units:
            with contextlib.suppress(NastuiError):
                self._save()
        self._emit(Stopped(reason))

    def _watch_waits(self) -> None:
        """End the process, in a thread of its own, if the main thread waits inside a library and cannot end it."""
        while True:
            time.sleep(WATCH_SECONDS)
            wait = activity.current_wait()
            if wait is None:
                continue
            if wait.seconds > wait.at_most:
                self._stop_request.claim_end()
                hint = "Resume the run: it continues from its checkpoint."
                self._emit(Failed(f"Nothing came for {duration(wait.seconds)}: {wait.doing}.", hint))
                kill_helpers()
                os._exit(EnvironmentLacksError.exit_code)
            if wait.seconds > self._patience() and Request.STOP in requests.waiting(self._paths.requests):
                self._stop_request.claim_end()
                requests.clear(self._paths.requests)
                self._give_up("requested")
                kill_helpers()
                os._exit(0)

    def _begin(self) -> None:
        if self._group.leads:
            discard_unfinished(self._paths.checkpoint)
            discard_unfinished(self._paths.previous_checkpoint)
        activity.begin("reading the checkpoint")
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
            activity.begin("preparing the run")
            self._method.prepare()

    def _work(self) -> None:
        """Do one unit of work, and report or save what is due."""
        activity.begin(self._next_unit)
        began = time.monotonic()
        report = self._method.advance()
        activity.count_unit(self._method.epoch)
        self._next_unit = activity.UNIT if report is None else activity.FIRST_OF_EPOCH
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
        if self._stop_request.requested:
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
        self._stop_request.claim_end()
        self._save()
        self._emit(Stopped(reason, rule))
        return STOP

    def _end_epoch(self, report: EpochReport) -> None:
        tabled: dict[str, Any] = {}
        extras: dict[str, Any] = {}
        if self._group.leads:
            tabled = self._benchmark.event_fields(report.genotype)
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
                **tabled,
            )
        )
        self._epoch_seconds = 0.0
        self._save()
        if self._early_stopping is not None:
            self._reason_to_stop = self._early_stopping.reason()

    def _save(self) -> None:
        if not self._group.leads:
            return
        activity.begin("writing a checkpoint")
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
        activity.begin("writing the results")
        genotype = self._method.genotype()
        self._artifacts.genotype(genotype)
        if isinstance(self._method, DerivesVariants):
            self._artifacts.variants(self._method.variants())
        self._artifacts.weights(self._method.weights())
        costs, shape = self._context.space.costs(genotype, self._context.images.size)
        self._emit(Finished(genotype.to_json(), costs.parameters, costs.macs, str(shape)))

    def _emit(self, event: Event) -> None:
        if self._event_log is not None:
            with self._stop_request.log_lock:
                self._event_log.append(event)
            self._alarms.notice(event)


def _threads(config: RunConfig, paths: RunPaths, group: Group, before: Sample | None) -> Threads:
    """Return the CPU threads of this process. Rank 0 chooses, because all must use the same number."""
    if group.leads:
        chosen = threads_of(config, paths, before, group.local_size)
        group.broadcast(chosen.number)
        return chosen
    return Threads(group.broadcast(0))
