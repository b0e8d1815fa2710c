"""Launching the engine of a run as a process of its own. The only channel to it is the run's directory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from runs.detached import START_SECONDS, start_detached
from runs.errors import BusyError, NastuiError
from runs.home import Home, RunPaths
from runs.log import event_log
from runs.log.events import Failed
from runs.machine import devices
from runs.notify import outbox
from runs.notify import settings as notify_settings
from runs.store import requests
from runs.store.engine_output import output_end
from runs.store.late_events import append_late
from runs.store.lock import is_held, is_held_for_certain


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
    fault = NastuiError(f"The engine ended at once: {output_end(paths)}", f"See '{paths.log}'.")
    if not worked:
        _note_failure(paths, fault)
    raise fault


def _note_failure(paths: RunPaths, error: NastuiError) -> None:
    """Say in the log that the engine did not start, in its place: otherwise a new run would be queued for ever."""
    outbox.expect_end(paths)
    append_late(paths, [Failed(error.message, error.hint)])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
