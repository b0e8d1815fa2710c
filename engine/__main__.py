"""``python -P -m engine RUN_DIRECTORY [STARTS]``: the engine process of one run, or one of several that share it.

With a number of starts, it works only if the run has been started exactly so often before: see `runs.fleet.dispatcher`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from engine.core import activity, local_launcher, slurm_step, stop_signals
from engine.core.stacks import write_stacks_on_signal
from engine.core.stop_signals import StopRequest
from runs.configuration import RunConfig
from runs.errors import NastuiError, UsageError
from runs.home import RunPaths
from runs.log.event_log import append_to_log, starts
from runs.log.events import Stopped
from runs.machine import cores
from runs.notify import outbox
from runs.notify.outbox import OutboxEntry
from runs.store.lock import engine_lock

_PATIENCE_SECONDS = 30.0  # while another process sends an alarm of the run


def main(arguments: list[str]) -> int:
    """Hold the run's lock and work. Slow imports come after the lock, so that viewers immediately see that it runs."""
    stop_signals.block()
    paths = RunPaths(Path(arguments[0]).absolute())
    if "SLURM_STEP_ID" in os.environ:
        os.environ |= slurm_step.variables(os.environ, _processes(paths))
    rank = local_launcher.rank()
    if local_launcher.is_supervised():
        local_launcher.exit_with_parent()
    ending: OutboxEntry | None = None
    try:
        if local_launcher.is_under_torchrun() and rank is None and (size := _processes(paths)) > 1:
            raise UsageError(
                f"torchrun has started one process, but the run has gpus={size}.",
                f"Start {size}, for example by --nproc-per-node {size}, or start the engine without torchrun.",
            )
        # One of several processes holds the lock: the one that launched them, or rank 0 if torchrun did.
        holds_lock = not local_launcher.is_supervised() and not rank
        with engine_lock(paths.lock) if holds_lock else contextlib.nullcontext():
            if holds_lock and len(arguments) > 1 and starts(paths.events) != int(arguments[1]):
                return 0
            ending = outbox.expect_end(paths) if holds_lock else None
            if rank is None and (size := _processes(paths)) > 1:
                return local_launcher.launch(paths, size)
            write_stacks_on_signal(paths.stacks(rank or 0))
            before = cores.sample()
            stop = StopRequest()
            if not rank:  # rank 0 tells the others
                activity.open_file(paths.activity)
                stop.listen(lambda: append_to_log(paths.events, Stopped("terminated")))
            with _few_collections():
                from engine import process

            return process.run(paths.root, stop, before)
    except NastuiError as error:
        with contextlib.suppress(OSError):  # a disk that is full
            sys.stderr.write(f"{error}\n")
        return error.exit_code
    finally:
        if ending is not None:
            _tell_end(paths, ending)


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """Import without garbage collections, and keep what is imported out of later ones.

    Imports make hundreds of thousands of objects that stay; looking through them took a quarter of the start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _tell_end(paths: RunPaths, ending: OutboxEntry) -> None:
    """Send the messages about the end of the run, now that the lock is free and everybody can see how it ended."""
    from runs.log.events import Warned
    from runs.notify.telling import deliver
    from runs.store.late_events import append_late

    try:
        faults = deliver(ending, patience=_PATIENCE_SECONDS)
    except (NastuiError, OSError) as error:
        faults = [f"The end of the run could not be told: {error}"]
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if faults:
        append_late(paths, [Warned("notify", fault) for fault in faults])


def _processes(paths: RunPaths) -> int:
    """Return the number of processes for a run; 1 if its configuration cannot be read, which the worker reports."""
    try:
        return int(RunConfig.read(paths.config).options.get("gpus", 1))
    except (NastuiError, ValueError, TypeError):
        return 1


if __name__ == "__main__":
    _code = main(sys.argv[1:])
    if local_launcher.rank() is not None:
        local_launcher.exit_at_once(_code)
    sys.exit(_code)
