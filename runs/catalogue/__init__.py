"""The catalogue: everything that a person may choose, described once, without torch.

A method, space or data set is one file with one record. Those of other people come by ``NASTUI_PLUGINS``: a comma
separated list of importable modules, each with any of ``METHOD``, ``SPACE`` and ``DATASET``.
"""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import create_model

from runs.catalogue import methods as method_files
from runs.catalogue import spaces as space_files
from runs.catalogue.datasets import DATASETS, image_folder
from runs.catalogue.entries import Dataset, Method, Preset, Space
from runs.catalogue.settings import Settings
from runs.catalogue.shared_settings import HardwareSettings, MachineSettings
from runs.catalogue.training import TRAINER
from runs.errors import EnvironmentLacksError, UsageError, closest

__all__ = [
    "TRAINER",
    "Dataset",
    "Method",
    "Preset",
    "Space",
    "dataset",
    "datasets",
    "method",
    "methods",
    "options",
    "plugins",
    "preset",
    "space",
    "spaces",
]


Entry = TypeVar("Entry", Method, Space, Dataset, Preset)


def plugins() -> tuple[str, ...]:
    """Return the names of the modules that ``NASTUI_PLUGINS`` adds to the catalogue."""
    given = os.environ.get("NASTUI_PLUGINS", "")
    return tuple(name.strip() for name in given.split(",") if name.strip())


def methods() -> dict[str, Method]:
    """Return every method by name."""
    return _collect("METHOD", method_files, Method, plugins())


def spaces() -> dict[str, Space]:
    """Return every search space by name."""
    return _collect("SPACE", space_files, Space, plugins())


def datasets() -> dict[str, Dataset]:
    """Return every data set of the catalogue by name; image folders are named by their path instead."""
    return {entry.name: entry for entry in DATASETS} | _collect("DATASET", None, Dataset, plugins())


def method(name: str) -> Method:
    """Return a search method, or the trainer by its name.

    Raises:
        UsageError: there is none of that name; the nearest is named.
    """
    return TRAINER if name == TRAINER.name else _named("method", name, methods())


def space(name: str) -> Space:
    """Return a search space, or raise as :func:`method` does."""
    return _named("space", name, spaces())


def dataset(name: str) -> Dataset:
    """Return a data set of the catalogue, or describe the image folder at a path.

    Raises:
        UsageError: neither a name of the catalogue nor a path.
        EnvironmentLacksError: a path, but no image folder.
    """
    known = datasets()
    if name in known:
        return known[name]
    if os.sep in name or os.path.isdir(name):  # noqa: PTH112  # which, unlike Path, takes a text of any length
        return image_folder(Path(name))
    raise UsageError(f"Unknown data set '{name[:80]}'.", closest(name, known) + " Or give the path of an image folder.")


def preset(of: Method, space_name: str, name: str) -> Preset:
    """Return a method's preset for a space, or raise as :func:`method` does."""
    there = {entry.name: entry for entry in of.presets if entry.space == space_name}
    if not there:
        raise UsageError(
            f"'{of.name}' does not know the space '{space_name}'.",
            f"It knows: {', '.join(of.spaces)}.",
        )
    return _named("preset", name, there)


@functools.cache
def options(of: Method, in_space: Space) -> type[Settings]:
    """Return the hyperparameters of a run: the method's, the space's and the machine's, as one flat set.

    Raises:
        UsageError: discrete networks of this space cannot be trained.
    """
    of_space = in_space.options if of.kind == "search" else in_space.network_options
    if of_space is None:
        raise UsageError(f"Networks of the space '{in_space.name}' cannot be trained.")
    shared = (of_space, HardwareSettings) if of.uses_supernet else (MachineSettings,)
    return create_model(
        f"{of.title}{in_space.title}Settings".replace("-", "").replace(" ", ""), __base__=(of.options, *shared)
    )


def _named(kind: str, name: str, known: dict[str, Entry]) -> Entry:
    if name not in known:
        raise UsageError(f"Unknown {kind} '{name[:80]}'.", closest(name, known))
    return known[name]


@functools.cache
def _collect(attribute: str, package: ModuleType | None, kind: type[Entry], extra: tuple[str, ...]) -> dict[str, Entry]:
    names = list(extra)
    if package is not None:
        names[:0] = [f"{package.__name__}.{file.name}" for file in pkgutil.iter_modules(package.__path__)]
    found: dict[str, Entry] = {}
    for name in names:
        try:
            module = importlib.import_module(name)
        except Exception as error:  # foreign code may fail in any way
            raise EnvironmentLacksError(
                f"The plugin '{name}' cannot be imported: {error}.", "Check NASTUI_PLUGINS and PYTHONPATH."
            ) from error
        entry = getattr(module, attribute, None)
        if isinstance(entry, kind):
            found[entry.name] = entry
    return found
