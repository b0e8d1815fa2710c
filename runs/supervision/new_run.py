"""A new run: checked, created, and started at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runs.configuration import Draft, RunConfig, checked_label
from runs.errors import UsageError
from runs.files import copy_regular
from runs.home import RunPaths
from runs.stop_rule import RuleKind, stop_rule
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from runs.supervision.checking import check_inputs, configured
from runs.supervision.launching import launch


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
    return config, create_directory(store, config, labels, draft.weights)


def create_directory(store: RunStore, config: RunConfig, labels: Labels, weights: Path | None) -> RunPaths:
    """Create the directory of a run that has been checked, with a copy of its initial weights if it has any.

    Raises:
        NastuiError: as :meth:`runs.store.run_store.RunStore.create`.
    """

    def copy_weights(directory: RunPaths) -> None:
        if weights is not None:
            copy_regular(weights, directory.root / config.weights)

    return store.create(config, labels, copy_weights)
