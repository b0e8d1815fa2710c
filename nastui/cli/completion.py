"""What the shell offers when Tab is pressed. Names come from files, without importing what describes them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from runs.catalogue.entries import Method

_RUNS_PACKAGE = Path(__file__).resolve().parents[2] / "runs"


def runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of runs, newest first, and ``latest``."""
    return _beginning(incomplete, [*_newest_first(_home(ctx) / "runs"), "latest"])


def removed_runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the runs in the trash."""
    others = ("benchmarks", "sweeps")
    return _beginning(incomplete, (name for name in _newest_first(_home(ctx) / "trash") if name not in others))


def sweeps(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of sweeps, newest first, and ``latest``."""
    return _beginning(incomplete, [*_newest_first(_home(ctx) / "sweeps"), "latest"])


def removed_sweeps(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of the sweeps in the trash."""
    return _beginning(incomplete, _newest_first(_home(ctx) / "trash" / "sweeps"))


def tables(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of imported benchmark tables."""
    return _beginning(incomplete, _stems(_home(ctx) / "benchmarks"))


def removed_tables(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the benchmark tables in the trash."""
    return _beginning(incomplete, _stems(_home(ctx) / "trash" / "benchmarks"))


def methods(incomplete: str) -> list[str]:
    """Return the names of the search methods; a method has a file of its name."""
    return _beginning(incomplete, _of_catalogue("methods"))


def methods_to_measure(incomplete: str) -> list[str]:
    """Return the names of the search methods, and ``retrain``."""
    return _beginning(incomplete, [*_of_catalogue("methods"), "retrain"])


def spaces(incomplete: str) -> list[str]:
    """Return the names of the search spaces; a space has a file of its name."""
    return _beginning(incomplete, _of_catalogue("spaces"))


def datasets(incomplete: str) -> list[str]:
    """Return the names of the data sets."""
    text = (_RUNS_PACKAGE / "catalogue" / "datasets.py").read_text(encoding="utf-8")
    return _beginning(incomplete, [*re.findall(r'^        name="(\w+)"', text, re.MULTILINE), *_of_plugins("datasets")])


def genotypes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of published genotypes, and the ids of runs."""
    text = (_RUNS_PACKAGE / "catalogue" / "library.toml").read_text(encoding="utf-8")
    published = re.findall(r'^name = "(\w+)"', text, re.MULTILINE)
    return [*_beginning(incomplete, published), *runs(ctx, incomplete)]


def presets(incomplete: str) -> list[str]:
    """Return the names of the presets of all methods; none if a plug-in cannot be imported."""
    from runs import catalogue
    from runs.errors import NastuiError

    try:
        everything = (*catalogue.methods().values(), catalogue.trainer())
    except NastuiError:
        return []
    return _beginning(incomplete, dict.fromkeys(preset.name for method in everything for preset in method.presets))


def settings(incomplete: str) -> list[str]:
    """Return the hyperparameters of the method that the line names, else of retraining, each with an equals sign.

    There are none if a plug-in cannot be imported.
    """
    from runs import catalogue
    from runs.errors import NastuiError

    # Typer has not parsed the line: its last option has no value yet. The shell hands it over in one of these.
    line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
    try:
        known = catalogue.methods()
        method = next((known[word] for word in line.split() if word in known), catalogue.trainer())
        found = hyperparameters([method])
    except NastuiError:
        return []
    return _beginning(incomplete, (f"{name}=" for name in found))


def hyperparameters(methods: Iterable[Method]) -> list[str]:
    """Return the names of the hyperparameters that methods have in any of their spaces, each once.

    Raises:
        EnvironmentLacksError: a plug-in cannot be imported.
    """
    from runs import catalogue
    from runs.catalogue.settings import describe

    joined = [catalogue.options(method, catalogue.space(name)) for method in methods for name in method.spaces]
    return list(dict.fromkeys(info.name for options in joined for info in describe(options)))


def devices(incomplete: str) -> list[str]:
    """Return the words for devices; the GPUs of this machine are not looked up."""
    return _beginning(incomplete, ("auto", "cpu", "cuda", "cuda:0"))


def statuses(incomplete: str) -> list[str]:
    """Return the statuses of runs."""
    known = "unstarted queued running stalled paused stopping stopped finished failed lost"
    return _beginning(incomplete, known.split())


def _home(ctx: typer.Context) -> Path:
    from runs.home import Home

    given = ctx.find_root().params.get("home")
    return Home.locate(Path(given) if given else None).root


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    """Return the names that begin so, each once."""
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


def _newest_first(folder: Path) -> list[str]:
    try:
        entries = list(os.scandir(folder))
        return [entry.name for entry in sorted(entries, key=lambda entry: entry.stat().st_mtime, reverse=True)]
    except OSError:
        return []


def _stems(folder: Path) -> list[str]:
    return sorted(name.removesuffix(".table") for name in _newest_first(folder) if name.endswith(".table"))


def _of_catalogue(kind: str) -> list[str]:
    files = (_RUNS_PACKAGE / "catalogue" / kind).glob("[a-z]*.py")
    return [*sorted(file.stem for file in files), *_of_plugins(kind)]


def _of_plugins(kind: str) -> list[str]:
    from importlib import metadata

    # The group is that of runs.catalogue.registry, which takes long to import: plug-ins are rare.
    if not os.environ.get("NASTUI_PLUGINS") and not metadata.entry_points(group="nastui.plugins"):
        return []
    from runs import catalogue
    from runs.errors import NastuiError

    try:
        match kind:
            case "methods":
                return [*catalogue.methods()]
            case "spaces":
                return [*catalogue.spaces()]
            case _:
                return [*catalogue.datasets()]
    except NastuiError:  # one of them cannot be imported
        return []
