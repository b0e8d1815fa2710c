"""Finds the genotype that a user names: by a library name, a run, a file, or the text itself."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs import catalogue
from runs.catalogue import genotype_text, library
from runs.catalogue.library import Published
from runs.configuration import IMPORTED
from runs.errors import NastuiError, NotFoundError, UsageError, closest
from runs.files import MEBIBYTE, is_file, read_regular
from runs.genotypes.genotype import Genotype, read_json
from runs.home import RunPaths
from runs.log import history
from runs.store.record import Record
from runs.store.run_head import is_training
from runs.store.run_store import RunStore
from runs.user_path import user_path


@dataclass(frozen=True)
class Found:
    """A genotype, and how it was found.

    Attributes:
        name: the library name, the file name, or the id of the run; empty for a genotype given as text.
        genotype: the genotype, checked.
        published: its entry in the library, if it has one.
        text: what to type to find it again from any folder.
        recipe: the preset that trains it as the paper of its method did, on the data set of its search if the paper has
            a recipe for that; empty if there is none.
        dataset: the data set of its run, if that recipe is for it; empty for the recipe's own.
    """

    name: str
    genotype: Genotype
    published: Published | None
    text: str
    recipe: str = ""
    dataset: str = ""


def find(typed: str, store: RunStore, *, epoch: int | None = None) -> Found:
    """Return the genotype that a user names.

    Genotype text is parsed; anything else is looked up in the library, then as a file, then among the runs.

    Args:
        typed: a library name, the id of a run or a prefix of it, ``latest``, a file, or a genotype as text; of several
            genotypes, ``RUN:NAME`` or ``FILE:NAME``.
        store: the runs.
        epoch: for a run, the genotype after this epoch instead of the last.

    Raises:
        UsageError: the text or file is not a genotype, the run has none yet, or the epoch does not exist or is given
            without a run.
        NotFoundError: nothing has that name, or several runs have.
    """
    found = _fixed(typed) or _variant(typed, store)
    if found is None:
        return _of_run(_run(typed, store), epoch)
    if epoch is not None:
        raise UsageError(f"Only runs have epochs, and '{typed[:80]}' is not a run.", "Leave out --epoch.")
    return found


def of_runs(store: RunStore) -> list[tuple[Record, Genotype]]:
    """Return the genotypes that finished searches found, newest first; logs without a valid one are skipped."""
    found = []
    for record in store.records():
        if record.status == "finished" and not is_training(record.head) and record.summary.genotype:
            with contextlib.suppress(UsageError):
                genotype = Genotype.from_json(record.summary.genotype)
                genotype_text.check(genotype)
                found.append((record, genotype))
    return found


def _fixed(typed: str) -> Found | None:
    if genotype_text.is_text(typed):
        return Found("", genotype_text.parse_text(typed), None, typed.strip())
    known = library.lookup(typed)
    if known is not None:
        return Found(known.name, known.genotype, known, known.name, known.recipe)
    try:
        file = user_path(typed)
    except NastuiError:
        return None  # it may be the id of a run
    if is_file(file):
        return Found(file.name, genotype_text.read(file), None, str(file))
    path, colon, name = str(file).rpartition(":")
    if colon and name and is_file(Path(path)):  # of several genotypes in a file
        return Found(name, genotype_text.read(Path(path), name), None, str(file))
    return None


def _variant(typed: str, store: RunStore) -> Found | None:
    """Return one of the genotypes that a run has derived beside its result, named by ``RUN:NAME``."""
    run, colon, name = typed.rpartition(":")
    if not colon:
        return None
    try:
        record = store.find(run)
    except NotFoundError:
        return None
    known = variants(record)
    if name not in known:
        hint = closest(name, known) or f"It has derived one only: leave ':{name[:80]}' out."
        raise UsageError(f"Run '{record.id}' has no genotype '{name[:80]}'.", hint)
    genotype = Genotype.from_json(known[name])
    genotype_text.check(genotype)
    return Found(f"{record.id}:{name}", genotype, None, f"{record.id}:{name}", *_recipe(record, genotype))


def variants(record: Record) -> dict[str, Any]:
    """Return the genotypes that a run has derived beside its result, as JSON by name.

    Raises:
        UsageError: the file that holds them is damaged.
    """
    try:
        text = read_regular(record.paths.variants, 16 * MEBIBYTE)
    except OSError:
        return {}
    found = read_json(text.decode(errors="replace"))
    if not isinstance(found, dict):
        raise UsageError(f"'{record.paths.variants}' does not hold genotypes by name.", "Restore it from a backup.")
    return found


def _run(typed: str, store: RunStore) -> Record:
    try:
        return store.find(typed)
    except NotFoundError:
        if typed == "latest" or any(record.id.startswith(typed) for record in store.records()):
            raise
        closest, *others = library.near(typed) or [""]
        also = f" Near, too: {', '.join(others)}." if others else ""
        raise NotFoundError(
            f"'{typed[:80]}' is not a genotype: the library has no such cell, and there is no such run or file.",
            f"Did you mean '{closest}'?{also}" if closest else "See `nastui genotype list` and `nastui runs list`.",
        ) from None


def _of_run(record: Record, epoch: int | None) -> Found:
    paths: RunPaths = record.paths
    raw = record.summary.genotype
    if epoch is not None:
        epochs = {ended.epoch: ended.genotype for ended in history.load(paths).epochs}
        if epoch not in epochs:
            last = f"It has {max(epochs)} epochs." if epochs else "It has no epoch yet."
            raise UsageError(f"Run '{record.id}' has no epoch {epoch}.", last)
        raw = epochs[epoch]
    if raw is None:
        raise UsageError(f"Run '{record.id}' has no genotype yet.", "It has one after its first epoch.")
    genotype = Genotype.from_json(raw)
    genotype_text.check(genotype)
    return Found(record.id, genotype, None, record.id, *_recipe(record, genotype))


def _recipe(record: Record, genotype: Genotype) -> tuple[str, str]:
    """Return the recipe for the genotype of a run, and the run's data set if the recipe is for that."""
    head, space = record.head, genotype.space
    trained = is_training(head) and head["kind"] != IMPORTED  # whose preset is no recipe
    method = catalogue.methods().get(head["method"])  # its plug-in may have been removed
    name: str = head["preset"] if trained else method.recipes.get(space, "") if method else ""
    with contextlib.suppress(NastuiError):  # its preset and its image folder, too
        data = _data(record)
        known = catalogue.preset(catalogue.trainer(), space, name) if trained else catalogue.recipe(space, name, data)
        return known.name, head["dataset"] if known.suits(data) else ""
    return name, ""


def _data(record: Record) -> str:
    """Return the data set whose recipes fit a run: on an image folder, ImageNet if its preset was made for that."""
    head = record.head
    if head["kind"] == IMPORTED:
        return str(head["dataset"])
    preset = catalogue.preset(catalogue.method(head["method"]), head["space"], head["preset"])
    if head["dataset"] not in catalogue.datasets() and preset.dataset == "imagenet":
        return preset.dataset
    return catalogue.dataset(head["dataset"]).recipes_of
