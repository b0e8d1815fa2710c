"""The CPU threads that the running engines of a home have, so that an engine that starts takes only the rest."""

from __future__ import annotations

import os
from dataclasses import dataclass

from runs.configuration import RunConfig
from runs.errors import NastuiError
from runs.home import Home, RunPaths
from runs.machine import cores
from runs.store.lock import is_held, owner_is_here, owner_pid, owner_threads


@dataclass(frozen=True)
class Shares:
    """What the other engines of a home have on this machine.

    Attributes:
        threads: the threads that they have been given.
        undecided: the engines that have started and not yet chosen theirs.
        pids: their processes; each leads a session.
    """

    threads: int = 0
    undecided: int = 0
    pids: frozenset[int] = frozenset()


NOBODY = Shares()


def shares(home: Home, own: RunPaths) -> Shares:
    """Return the shares of all engines but that of one run. Takes microseconds per run of the home."""
    threads, undecided, pids = 0, 0, set()
    try:
        names = os.listdir(home.runs)  # noqa: PTH208 - thousands of names, as text
    except OSError:
        return Shares()
    for name in names:
        paths = home.run(name)
        # Engines that end properly leave an empty lock file, so only few locks have to be tried.
        if name == own.root.name or not _has_owner(paths) or not is_held(paths.lock) or not owner_is_here(paths.lock):
            continue
        if (pid := owner_pid(paths.lock)) is not None:
            if not cores.meet_those_of(pid):
                continue  # it has a slot of the queue, and this run another one
            pids.add(pid)
        given = owner_threads(paths.lock) or _configured(paths)
        threads, undecided = threads + given, undecided + (given == 0)
    return Shares(threads, undecided, frozenset(pids))


def _has_owner(paths: RunPaths) -> bool:
    try:
        return os.stat(paths.lock).st_size > 0  # noqa: PTH116 - once per run of the home
    except OSError:
        return False


def _configured(paths: RunPaths) -> int:
    """Return the threads of a configuration; 0 if the engine chooses them."""
    try:
        return RunConfig.read(paths.config).threads
    except NastuiError:
        return 0
