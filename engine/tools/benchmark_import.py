"""``python -P -m engine.tools.benchmark_import SOURCE CSV``: convert NAS-Bench-201's and NATS-Bench's files to CSV.

These files are pickles, and a pickle can run any code: only use this for a file that the user trusts. It runs in a
separate process with bounded memory. Supported are the ``.pth`` of NAS-Bench-201 (v1.0, v1.1; loaded whole, about 30
GB), and the topology part of NATS-Bench, as one ``.pickle.pbz2`` or as a folder with one such file for each
architecture, which needs hardly any memory.
"""

from __future__ import annotations

import bz2
import csv
import os
import pickle
import resource
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.core.subprocess_task import run_task
from runs.errors import EnvironmentLacksError, UsageError

MEMORY_SHARE = 0.9
META = "meta.pickle.pbz2"
# Column, the training set of its networks, and the images that they were tested on.
SPLITS = (
    ("cifar10_valid", "cifar10-valid", "x-valid"),
    ("cifar10_test", "cifar10", "ori-test"),
    ("cifar100_valid", "cifar100", "x-valid"),
    ("cifar100_test", "cifar100", "x-test"),
    ("imagenet16_120_valid", "ImageNet16-120", "x-valid"),
    ("imagenet16_120_test", "ImageNet16-120", "x-test"),
)
# The names in the files of the schedules of 12 and of 200 epochs.
SCHEDULES = {12: ("12", "less"), 200: ("200", "full")}

# The trainings of one architecture, by schedule.
Results = Mapping[str, Mapping[str, Any]]


def convert(arguments: list[str]) -> dict[str, int]:
    """Write the CSV of a source; return its number of architectures.

    Raises:
        UsageError: the source is damaged, or not one of these benchmarks.
        EnvironmentLacksError: the memory is too small, or the CSV cannot be written.
    """
    source, target = Path(arguments[0]), Path(arguments[1])
    bound_memory()
    try:
        rows = [(arch, accuracies(results)) for arch, results in architectures(source)]
    except MemoryError as error:
        raise EnvironmentLacksError(
            f"'{source}' does not fit into this machine's memory.",
            "NATS-Bench's folder with a file for each architecture (NATS-tss-v1_0-3ffb9-simple) needs little memory.",
        ) from error
    except FileNotFoundError as error:
        raise UsageError(f"'{source}' is not a NATS-Bench folder: '{Path(error.filename).name}' is missing.") from error
    except (OSError, EOFError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
        why = str(error).rstrip(".")
        raise UsageError(
            f"'{source}' is truncated, damaged, or not NAS-Bench-201: {why}.", "Download it again."
        ) from error
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise UsageError(f"'{source}' is neither NAS-Bench-201 nor NATS-Bench's topology part: {error!r}.") from error
    columns = [name for name in _columns() if any(name in found for _, found in rows)]
    try:
        with target.open("x", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["arch", *columns])
            writer.writerows([arch, *(found.get(name, "") for name in columns)] for arch, found in rows)
    except OSError as error:
        raise EnvironmentLacksError(f"'{target}' cannot be written: {error.strerror}.") from error
    return {"architectures": len(rows)}


def bound_memory() -> None:
    """Make this process fail with a MemoryError before the machine swaps or kills another process."""
    most = int(MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def architectures(source: Path) -> Iterator[tuple[str, Results]]:
    """Yield the string and the results of each architecture in the source."""
    if source.is_dir():
        for index, arch in enumerate(_unpickled(source / META)["meta_archs"]):
            file = source / f"{index:06d}.pickle.pbz2"
            if file.exists():
                yield arch, _unpickled(file)
        return
    with source.open("rb") as stream:
        compressed = stream.read(3) == b"BZh"
    whole = _unpickled(source) if compressed else _loaded_by_torch(source)
    for index, results in whole["arch2infos"].items():
        yield whole["meta_archs"][index], results


def accuracies(results: Results) -> dict[str, float]:
    """Return an architecture's accuracies after the last epoch in percent, means over its trainings, by column."""
    found = {}
    for epochs, names in SCHEDULES.items():
        for entry in [results[name] for name in names if name in results]:
            for column, dataset, images in SPLITS:
                trainings = [entry["all_results"][dataset, seed] for seed in entry["dataset_seed"].get(dataset, ())]
                reached = [training["eval_acc1es"].get(f"{images}@{training['epochs'] - 1}") for training in trainings]
                known = [float(value) for value in reached if value is not None]
                if known:
                    found[f"{column}_{epochs}"] = statistics.fmean(known)
    return found


def _columns() -> list[str]:
    return [f"{column}_{epochs}" for epochs in SCHEDULES for column, _, _ in SPLITS]


def _loaded_by_torch(file: Path) -> Any:
    import torch  # takes seconds, and the other files do not need it

    return torch.load(file, map_location="cpu", weights_only=False)


def _unpickled(file: Path) -> Any:
    with bz2.open(file) as stream:
        return pickle.load(stream)


if __name__ == "__main__":
    run_task(convert)
