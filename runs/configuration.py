"""The configuration of a run: complete and checked before the run starts, and never changed."""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
import platform
import re
import secrets
import shlex
import subprocess
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from runs import catalogue, toml_file
from runs.catalogue import Dataset, Method, Preset, Space
from runs.catalogue.settings import Settings, validate
from runs.errors import UsageError, closest
from runs.files import MEBIBYTE, read_regular, replace_text
from runs.machine import devices
from runs.stop_rule import RuleKind, stop_rule

SCHEMA_VERSION = 1
NAME_LIMIT = 80
# The kind and the preset of runs that were imported: their settings are those of a public script, under its names.
IMPORTED: Final = "imported"


class RunConfig(BaseModel):
    """Everything that decides what a run computes, with all defaults resolved. Written once, never changed.

    A retraining has the ``genotype`` that it trains, and its ``origin`` in words. An imported run has the name of its
    file there, and the arguments of a public script as ``options``. ``weights`` names the file in the run
    directory with the initial weights, if the run does not start from scratch. ``sweep`` is the id of the sweep that it
    belongs to, and ``stop_when`` the rule by which it stops early (:mod:`runs.stop_rule`), or empty.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = SCHEMA_VERSION
    id: str
    kind: Literal["search", "retrain", "imported"] = "search"
    method: str
    space: str
    dataset: str
    preset: str
    seed: int = Field(ge=0, lt=2**63)
    device: str
    options: dict[str, Any]
    genotype: dict[str, Any] | None = None
    origin: str = ""
    weights: str = ""
    sweep: str = ""
    stop_when: str = ""
    created: str
    command: str
    environment: dict[str, str]
    plugins: tuple[str, ...] = ()

    def settings(self) -> Settings:
        """Return the typed hyperparameters.

        Raises:
            UsageError: the file was edited and has values that the catalogue does not allow, or the run was imported.
        """
        if self.kind == IMPORTED:
            raise UsageError(f"Run '{self.id}' was imported: it has no hyperparameters of nastui.")
        return validate(self._model, self.options, "config.json")

    def defaults(self) -> dict[str, Any]:
        """Return the default of every hyperparameter, also of those that the version of the run lacked.

        An imported run has none.

        Raises:
            NastuiError: the method or the space is of a plug-in that has been removed.
        """
        if self.kind == IMPORTED:
            return {}
        return {name: field.default for name, field in self._model.model_fields.items()}

    def asks_table(self) -> bool:
        """Return whether the run looks up results in a benchmark table, and so needs no images.

        Raises:
            NotFoundError: the method is of a plug-in that has been removed.
        """
        return catalogue.method(self.method).asks_table(self.options)

    @property
    def threads(self) -> int:
        """The CPU threads of all processes of the run on a machine; 0 if its engine chooses them."""
        given = self.options.get("threads")
        return given if isinstance(given, int) else 0

    @property
    def _model(self) -> type[Settings]:
        return catalogue.options(catalogue.method(self.method), catalogue.space(self.space))

    def write(self, path: Path) -> None:
        """Write the configuration to a file."""
        replace_text(path, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> RunConfig:
        """Read a configuration.

        Raises:
            UsageError: the file is missing, is not valid JSON or not a configuration; the message names the key.
        """
        try:
            return cls.model_validate_json(read_regular(path, 16 * MEBIBYTE))
        except OSError as error:
            raise UsageError(f"'{path}' cannot be read: {error.strerror}.") from error
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"]) or "the file"
            raise UsageError(
                f"'{path}' is not a run configuration: {where}: {fault['msg']}.",
                "Start a new run with the command of `nastui runs show`, or remove this one.",
            ) from error


class Draft(BaseModel):
    """What a user typed: by options, by a TOML file, or in the form. Nothing is resolved yet.

    A retraining names the method ``retrain`` and has a genotype: its JSON, its origin in words, what to type for it,
    the preset of its paper, and the data set on which that trains it if it is not the preset's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    genotype: dict[str, Any] | None = None
    origin: str = ""
    typed: str = ""
    recipe: str = ""
    searched: str = ""
    weights: Path | None = None
    space: str | None = None
    dataset: str | None = None
    preset: str | None = None
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    device: str = "auto"
    name: str = ""
    tags: tuple[str, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    stop_when: str = ""
    source: str = "--set"

    @field_validator("seed", mode="before")
    @classmethod
    def _no_boolean(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("must be a whole number, not true or false")
        return value


# Values that commands set; users never type them.
_NEVER_TYPED = ("source", "genotype", "origin", "typed", "recipe", "searched", "weights")


class CatalogueEntries:
    """The catalogue entries that a draft names: the method, its space, preset and data set.

    Raises:
        UsageError: an unknown name; the closest match is suggested.
        EnvironmentLacksError: the data set names a folder that is not an image folder.
    """

    def __init__(self, draft: Draft) -> None:
        self.method: Method = catalogue.method(draft.method)
        if (draft.genotype is None) == (self.method.kind == "retrain"):
            raise UsageError(
                "Only a retraining starts from a genotype, and it needs one.", "See `nastui retrain --help`."
            )
        space = draft.space or self.method.spaces[0] if draft.genotype is None else draft.genotype["space"]
        self.space: Space = catalogue.space(space)
        preset, dataset = draft.preset or "paper", draft.dataset
        if self.method.kind == "retrain" and preset == "paper":
            # Each paper has its own recipes. A genotype from no paper gets the recipes of its space.
            preset, dataset = draft.recipe or self._presets()[0], dataset or draft.searched
            if draft.dataset is not None:
                preset = catalogue.recipe(self.space.name, preset, catalogue.dataset(draft.dataset).recipes_of).name
        self.preset: Preset = catalogue.preset(self.method, self.space.name, preset)
        self.dataset: Dataset = catalogue.dataset(dataset or self.preset.dataset)
        self.options: type[Settings] = catalogue.options(self.method, self.space)

    def _presets(self) -> list[str]:
        return [entry.name for entry in self.method.presets if entry.space == self.space.name] or ["paper"]


def resolve(draft: Draft, device: str = "") -> RunConfig:
    """Check a draft and fill in every default. Nothing is written.

    Args:
        draft: what was typed.
        device: on which the run will compute, if that is another machine's; empty for the one that the draft names.

    Raises:
        UsageError: a name or value that the catalogue does not allow.
        EnvironmentLacksError: there is no such device, or the data set names a folder that is not an image folder.
    """
    entries = CatalogueEntries(draft)
    values = {**entries.options.adapted(entries.preset.values, draft.options), **draft.options}
    check_gpus(entries.method, entries.options, values)
    options = validate(entries.options, values, draft.source).model_dump()
    if draft.stop_when and stop_rule(draft.stop_when).kind is RuleKind.COLLAPSE and entries.method.kind == "retrain":
        raise UsageError("A retraining cannot collapse: its architecture is fixed.", "Try --stop-when plateau:10")
    seed = entries.preset.seed if draft.seed is None else draft.seed
    return RunConfig(
        id=f"{secrets.token_hex(4)}-{entries.method.name}-{entries.space.name}",
        kind=entries.method.kind,
        method=entries.method.name,
        space=entries.space.name,
        dataset=entries.dataset.name,
        preset=entries.preset.name,
        seed=seed,
        device=device or devices.resolve(draft.device),
        options=options,
        genotype=draft.genotype,
        origin=draft.origin,
        weights=f"initial{draft.weights.suffix}" if draft.weights else "",
        stop_when=draft.stop_when,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        command=command(entries, seed, draft),
        environment=software(),
        plugins=catalogue.plugins(),
    )


def check_gpus(method: Method, options: type[Settings], values: Mapping[str, Any]) -> None:
    """Check that a method can use several processes, if the values ask for them.

    Args:
        method: of the run.
        options: the hyperparameters of the run.
        values: some of them, as typed or resolved.

    Raises:
        UsageError: the method works in one process.
    """
    if "gpus" in values and "gpus" not in options.model_fields:
        raise UsageError(f"{method.title} trains no shared weights, so it cannot use several GPUs.", "Leave gpus out.")


def command(entries: CatalogueEntries, seed: int, draft: Draft) -> str:
    """Return the command line that reproduces a draft."""
    if entries.method.kind == "retrain":
        words = ["nastui", "retrain", draft.typed]
    else:
        words = ["nastui", "search", entries.method.name, "--space", entries.space.name]
    words += ["--dataset", entries.dataset.name, "--preset", entries.preset.name, "--seed", str(seed)]
    for key, value in draft.options.items():
        words += ["--set", f"{key}={str(value).lower() if isinstance(value, bool) else value}"]
    if draft.weights is not None:
        words += ["--weights", str(draft.weights)]
    if draft.device != "auto":
        words += ["--device", draft.device]
    if draft.stop_when and stop_rule(draft.stop_when).kind is not RuleKind.BELOW_MEDIAN:  # which needs other runs
        words += ["--stop-when", draft.stop_when]
    return shlex.join(words)


def read_toml(path: Path, also: Sequence[str] = ()) -> dict[str, Any]:
    """Read a configuration file: keys of :class:`Draft`, hyperparameters under ``[options]``.

    Args:
        path: the file.
        also: further keys that it may have.

    Raises:
        UsageError: it cannot be read, is not valid TOML, or has an unknown key; the closest match is suggested.
    """
    try:
        raw = toml_file.read(path)
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UsageError(f"'{path}' is not valid TOML: {error}.") from error
    allowed = [*(name for name in Draft.model_fields if name not in _NEVER_TYPED), *also]
    for key in raw:
        if key not in allowed:
            raise UsageError(f"Unknown key '{key}' in {path}.", closest(key, allowed))
    return raw


def draft_from(values: Mapping[str, Any]) -> Draft:
    """Return a draft of checked values.

    Raises:
        UsageError: a value has the wrong type; the message names it.
    """
    try:
        return Draft.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError(_explain(error.errors()[0]), "See `nastui search --help`.") from error


# What a value of a draft must be, by the type of pydantic's error.
_EXPECTED = {
    "string_type": "text",
    "dict_type": "a table",
    "tuple_type": "a list",
    "greater_than_equal": "between 0 and 2^63-1",
    "less_than": "between 0 and 2^63-1",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "between 0 and 2^63-1",
}


def _explain(fault: Any) -> str:
    """Return one of pydantic's errors about a draft as a sentence."""
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"{key} is missing."
    value = fault.get("input")
    shown = repr(str(value)[:80]) if isinstance(value, str) else str(value)[:80]
    if expected := _EXPECTED.get(fault["type"]):
        return f"{key} must be {expected}, got {shown}."
    return f"{key} {fault['msg'].removeprefix('Value error, ')}, got {shown}."


def checked_label(text: str, what: str = "name", limit: int = NAME_LIMIT) -> str:
    """Return a name, tag or note after checking that it may be shown and stored.

    Raises:
        UsageError: it has control characters, or is too long. Anything else, including markup and emoji, is plain text.
    """
    if len(text) > limit:
        raise UsageError(f"The {what} must have at most {limit} characters, got {len(text):,}.", "Shorten it.")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cf") and character != "\u200d" for character in text):
        raise UsageError(f"The {what} contains control characters.", "Use plain text.")
    if what == "tag" and (not text or re.search(r"\s", text)):
        raise UsageError(f"'{text}' is not a tag.", "A tag is one word.")
    return text.strip()


@functools.cache
def software() -> dict[str, str]:
    """Return the versions of Python, of nastui and of the libraries that decide its results."""
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for package in ("nastui", "torch", "torchvision"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    if commit := _git_commit(Path(__file__).parent):
        versions["commit"] = commit
    return versions


def _git_commit(folder: Path) -> str:
    """Return the commit of nastui's own checkout; empty if nastui is installed as a package."""
    if not (folder.parent / ".git").exists():
        return ""
    try:
        described = subprocess.run(
            # Read only: the index lock must not be taken, or it could be left behind when this process is killed.
            ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return described.stdout.strip()
