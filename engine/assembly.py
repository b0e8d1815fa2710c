"""From a configuration to a method that is ready to work: data, device, space and settings put together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.data.sources import Load, Source, load
from engine.loading import attribute
from engine.method import Context, Method
from engine.runtime import Runtime
from runs import catalogue
from runs.catalogue.groups import HardwareSettings
from runs.configuration import RunConfig
from runs.events import Event, Started


def assemble(
    config: RunConfig, root: Path, emit: Callable[[Event], None], loader: Load = load
) -> tuple[Context, Method]:
    """Return the context of a run and its method, neither begun nor resumed.

    Args:
        config: the run's configuration.
        root: where downloaded data sets lie.
        emit: told that the engine has started, as soon as it knows its machine, and what the method says later.
        loader: opens a part of the data set.

    Raises:
        NastuiError: the configuration, the data or the device cannot be used.
    """
    settings = config.settings()
    assert isinstance(settings, HardwareSettings)
    runtime = Runtime(
        device=config.device,
        seed=config.seed,
        threads=settings.threads,
        precision=settings.precision,
        channels_last=settings.channels_last,
    )
    emit(Started(runtime.environment()))
    dataset, entry = catalogue.dataset(config.dataset), catalogue.space(config.space)
    images = Source(dataset, root, settings, runtime, loader)
    space = attribute(entry.engine)(entry, settings, dataset.classes)
    context = Context(config, settings, dataset, images, space, runtime, emit)
    method: Method = attribute(catalogue.method(config.method).engine)(context)
    return context, method
