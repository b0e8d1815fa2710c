"""Resuming a run: whether it may go on, from which checkpoint, and with which data."""

from __future__ import annotations

from runs.configuration import IMPORTED, RunConfig
from runs.errors import BusyError, EnvironmentLacksError, UsageError
from runs.home import Home, short_id
from runs.slurm import submission
from runs.store import checkpoint_file, input_check, requests
from runs.store.activity import stall_of
from runs.store.lock import engine_lock
from runs.store.record import Record
from runs.store.requests import Request
from runs.store.slurm_jobs import SlurmJobs
from runs.store.status import Status, current_status
from runs.supervision.answers import ANSWER_SECONDS, wait_for
from runs.supervision.launching import launch


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
    status = current_status(record.paths)
    if status is Status.PAUSED:
        requests.send(record.paths.requests, Request.CONTINUE)
        return wait_for(record.paths, lambda now: now is not Status.PAUSED, patience)
    if previous_checkpoint:
        go_back(record)
    refuse_to_resume(record, accept_changed_data=accept_changed_data)
    home = Home(record.paths.root.parent.parent)
    if (job := SlurmJobs(home).read().entries.get(record.id)) is not None:
        submission.resubmit(home, job)
        return Status.QUEUED
    launch(record.paths)
    return current_status(record.paths)


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
    status = current_status(record.paths)
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
    verified = input_check.verify(record.paths, config, home, accept_changed=accept_changed_data)
    if accept_changed_data:
        verified.accept(record.paths)
