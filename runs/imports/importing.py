"""Imports a file of a public repository: reads it, and writes what it holds as a run."""

from __future__ import annotations

import hashlib
import json
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runs import catalogue
from runs.catalogue import library
from runs.configuration import RunConfig
from runs.errors import NotFoundError, UsageError
from runs.files import MEBIBYTE, copy_regular, is_folder, open_regular
from runs.genotypes.costs import Shape
from runs.genotypes.genotype import Genotype
from runs.home import RunPaths, short_id
from runs.imports import log_text, printed_arguments, writer
from runs.imports.findings import Findings, FoundEpoch
from runs.imports.formats import alphas
from runs.imports.formats.registry import Format
from runs.store.find_genotype import find
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from runs.subprocess_task import run_task

# Of the options of a network, those that only its training needs.
_OF_TRAINING = ("auxiliary", "auxiliary_weight", "auxiliary_norm", "drop_path")
# Of torch, of its older versions, and of NumPy.
_BEGINNINGS = (b"PK\x03\x04", b"\x80", b"\x93NUMPY")


@dataclass(frozen=True)
class Imported:
    """A run that was imported, and what it was made from.

    Attributes:
        parameters: of the network whose weights were imported; None if there were none.
        settings: the size of that network, under the names of the space's ``network_options``.
    """

    config: RunConfig
    paths: RunPaths
    findings: Findings
    of: Format
    parameters: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def test_command(self) -> str:
        """Return the command that tests the imported weights on the test set of their data set."""
        space, dataset = self.config.space, self.config.dataset
        words = ["nastui", "retrain", short_id(self.config.id), "--dataset", dataset]
        values: Mapping[str, Any] = {}
        if recipe := self.of.recipes.get(space):
            preset = catalogue.recipe(space, recipe, catalogue.dataset(dataset).recipes_of)
            words += ["--preset", preset.name]
            values = preset.values
        words += ["--weights", str(self.paths.weights), "--set", "evaluate_only=true"]
        for name, value in self.settings.items():
            if name not in _OF_TRAINING and values.get(name) != value:
                words += ["--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
        return shlex.join(words)


def import_file(
    path: Path, of: Format, store: RunStore, *, labels: Labels | None = None, dataset: str = "", genotype: str = ""
) -> Imported:
    """Import a file as a new run. If it cannot be imported, nothing is created.

    Args:
        path: the file.
        of: its format.
        store: in which the run is created.
        labels: name and tags of the run.
        dataset: the data set, if the file does not name it or is wrong.
        genotype: what a user types for the genotype to which weights belong, if no cell of the library fits.

    Raises:
        NotFoundError: there is no such file, or it cannot be read.
        UsageError: it is not of the format, is damaged, or holds nothing to import; or there is no such data set.
        EnvironmentLacksError: the home cannot be written, the disk is full, or the data set's folder has no images.
    """
    if dataset:
        dataset = catalogue.dataset(dataset).name
    if is_folder(path):
        raise UsageError(f"'{path}' is a folder.", "Name the log, the checkpoint or the file of alphas in it.")
    labels = (labels or Labels()).checked()
    digest = _digest(path)
    given = find(genotype, store).genotype if genotype else None
    with tempfile.TemporaryDirectory() as folder:
        network: Mapping[str, Any] = {}
        if _is_binary(path):
            findings, network = read_tensors(path, of, Path(folder), dataset, given)
        elif genotype:
            raise UsageError("Only weights belong to a genotype, and this is a log.", "Leave --genotype out.")
        else:
            findings = read_log(path, of)
        if findings.seed is None:
            findings.remarks.append("The file does not name the seed: 0 is noted.")
        findings.dataset = dataset or findings.dataset
        options = {"dataset": dataset, "genotype": genotype}
        words = [word for name, value in options.items() if value for word in (f"--{name}", value)]
        command = shlex.join(["nastui", "import", str(path), "--as", of.name, *words])
        source = writer.Source(_storable(path.name), digest, of.name, _storable(command))

        def take_over(paths: RunPaths) -> None:
            for file in (paths.weights, paths.network):
                if (written := Path(folder) / file.name).exists():
                    copy_regular(written, file)

        config, paths = writer.write(store, findings, source, labels, take_over)
    return Imported(config, paths, findings, of, network.get("parameters"), network.get("settings", {}))


def read_log(path: Path, of: Format) -> Findings:
    """Return what a log holds.

    Raises:
        NotFoundError: it cannot be read.
        UsageError: it is not a log of the repository, or is too long.
    """
    parser = of.log()
    findings = parser.parse(log_text.read(path))
    findings.arguments = printed_arguments.decisive(parser.arguments)
    if not findings.epochs and findings.genotype is None:
        raise UsageError(
            f"'{path}' has no epoch and no genotype in the form of {of.repository}.",
            "Another format may fit: see `nastui import --help`.",
        )
    return findings


def read_tensors(
    path: Path, of: Format, folder: Path, dataset: str, genotype: Genotype | None
) -> tuple[Findings, Mapping[str, Any]]:
    """Return what a file of tensors holds: architecture parameters, or weights, which are written into a folder.

    It is read in another process, as that needs torch. The second value is what that process says of a network.

    Raises:
        UsageError: it is damaged, would run code, or holds neither in the form of the repository.
    """
    request = {
        "genotypes": _candidates(of) if genotype is None else [_candidate("", genotype, is_likely=True)],
        "is_given": genotype is not None,
        "dataset": dataset,
        "recipes": dict(of.recipes),
        "folder": str(folder),
    }
    read = run_task("engine.tools.import_tensors", str(path.absolute()), json.dumps(request))
    if "alphas" in read:
        return alphas.findings(of.name, alphas.Parameters(**read["alphas"])), {}
    return _trained(of, read["weights"]), read["weights"]


def _trained(of: Format, weights: dict[str, Any]) -> Findings:
    genotype = Genotype.from_json(weights["genotype"])
    metrics = {} if weights["accuracy"] is None else {"test_accuracy": weights["accuracy"]}
    found = Findings(
        method=of.name,
        space=genotype.space,
        dataset=weights["dataset"],
        epochs=[FoundEpoch(metrics=metrics, genotype=genotype)],
        genotype=genotype,
        shape=Shape(**weights["shape"]),
        is_training=True,
    )
    if weights["name"]:
        found.remarks.append(f"The weights fit the cell '{weights['name']}' of the library, which is taken.")
    if weights["epoch"] is not None:
        found.remarks.append(f"The weights are those after epoch {weights['epoch']:g}.")
    return found


def _candidates(of: Format) -> list[dict[str, Any]]:
    return [_candidate(cell.name, cell.genotype, is_likely=cell.method == of.cells) for cell in library.published()]


def _candidate(name: str, genotype: Genotype, *, is_likely: bool) -> dict[str, Any]:
    return {"name": name, "genotype": genotype.to_json(), "is_likely": is_likely}


def _is_binary(path: Path) -> bool:
    """Return whether a file starts like an archive, a pickle or an array, which no log does."""
    with open_regular(path) as stream:
        return stream.read(6).startswith(_BEGINNINGS)


def _storable(text: str) -> str:
    """Return a text without the bytes of file names that are not text, which JSON cannot hold."""
    return text.encode(errors="replace").decode()


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    try:
        with open_regular(path) as stream:
            while block := stream.read(MEBIBYTE):
                total.update(block)
    except OSError as error:
        raise NotFoundError(f"'{path}' cannot be read: {error.strerror}.") from error
    return total.hexdigest()
