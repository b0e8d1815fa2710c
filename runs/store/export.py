"""Export of a run as files that can be read without nastui: its own files, and its series as CSV."""

from __future__ import annotations

import csv
import shutil
from io import TextIOWrapper
from pathlib import Path

from runs.errors import EnvironmentLacksError, NastuiError, UsageError
from runs.files import copy_regular, new_file, replace_text
from runs.genotypes.genotype import edge_label
from runs.log.history import load
from runs.store.record import Record
from runs.subprocess_task import run_task
from runs.user_path import user_path

_README = """This folder is the run '{id}' of nastui.

config.json          every setting, with defaults resolved
events.jsonl         everything that happened, one JSON object a line
metrics.csv          one row an epoch: metrics and learning rates
architecture.csv     one row an epoch, cell, edge and operation: weight, whether alive, whether chosen
genotype.json        the architecture that was found: [source, target, operation] for each edge
genotypes.json       further architectures by name, if the method derives several
weights.safetensors  the final weights, if the run has finished
best.safetensors     of a retraining: the weights of its best epoch
network.json         of a retraining: how to build the network; engine.training.model_io does
network.onnx         of a retraining, if asked for: the network with its final weights
labels.json          name, tags and note
inputs.json          the data set at the start: class names, numbers of images and fingerprints

To repeat it: {command}
"""


def export(record: Record, folder: Path, *, onnx: bool = False) -> Path:
    """Write a run into a new folder and return the folder.

    Args:
        record: the run.
        folder: must not exist.
        onnx: also write the retrained network as ONNX, checked by running it.

    Raises:
        UsageError: the folder exists, or there is no network to write as ONNX.
        EnvironmentLacksError: the folder cannot be written, or the packages for ONNX are missing.
    """
    folder = user_path(folder)
    if onnx and not (record.paths.network.exists() and record.paths.weights.exists()):
        raise UsageError(f"Run '{record.id}' has no trained network.", "Only a finished retraining has one.")
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(f"'{folder}' exists.", "Name a new folder with --to.") from error
    except OSError as error:
        raise EnvironmentLacksError(f"'{folder}' cannot be created: {error.strerror}.") from error
    try:
        paths = record.paths
        for file in (
            paths.config,
            paths.events,
            paths.genotype,
            paths.variants,
            paths.weights,
            paths.best,
            paths.network,
            paths.labels,
            paths.inputs,
            paths.log,
        ):
            if file.exists():
                copy_regular(file, folder / file.name)
        replace_text(folder / "README.txt", _README.format(id=record.id, command=record.head["command"]))
        _write_series(record, folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        what = f" ('{error.filename}')" if error.filename else ""
        raise EnvironmentLacksError(
            f"The run cannot be exported to '{folder}': {error.strerror}{what}.", "Nothing has been written."
        ) from error
    if onnx:
        try:
            run_task("engine.tools.onnx_file", str(folder), str(folder / "network.onnx"), "last")
        except NastuiError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return folder


def _write_series(record: Record, folder: Path) -> None:
    epochs = load(record.paths).epochs
    metrics = list(dict.fromkeys(name for epoch in epochs for name in epoch.metrics))
    rates = list(dict.fromkeys(name for epoch in epochs for name in epoch.learning_rates))
    with _table(folder / "metrics.csv") as stream:
        writer = csv.writer(stream)
        writer.writerow(["epoch", "seconds", *metrics, *(f"learning_rate_{name}" for name in rates)])
        for epoch in epochs:
            values = [epoch.metrics.get(name) for name in metrics]
            writer.writerow([epoch.epoch, epoch.seconds, *values, *(epoch.learning_rates.get(n) for n in rates)])
    with _table(folder / "architecture.csv") as stream:
        writer = csv.writer(stream)
        writer.writerow(["epoch", "cell", "edge", "operation", "weight", "alive", "chosen"])
        for epoch in epochs:
            for kind, cell in epoch.architecture.items():
                for edge, row in enumerate(cell.weights):
                    for column, weight in enumerate(row):
                        chosen = cell.chosen[edge] == column
                        name, operation = edge_label(*cell.edges[edge]), cell.operations[column]
                        writer.writerow([epoch.epoch, kind, name, operation, weight, cell.alive[edge][column], chosen])


def _table(path: Path) -> TextIOWrapper:
    return TextIOWrapper(new_file(path), encoding="utf-8", newline="")
