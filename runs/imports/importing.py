"""Imports a file of a public repository: reads it, and writes what it holds as a run."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from runs.configuration import RunConfig
from runs.errors import NotFoundError, UsageError
from runs.files import MEBIBYTE, is_folder, open_regular
from runs.home import RunPaths
from runs.imports import log_text, printed_arguments, writer
from runs.imports.findings import Findings
from runs.imports.formats import alphas
from runs.imports.formats.registry import Format
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from runs.subprocess_task import run_task

# Of torch, of its older versions, and of NumPy.
_BEGINNINGS = (b"PK\x03\x04", b"\x80", b"\x93NUMPY")


@dataclass(frozen=True)
class Imported:
    """A run that was imported, and what it was made from."""

    config: RunConfig
    paths: RunPaths
    findings: Findings


def import_file(
    path: Path, of: Format, store: RunStore, *, labels: Labels | None = None, dataset: str = ""
) -> Imported:
    """Import a file as a new run. If it cannot be imported, nothing is created.

    Args:
        path: the file.
        of: its format.
        store: in which the run is created.
        labels: name and tags of the run.
        dataset: the data set, if the file does not name it or is wrong.

    Raises:
        NotFoundError: there is no such file, or it cannot be read.
        UsageError: it is not of the format, is damaged, or holds nothing to import.
        EnvironmentLacksError: the home cannot be written, or the disk is full.
    """
    if is_folder(path):
        raise UsageError(f"'{path}' is a folder.", "Name the log, the checkpoint or the file of alphas in it.")
    labels = (labels or Labels()).checked()
    digest = _digest(path)
    findings = read_alphas(path, of) if _is_binary(path) else read_log(path, of)
    if findings.seed is None:
        findings.remarks.append("The file does not name the seed: 0 is noted.")
    findings.dataset = dataset or findings.dataset
    words = ["nastui", "import", str(path), "--as", of.name, *(["--dataset", dataset] if dataset else [])]
    source = writer.Source(path.name, digest, of.name, shlex.join(words))
    config, paths = writer.write(store, findings, source, labels)
    return Imported(config, paths, findings)


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


def read_alphas(path: Path, of: Format) -> Findings:
    """Return what a file of architecture parameters holds. It is read in another process, as that needs torch.

    Raises:
        UsageError: it is damaged, would run code, or holds no architecture parameters of the format.
    """
    read = run_task("engine.tools.import_tensors", str(path.absolute()))
    return alphas.findings(of.name, alphas.Parameters(**read))


def _is_binary(path: Path) -> bool:
    """Return whether a file starts like an archive, a pickle or an array, which no log does."""
    with open_regular(path) as stream:
        return stream.read(6).startswith(_BEGINNINGS)


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    try:
        with open_regular(path) as stream:
            while block := stream.read(MEBIBYTE):
                total.update(block)
    except OSError as error:
        raise NotFoundError(f"'{path}' cannot be read: {error.strerror}.") from error
    return total.hexdigest()
