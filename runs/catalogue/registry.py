"""Every method, space and data set by name: those of the catalogue, and those of plug-ins.

A method or a space is one file with one record. A plug-in is an importable module with any of ``METHOD``, ``SPACE``
and ``DATASET``. Installed packages name theirs by entry points of the group ``nastui.plugins``, and ``NASTUI_PLUGINS``
has a comma-separated list of further ones.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import os
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from pydantic import create_model

from runs.catalogue import methods as method_files
from runs.catalogue import spaces as space_files
from runs.catalogue.datasets import DATASETS, image_folder
from runs.catalogue.entries import Dataset, Method, Preset, Space
from runs.catalogue.settings import Settings, SpaceFacts
from runs.catalogue.shared_settings import HardwareSettings, MachineSettings
from runs.catalogue.training import TRAINER
from runs.errors import EnvironmentLacksError, UsageError, closest
from runs.genotypes.kinds import OperationKind, kind_by_name

Entry = TypeVar("Entry", Method, Space, Dataset, Preset)


PLUGIN_GROUP = "nastui.plugins"
"""The group of the entry points by which packages add modules to the catalogue."""


def plugins() -> tuple[str, ...]:
    """Return the modules that extend the catalogue: those of installed packages, then those of ``NASTUI_PLUGINS``.

    If two define the same name, the later one counts.
    """
    listed = (name.strip() for name in os.environ.get("NASTUI_PLUGINS", "").split(","))
    return tuple(dict.fromkeys((*_installed(tuple(sys.path)), *filter(None, listed))))


def methods() -> dict[str, Method]:
    """Return every search method by name.

    Raises:
        EnvironmentLacksError: a plug-in cannot be imported. All look-ups by name in this module can raise it.
    """
    return _methods(plugins())


def trainer() -> Method:
    """Return the method that trains discrete networks. Its presets are the recipes of papers."""
    return _trainer(plugins())


def spaces() -> dict[str, Space]:
    """Return every search space by name."""
    return _collect("SPACE", space_files, Space, plugins())


def datasets() -> dict[str, Dataset]:
    """Return every data set of the catalogue by name. Image folders are not listed: their path is their name."""
    return {entry.name: entry for entry in DATASETS} | _collect("DATASET", None, Dataset, plugins())


def method(name: str) -> Method:
    """Return a search method, or the retraining method by its name.

    Raises:
        UsageError: unknown name; the closest match is suggested.
    """
    return trainer() if name == TRAINER.name else _named("method", name, methods())


def space(name: str) -> Space:
    """Return a search space.

    Raises:
        UsageError: unknown name; the closest match is suggested.
    """
    return _named("space", name, spaces())


def find_space(name: str) -> Space | None:
    """Return a search space, or None if it is unknown, for instance because a run's plug-in has been removed.

    A plug-in that cannot be imported is ignored here, so that logs and tables of other spaces stay readable.
    """
    return _importable_spaces(plugins()).get(name)


def dataset(name: str) -> Dataset:
    """Return a data set of the catalogue, or describe the image folder at a path.

    Raises:
        UsageError: the name is neither in the catalogue nor a path.
        EnvironmentLacksError: the path has no image folder.
    """
    known = datasets()
    if name in known:
        return known[name]
    if os.sep in name or os.path.isdir(name):  # noqa: PTH112  # which, unlike Path, takes a text of any length
        return image_folder(Path(name))
    raise UsageError(f"Unknown data set '{name[:80]}'.", closest(name, known) + " Or give the path of an image folder.")


def preset(of: Method, space_name: str, name: str) -> Preset:
    """Return a method's preset for a space.

    Raises:
        UsageError: the name is unknown (the closest match is suggested), or the method does not search the space.
    """
    known = {entry.name: entry for entry in of.presets if entry.space == space_name}
    if not known:
        raise UsageError(
            f"'{of.name}' does not support the space '{space_name}'.",
            f"Choose one of: {', '.join(of.spaces)}.",
        )
    return _named("preset", name, known)


def recipe(space_name: str, name: str, dataset_name: str) -> Preset:
    """Return the recipe for a data set that is of the same paper as a recipe.

    Args:
        space_name: the space of the genotypes.
        name: a recipe of the paper.
        dataset_name: the data set, as :attr:`runs.catalogue.entries.Dataset.recipes_of` names it. If the paper has no
            recipe for it, the recipe of that name is returned.

    Raises:
        UsageError: there is no such recipe for the space; the closest match is suggested.
    """
    known = preset(trainer(), space_name, name)
    return preset(trainer(), space_name, known.elsewhere.get(dataset_name, name))


def operation_kind(operation: str, space_name: str = "") -> OperationKind:
    """Return what an operation does.

    Args:
        operation: its name.
        space_name: the name of its space. If it is unknown or left out, any space that lists the operation decides;
            failing that, the operation's name.
    """
    known = find_space(space_name)
    if known is not None:
        return known.kind_of(operation)
    listed = (entry.kinds[operation] for entry in _importable_spaces(plugins()).values() if operation in entry.kinds)
    return next(listed, None) or kind_by_name(operation)


@functools.cache
def options(of: Method, in_space: Space) -> type[Settings]:
    """Return the hyperparameters of a run: the method's, the space's and the machine's, as one flat set.

    Raises:
        UsageError: discrete networks of this space cannot be trained.
    """
    of_space = in_space.options if of.kind == "search" else in_space.network_options
    if of_space is None:
        raise UsageError(
            f"nastui cannot train networks of the space '{in_space.name}'.",
            "Its genotypes may belong to another space.",
        )
    shared = (of_space, HardwareSettings) if of.uses_supernet else (MachineSettings,)
    model = create_model(
        f"{of.title}{in_space.title}Settings".replace("-", "").replace(" ", ""), __base__=(of.options, *shared)
    )
    network = in_space.network_options.model_fields if in_space.network_options else {}
    model.joined = SpaceFacts(
        operations=in_space.operations,
        options=frozenset(in_space.options.model_fields),
        of_supernet=frozenset(in_space.options.model_fields.keys() - network.keys()),
    )
    return model


@functools.cache
def _installed(path: tuple[str, ...]) -> dict[str, str]:
    """Return the names of the distributions on a search path by the modules that their entry points name."""
    from importlib import metadata

    found = metadata.entry_points(group=PLUGIN_GROUP)  # on sys.path, which is ``path``
    return {point.module: point.dist.name if point.dist else "" for point in found}


def _named(noun: str, name: str, known: dict[str, Entry]) -> Entry:
    if name not in known:
        raise UsageError(f"Unknown {noun} '{name[:80]}'.", closest(name, known))
    return known[name]


@functools.cache
def _methods(extra: tuple[str, ...]) -> dict[str, Method]:
    found = _collect("METHOD", method_files, Method, extra)
    return {name: _with_presets(entry, extra) for name, entry in found.items()}


@functools.cache
def _trainer(extra: tuple[str, ...]) -> Method:
    return _with_presets(TRAINER, extra)


def _with_presets(entry: Method, extra: tuple[str, ...]) -> Method:
    """Return a method with the presets that spaces add to it."""
    brought = [
        preset
        for known in _collect("SPACE", space_files, Space, extra).values()
        for preset in known.presets.get(entry.name, ())
    ]
    return dataclasses.replace(entry, presets=(*entry.presets, *brought)) if brought else entry


@functools.cache
def _importable_spaces(extra: tuple[str, ...]) -> dict[str, Space]:
    """Return every space, or those of the catalogue if a plug-in cannot be imported."""
    try:
        return _collect("SPACE", space_files, Space, extra)
    except EnvironmentLacksError:
        return _collect("SPACE", space_files, Space, ())


@functools.cache
def _collect(
    attribute: str, package: ModuleType | None, type_: type[Entry], extra: tuple[str, ...]
) -> dict[str, Entry]:
    names = list(extra)
    if package is not None:
        names[:0] = [f"{package.__name__}.{file.name}" for file in pkgutil.iter_modules(package.__path__)]
    found: dict[str, Entry] = {}
    for name in names:
        try:
            module = importlib.import_module(name)
        except Exception as error:  # foreign code may fail in any way
            owner = _installed(tuple(sys.path)).get(name)
            hint = f"Repair or uninstall the package '{owner}'." if owner else "Check NASTUI_PLUGINS and PYTHONPATH."
            raise EnvironmentLacksError(f"The plugin '{name}' cannot be imported: {error}.", hint) from error
        entry = getattr(module, attribute, None)
        if isinstance(entry, type_):
            found[entry.name] = entry
    return found
