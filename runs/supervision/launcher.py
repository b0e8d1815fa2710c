"""Starting engines and sending them requests. The only channel is the run's directory."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from runs import catalogue
from runs.benchmarks import tabular_queries
from runs.configuration import IMPORTED, Draft, RunConfig, checked_label, resolve
from runs.detached import START_SECONDS, start_detached
from runs.errors import BusyError, EnvironmentLacksError, NastuiError, NotFoundError, UsageError, closest
from runs.files import end_of, is_file, open_regular
from runs.home import Home, RunPaths, short_id
from runs.log import event_log
from runs.log.event_log import append_to_log
from runs.log.events import Failed, Stopped
from runs.log.history import Follower
from runs.machine import devices, process_tree
from runs.notify import outbox
from runs.notify import settings as notify_settings
from runs.slurm import submission
from runs.stop_rule import RuleKind, stop_rule
from runs.store import checkpoint_file, datasets, inputs, requests
from runs.store.activity import is_here, stall_of
from runs.store.labels import Labels
from runs.store.late_events import append_late
from runs.store.lock import engine_lock, is_held, is_held_for_certain, owner_is_here, owner_pid
from runs.store.queue import Queue
from runs.store.record import Record
from runs.store.requests import MethodRequest, Request
from runs.store.run_store import RunStore
from runs.store.slurm_jobs import SlurmJobs, with_job
from runs.store.status import Status, follow_status
from runs.subprocess_task import run_task

_WEIGHTS = "engine.tools.check_weights"
# Engines answer between units of work. A unit is a batch, which can take many seconds on a slow CPU.
ANSWER_SECONDS = 300.0
# The hyperparameters that decide how a data set is read.
_OF_IMAGES = ("image_size", "augmentation", "broken_images", "image_limit")
# Even if a helper process or a library does not answer, a stalled engine may stop by itself within this time.
STALLED_SECONDS = 30.0
KILL_SECONDS = 15.0


def start(store: RunStore, draft: Draft, say: Callable[[str], object] = lambda _: None) -> tuple[RunConfig, RunPaths]:
    """Check a draft, create its run and start its engine. If the draft is invalid, nothing is created.

    Args:
        store: the store in which the run is created.
        draft: the requested configuration.
        say: called with a sentence before anything that takes time.

    Raises:
        NastuiError: the draft is invalid, the data cannot be used, the home cannot be written, or the engine did not
            start.
    """
    config, paths = create(store, draft, say)
    launch(paths)
    return config, paths


def create(
    store: RunStore, draft: Draft, say: Callable[[str], object] = lambda _: None, device: str = ""
) -> tuple[RunConfig, RunPaths]:
    """Check a draft and create its run, without starting its engine.

    Arguments and errors are those of :func:`start`; ``device`` is that of :func:`runs.configuration.resolve`.
    """
    config = configured(draft, device)
    if draft.stop_when and stop_rule(draft.stop_when).kind is RuleKind.BELOW_MEDIAN:
        raise UsageError("below-median compares the runs of a sweep; this is a single run.", "Add --seeds or --grid.")
    labels = Labels(checked_label(draft.name), [checked_label(tag, "tag", 40) for tag in draft.tags])
    check_inputs([config], store, say, draft.weights)
    return config, store.create(config, labels, draft.weights)


def configured(draft: Draft, device: str = "") -> RunConfig:
    """Return the configuration of a draft, without a look at its data; ``device`` as for `resolve`.

    Raises:
        NastuiError: the draft is invalid, or its weights cannot be read.
    """
    if draft.weights is not None and not is_file(draft.weights):
        raise NotFoundError(
            f"There is no file '{str(draft.weights)[:200]}'.", "Give --weights a .safetensors or .pt file."
        )
    if draft.weights is not None:
        try:
            open_regular(draft.weights).close()
        except OSError as error:
            raise NotFoundError(f"The weights '{draft.weights}' cannot be read: {error.strerror}.") from error
    return resolve(draft, device)


def check_inputs(
    configs: Iterable[RunConfig],
    store: RunStore,
    say: Callable[[str], object] = lambda _: None,
    weights: Path | None = None,
) -> None:
    """Check that the home can be written, and that the data and the weights of runs can be used, each only once.

    Args:
        configs: of the runs.
        store: the store in which they will be created.
        say: called with a sentence before anything that takes time, and with what users should know.
        weights: the file of initial weights of all the runs, if they have one.

    Raises:
        NastuiError: a table or data set is missing or cannot be used, the weights are of another network, the home
            cannot be written, or notifications are configured wrongly.
    """
    store.home.prepare()
    notify_settings.read(store.home)
    checked = set()
    for config in configs:
        if weights is not None and (network := _network(config)) not in checked:
            checked.add(network)
            run_task(_WEIGHTS, config.model_dump_json(), str(weights.absolute()))
        tabular = tabular_queries.asks_table(catalogue.method(config.method), config.options)
        what = (config.space if tabular else "", config.dataset, *(str(config.options.get(key)) for key in _OF_IMAGES))
        if what in checked:
            continue
        checked.add(what)
        if tabular:
            tabular_queries.answers(store.home, config.space, config.dataset)
        else:
            _check_images(config, store, say)


def _network(config: RunConfig) -> tuple[str, ...]:
    """Return everything that decides the shapes of a retraining's weights."""
    options = catalogue.space(config.space).network_options
    sizes = [] if options is None else [f"{name}={config.options.get(name)}" for name in options.model_fields]
    return ("weights", config.dataset, *sizes)


def _check_images(config: RunConfig, store: RunStore, say: Callable[[str], object]) -> None:
    dataset = catalogue.dataset(config.dataset)
    if folder := dataset.images(store.home.datasets):
        say(f"Reading the images of '{folder}'.")
    options = config.options
    for remark in datasets.check(
        dataset,
        store.home,
        options.get("image_size", 0),
        streamed=options.get("augmentation") == "imagenet",
        skip_broken=options.get("broken_images") == "skip",
        at_most=options["image_limit"] if catalogue.method(config.method).samples_images else 0,
    ):
        say(remark)


def launch(
    paths: RunPaths,
    *,
    starts: int | None = None,
    gpus: Sequence[int] | None = None,
    cores: Collection[int] | None = None,
) -> int:
    """Start an engine for a run and return its process id, once it holds the run's lock.

    It has started once it holds the lock or has written an event; an exit code alone proves nothing, as it may be that
    of another program.

    Args:
        paths: of the run.
        starts: how often the run may have been started before; otherwise the engine ends without a word. None for any.
        gpus: the only GPUs that it sees, of those that we see; None for all.
        cores: the only cores that it may run on; None for all.

    Raises:
        BusyError: the run already has an engine.
        EnvironmentLacksError: the engine process cannot be started.
        UsageError: notifications are configured wrongly.
        NastuiError: it exited before it took the lock; the message has the end of its log.
    """
    if is_held_for_certain(paths.lock):
        raise BusyError(f"Run '{paths.root.name}' already has an engine.")
    notify_settings.read(Home(paths.root.parent.parent))
    requests.clear(paths.requests)
    logged = _size(paths.events)
    process = start_detached(
        "The engine",
        *("engine", str(paths.root), *([] if starts is None else [str(starts)])),
        log=paths.log,
        has_started=lambda: is_held(paths.lock),
        late=NastuiError(f"The engine has not started in {START_SECONDS:.0f} s.", f"See '{paths.log}'."),
        variables={} if gpus is None else devices.visible(gpus),
        cores=cores,
    )
    if process.exit_code is None:
        return process.pid
    worked = _size(paths.events) > logged
    if process.exit_code == 0 and (worked or starts not in (None, event_log.starts(paths.events))):
        return process.pid  # the run was so short that it has already ended, or somebody else has started it
    fault = NastuiError(f"The engine ended at once: {log_end(paths)}", f"See '{paths.log}'.")
    if not worked:
        _note_failure(paths, fault)
    raise fault


def refuse_live(record: Record) -> None:
    """Check that a run has no engine.

    Raises:
        BusyError: it has one.
    """
    if _status(record.paths).live:
        raise BusyError(f"Run '{record.id}' is running.", f"First: nastui runs stop {short_id(record.id)}")


def stop(record: Record, patience: float = ANSWER_SECONDS) -> Status:
    """Ask the engine to write a checkpoint and exit; wait for that, and return the run's status.

    A run that waits in the queue leaves it. A job of Slurm is cancelled once its engine has answered; if it had none,
    the run is lost.
    """
    home = Home(record.paths.root.parent.parent)
    queue = Queue(home)
    queue.remove({record.id})
    while record.id in queue.pending() and is_held(home.dispatcher):
        time.sleep(0.05)  # it has been given a device, and its engine is about to start
    if request_stop(record):
        try:
            status = _wait(record.paths, lambda status: not status.live, patience)
        except BusyError:
            if not submission.cancel(home, {record.id}):
                raise
        else:
            with contextlib.suppress(NastuiError):  # the job ends by itself
                submission.cancel(home, {record.id})
            return status
    else:
        submission.cancel(home, {record.id})
    status = _wait(record.paths, lambda status: not status.live, patience)
    return with_job(status, SlurmJobs(home).read().entries.get(record.id))


def request_stop(record: Record) -> bool:
    """Ask the engine to write a checkpoint and exit, without waiting for it; return whether there is one."""
    if not _status(record.paths).live:
        return False
    if Request.STOP not in requests.waiting(record.paths.requests):
        requests.send(record.paths.requests, Request.STOP)
    return True


def kill(record: Record) -> Status:
    """End the engine of a run and all its helpers at once, without a checkpoint, and return the run's status.

    Raises:
        UsageError: the engine runs on another machine.
        BusyError: the system has not ended it; a process that waits for a disk cannot be ended.
    """
    paths = record.paths
    if not _status(paths).live:
        return _status(paths)
    pid = owner_pid(paths.lock)
    if pid is None or not owner_is_here(paths.lock):
        raise UsageError(f"The engine of run '{record.id}' runs on another machine.", "Kill it there.")
    for facts in process_tree.tree(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(facts.pid, signal.SIGKILL)
    try:
        with engine_lock(paths.lock, KILL_SECONDS):  # nobody else writes the log then
            append_to_log(paths.events, Stopped("killed"))
    except BusyError as error:
        raise BusyError(
            f"The engine of run '{record.id}' was killed, but the system has not ended it in {KILL_SECONDS:.0f} s.",
            "It probably waits for a disk or a driver; it ends as soon as that answers.",
        ) from error
    return _status(paths)


def pause(record: Record, patience: float = ANSWER_SECONDS) -> Status:
    """Ask the engine to pause; it stays in memory. Wait for its answer, and return the run's status.

    Raises:
        UsageError: the run has no engine.
    """
    request_pause(record)
    return _wait(record.paths, lambda status: status is not Status.RUNNING, patience)


def request_pause(record: Record) -> None:
    """Ask the engine to pause, without waiting for it.

    Raises:
        UsageError: the run has no engine.
    """
    status = _status(record.paths)
    if not status.live:
        raise UsageError(f"Run '{record.id}' is {status}, so there is nothing to pause.")
    if status is not Status.PAUSED and Request.PAUSE not in requests.waiting(record.paths.requests):
        requests.send(record.paths.requests, Request.PAUSE)


def checkpoint(record: Record) -> None:
    """Ask the engine to write a checkpoint now.

    Raises:
        UsageError: the run has no engine.
    """
    if not _status(record.paths).live:
        raise UsageError(f"Run '{record.id}' is {_status(record.paths)}: it has no engine that could answer.")
    requests.send(record.paths.requests, Request.CHECKPOINT)


def ask(record: Record, request: str) -> None:
    """Send the engine a request that only its method answers.

    Raises:
        UsageError: the method does not know the request, or the run has no engine.
    """
    known = catalogue.method(record.head["method"]).requests
    if request not in known:
        hint = closest(request, known) if known else ""
        raise UsageError(f"'{record.head['method']}' does not support the request '{request[:80]}'.", hint)
    if not _status(record.paths).live:
        raise UsageError(f"Run '{record.id}' is {_status(record.paths)}: it has no engine that could answer.")
    requests.send(record.paths.requests, MethodRequest(request))


def resume(
    record: Record,
    patience: float = ANSWER_SECONDS,
    *,
    accept_changed_data: bool = False,
    previous_checkpoint: bool = False,
) -> Status:
    """Resume a run: wake its paused engine, or start a new one from its checkpoint, by Slurm if that had the run.

    Args:
        record: the run.
        patience: how long to wait for an engine, in seconds.
        accept_changed_data: start the engine although the data set has changed since the run began.
        previous_checkpoint: if the last checkpoint is damaged, take the one before it: see :func:`go_back`.

    Raises:
        NastuiError: as :func:`refuse_to_resume`, :func:`go_back` and :func:`launch`.
    """
    status = _status(record.paths)
    if status is Status.PAUSED:
        requests.send(record.paths.requests, Request.CONTINUE)
        return _wait(record.paths, lambda now: now is not Status.PAUSED, patience)
    if previous_checkpoint:
        go_back(record)
    refuse_to_resume(record, accept_changed_data=accept_changed_data)
    home = Home(record.paths.root.parent.parent)
    if (job := SlurmJobs(home).read().entries.get(record.id)) is not None:
        submission.resubmit(home, job)
        return Status.QUEUED
    launch(record.paths)
    return _status(record.paths)


def refuse_imported(record: Record) -> None:
    """Check that a run was not imported.

    Raises:
        UsageError: it was, so that there is no checkpoint from which an engine could continue.
    """
    if record.head["kind"] == IMPORTED:
        raise UsageError(
            f"Run '{record.id}' was imported from '{record.origin}', so there is nothing to resume.",
            "Start a search of your own, or retrain its cell.",
        )


def go_back(record: Record) -> None:
    """If the last checkpoint of a run is damaged or gone, let the one before it take its place.

    Raises:
        BusyError: the run has an engine.
        UsageError: it has no previous checkpoint, or that is damaged too, or the run was imported.
        EnvironmentLacksError: its folder cannot be written.
    """
    refuse_imported(record)
    try:
        with engine_lock(record.paths.lock):
            checkpoint_file.go_back(record.paths)
    except OSError as error:
        raise EnvironmentLacksError(f"'{record.paths.root}' cannot be written: {error.strerror}.") from error


def refuse_to_resume(record: Record, *, accept_changed_data: bool = False) -> None:
    """Check that a new engine can continue a run, and leave a note for it if it shall go on with other data.

    Raises:
        BusyError: it has an engine.
        ChangedDataError: its data set has changed, and that is not accepted.
        DamagedCheckpointError: its checkpoint is not as it was written; the error says whether there is one before it.
        EnvironmentLacksError: its data set cannot be used.
        UsageError: the run has finished, or its configuration is no longer valid.
    """
    status = _status(record.paths)
    refuse_imported(record)
    if status is Status.FINISHED:
        raise UsageError(f"Run '{record.id}' has finished.", f"To repeat it: {record.head['command']}")
    if status.live:
        is_stalled = stall_of(record.paths, live=True) is not None
        hint = f"It is stalled. To end it: nastui runs kill {short_id(record.id)}" if is_stalled else ""
        raise BusyError(f"Run '{record.id}' is {status}.", hint)
    config = RunConfig.read(record.paths.config)
    config.settings()
    checkpoint_file.check(record.paths.checkpoint)
    home = Home(record.paths.root.parent.parent)
    verified = inputs.verify(record.paths, config, home, accept_changed=accept_changed_data)
    if accept_changed_data:
        verified.accept(record.paths)


def log_end(paths: RunPaths, limit: int = 400) -> str:
    """Return the end of the engine's own output."""
    try:
        return end_of(paths.log, limit).decode(errors="replace").strip()
    except OSError:
        return ""


def _note_failure(paths: RunPaths, error: NastuiError) -> None:
    """Say in the log that the engine did not start, in its place: otherwise a new run would be queued for ever."""
    outbox.expect_end(paths)
    append_late(paths, [Failed(error.message, error.hint)])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _status(paths: RunPaths) -> Status:
    return follow_status(Follower(paths))


def _wait(paths: RunPaths, reached: Callable[[Status], bool], patience: float) -> Status:
    deadline = time.monotonic() + patience
    follower = Follower(paths)
    stalled_until = time.monotonic() + min(STALLED_SECONDS, patience)
    while not reached(status := follow_status(follower)):
        stall = stall_of(paths, live=status.live)
        if stall is not None:
            pid = stall.activity.pid
            is_suspended = is_here(stall.activity) and process_tree.suspended(pid)
            if is_suspended or time.monotonic() > stalled_until:
                run = short_id(paths.root.name)
                wake = f" To let it go on: kill -CONT {pid}." if is_suspended else ""
                raise BusyError(
                    f"Run '{paths.root.name}' is stalled: {stall.description()}.",
                    f"The request waits. See where it is: nastui runs inspect {run}.{wake} "
                    f"To end it without a checkpoint: nastui runs kill {run}; it then resumes from its last one.",
                )
        if time.monotonic() > deadline:
            raise BusyError(f"Run '{paths.root.name}' has not answered in {patience:.0f} s; it is {status}.")
        time.sleep(0.1)
    return status
