"""Starting a single run through the queue, or as a job of Slurm."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from runs.configuration import Draft, RunConfig
from runs.fleet import queueing
from runs.home import RunPaths
from runs.slurm import submission
from runs.slurm.profile import Target
from runs.store.run_store import RunStore
from runs.supervision import new_run
from runs.supervision.checking import configured


def start_queued(
    store: RunStore, draft: Draft, say: Callable[[str], object] = lambda _: None, *, per_device: int = 1
) -> tuple[RunConfig, RunPaths]:
    """Create a run and put it at the end of the queue.

    Args:
        store: where the run is created.
        draft: of the run.
        say: called with a sentence before anything that takes time.
        per_device: how many runs may share its GPU.

    Raises:
        NastuiError: as :func:`runs.supervision.new_run.create`, or the queue cannot be written.
    """
    config, paths = new_run.create(store, draft, say)
    any_gpu = queueing.takes_any_gpu(draft.device)
    queueing.enqueue(store.home, [queueing.entry(paths, config, any_gpu=any_gpu, per_device=per_device)])
    return config, paths


def start_submitted(
    store: RunStore, draft: Draft, target: Target, say: Callable[[str], object] = lambda _: None
) -> tuple[RunConfig, RunPaths]:
    """Create a run and submit it to Slurm. If Slurm refuses it, nothing is left.

    Args:
        store: where the run is created.
        draft: of the run.
        target: where in Slurm it is to work.
        say: called with a sentence before anything that takes time.

    Raises:
        NastuiError: as :func:`runs.supervision.new_run.create`, :meth:`runs.slurm.profile.Target.request` and
            :func:`runs.slurm.submission.submit`.
    """
    submission.check_available()
    device = target.device(draft.device)
    request = target.request([configured(draft, device)])
    config, paths = new_run.create(store, draft, say, device)
    try:
        submission.submit(store.home, [config.id], request)
    except BaseException:
        shutil.rmtree(paths.root, ignore_errors=True)  # nothing has started
        raise
    return config, paths
