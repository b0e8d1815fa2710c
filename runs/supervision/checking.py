"""Checking what a new run needs before it is created: its draft, its data, its weights and the home."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from runs import catalogue
from runs.benchmarks import tabular_queries
from runs.configuration import Draft, RunConfig, resolve
from runs.errors import NotFoundError
from runs.files import is_file, open_regular
from runs.notify import settings as notify_settings
from runs.store import datasets
from runs.store.run_store import RunStore
from runs.subprocess_task import run_task

_WEIGHTS = "engine.tools.check_weights"
# The hyperparameters that decide how a data set is read.
_OF_IMAGES = ("image_size", "augmentation", "broken_images", "image_limit")


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
        tabular = config.asks_table()
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
