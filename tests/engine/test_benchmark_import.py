"""Import of the benchmarks' own files: made-up files in their layout are read, and untrusted ones are never opened."""

from __future__ import annotations

import bz2
import csv
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.tools import benchmark_import
from engine.tools.benchmark_import import convert
from runs.benchmarks.pickled import import_pickled, is_pickled
from runs.errors import EnvironmentLacksError, UsageError
from runs.genotypes.nasbench201 import TOPOLOGY, format_string
from runs.home import Home
from tests.runs.processes import output

CODES = (0, 7_777, 15_624)
SETS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}


def accuracy(code: int, epochs: int, dataset: str, images: str, seed: int) -> float:
    """Return an accuracy that encodes where it comes from."""
    where = list(SETS).index(dataset) * 3 + SETS[dataset].index(images)
    return 20 + where + code / 1000 + epochs / 100 + (seed - 777) / 111


def results(code: int, epochs: int, seeds: tuple[int, ...], datasets: tuple[str, ...] = tuple(SETS)) -> dict[str, Any]:
    """Return the files' results of an architecture and a schedule; only the last epoch has the right value."""
    told = {
        (dataset, seed): {
            "name": dataset,
            "epochs": epochs,
            "net_state_dict": None,
            "eval_acc1es": {
                f"{images}@{epoch}": accuracy(code, epochs, dataset, images, seed) - (epoch != epochs - 1)
                for images in SETS[dataset]
                for epoch in range(epochs)
            },
        }
        for dataset in datasets
        for seed in seeds
    }
    return {"arch_index": 0, "dataset_seed": {dataset: list(seeds) for dataset in datasets}, "all_results": told}


def whole(short: str, long: str) -> dict[str, Any]:
    """Return a complete file: one run of 12 epochs, two of 200."""
    return {
        "meta_archs": [format_string(TOPOLOGY.numbered(code)) for code in CODES],
        "arch2infos": {
            index: {short: results(code, 12, (777,)), long: results(code, 200, (777, 888))}
            for index, code in enumerate(CODES)
        },
        "evaluated_indexes": [0, 1, 2],
    }


def packed(path: Path, content: Any) -> Path:
    path.write_bytes(bz2.compress(pickle.dumps(content)))
    return path


def made(kind: str, folder: Path) -> Path:
    """Write a source file of the given kind."""
    match kind:
        case "folder":
            source = folder / "NATS-tss-simple"
            source.mkdir()
            content = whole("12", "200")
            packed(source / "meta.pickle.pbz2", {"meta_archs": content["meta_archs"]})
            for index, told in content["arch2infos"].items():
                packed(source / f"{index:06d}.pickle.pbz2", told)
            return source
        case "packed":
            return packed(folder / "NATS-tss.pickle.pbz2", whole("12", "200"))
    torch.save(whole("less", "full"), folder / "bench.pth", _use_new_zipfile_serialization=kind == "zip")
    return folder / "bench.pth"


@pytest.fixture
def unbound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not limit the memory of the test's own process."""
    monkeypatch.setattr(benchmark_import, "bound_memory", lambda: None)


@pytest.mark.usefixtures("unbound")
@pytest.mark.parametrize("kind", ["folder", "packed", "zip", "legacy"])
def test_made_up_files_in_the_layout_of_the_benchmarks(kind: str, tmp_path: Path) -> None:
    source = made(kind, tmp_path)
    assert is_pickled(source)
    assert convert([str(source), str(tmp_path / "plain.csv")]) == {"architectures": 3}
    with (tmp_path / "plain.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for code, row in zip(CODES, rows, strict=True):
        assert row["arch"] == format_string(TOPOLOGY.numbered(code))
        assert len(row) == 13
        for column, dataset, images in benchmark_import.SPLITS:
            assert float(row[f"{column}_12"]) == pytest.approx(accuracy(code, 12, dataset, images, 777))
            assert float(row[f"{column}_200"]) == pytest.approx(accuracy(code, 200, dataset, images, 777) + 0.5)


@pytest.mark.usefixtures("unbound")
def test_a_column_without_values_is_left_out(tmp_path: Path) -> None:
    content = whole("less", "full")
    for index, code in enumerate(CODES):
        content["arch2infos"][index]["less"] = results(code, 12, (777,), ("cifar10-valid",))
    torch.save(content, tmp_path / "v1_0.pth")
    convert([str(tmp_path / "v1_0.pth"), str(tmp_path / "plain.csv")])
    header = (tmp_path / "plain.csv").read_text().splitlines()[0].split(",")
    assert [name for name in header if name.endswith("_12")] == ["cifar10_valid_12"]
    assert len(header) == 8


@pytest.mark.usefixtures("unbound")
@pytest.mark.parametrize("kind", ["packed", "zip", "legacy"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.98])
def test_truncated_files(kind: str, kept: float, tmp_path: Path) -> None:
    source = made(kind, tmp_path)
    content = source.read_bytes()
    source.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UsageError, match="is truncated, damaged"):
        convert([str(source), str(tmp_path / "plain.csv")])
    assert not (tmp_path / "plain.csv").exists()


@pytest.mark.usefixtures("unbound")
@pytest.mark.parametrize("content", [{}, [], {"meta_archs": [], "arch2infos": {0: {"12": {}}}}, {"arch2infos": [1]}])
def test_pickles_of_something_else(content: Any, tmp_path: Path) -> None:
    source = packed(tmp_path / "else.pickle.pbz2", content)
    with pytest.raises(UsageError, match="is neither NAS-Bench-201"):
        convert([str(source), str(tmp_path / "plain.csv")])


@pytest.mark.usefixtures("unbound")
def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a NATS-Bench folder: 'meta\.pickle\.pbz2'"):
        convert([str(tmp_path), str(tmp_path / "plain.csv")])


@pytest.mark.usefixtures("unbound")
def test_a_memory_that_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(torch, "load", full)
    with pytest.raises(EnvironmentLacksError, match="does not fit into this machine's memory"):
        convert([str(made("zip", tmp_path)), str(tmp_path / "plain.csv")])


def test_the_memory_is_bounded() -> None:
    code = """
from engine.tools import benchmark_import
benchmark_import.MEMORY_SHARE = 0.0001
benchmark_import.bound_memory()
try:
    bytearray(1_000_000_000)
except MemoryError:
    print("bounded")
"""
    assert output(code).strip() == "bounded"


def test_an_untrusted_file_is_not_opened(home: Home, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / "trap.pth").write_bytes(pickle.dumps(Trap()))
    torch.save(Trap(), tmp_path / "zip.pth")
    (tmp_path / "folder").mkdir()
    packed(tmp_path / "folder" / "meta.pickle.pbz2", Trap())
    for source in ("trap.pth", "zip.pth", "folder"):
        assert is_pickled(tmp_path / source)
        with pytest.raises(UsageError, match=r"runs whatever code it holds.* --trust"):
            import_pickled(tmp_path / source, home, trusted=False)
    assert not (tmp_path / "ran").exists()
    assert not home.benchmarks.exists()


def test_a_trusted_folder_becomes_a_table(home: Home, tmp_path: Path) -> None:
    table = import_pickled(made("folder", tmp_path), home, "nats", trusted=True)
    assert (table.name, len(table), table.header.source) == ("nats", 3, "NATS-tss-simple.csv")
    value, genotype = table.best(table.column("imagenet16_120", "test", 200))
    assert value == pytest.approx(accuracy(CODES[-1], 200, "ImageNet16-120", "x-test", 777) + 0.5, abs=1e-4)
    assert TOPOLOGY.number(genotype) == CODES[-1]
    (tmp_path / "NATS-tss-simple" / "000001.pickle.pbz2").write_bytes(b"BZh9cut")
    with pytest.raises(UsageError, match="is truncated, damaged"):
        import_pickled(tmp_path / "NATS-tss-simple", home, "nats", trusted=True)
    assert [file.name for file in home.benchmarks.iterdir()] == ["nats.table"]
