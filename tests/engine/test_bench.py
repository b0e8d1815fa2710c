"""Measuring a configuration: what stands for what, and processes that end when nobody waits for them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.tools import profiling
from runs import catalogue
from runs.configuration import Draft, RunConfig, resolve
from runs.cost import measurements
from runs.cost.measurements import MeasurementTask
from runs.errors import EnvironmentLacksError
from runs.home import Home


def tiny(**options: Any) -> RunConfig:
    small = {"channels": 4, "image_limit": 64, "batch_size": 16, "epochs": 1, "threads": 1}
    return resolve(Draft(method="drnas", preset="quick", device="cpu", options=small | options))


def measured(config: RunConfig) -> dict[str, Any]:
    return profiling.bench([config.model_dump_json(), "nowhere"])


def test_a_run_that_is_over_while_it_is_measured_is_measured() -> None:
    told = measured(tiny())
    # Two batches of weights and one of evaluation: fewer than it takes to be warm.
    assert (told["units_per_epoch"], told["epochs"], told["units"]) == (3, 1, 3)
    assert told["estimated_seconds"] == pytest.approx(3 * told["unit_seconds"])
    assert told["stored"] > 10_000 and told["memory"] > 10**8
    assert told["stages"] == 1


def test_a_part_of_a_large_data_set_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolve(Draft(method="retrain", preset="drnas-imagenet", device="cpu", genotype=_cell()))
    imagenet = catalogue.dataset("imagenet")
    monkeypatch.setattr(profiling, "NOISE_BYTES", 3 * 224**2 * 400)
    images = profiling._Images(config)
    train, test = (images(imagenet, Path(), part, 224) for part in ("train", "test"))
    assert (len(train), len(test), len(train.classes)) == (400, 16, 1000)
    assert images.times == pytest.approx(1_281_167 / 400)
    assert torch.bincount(train.labels).tolist() == [200, 200]
    streamed = profiling._measurable(config).options
    assert (streamed["augmentation"], streamed["image_size"]) == ("crop", 224)
    # Images that the run leaves out take no time.
    limited = profiling._Images(config.model_copy(update={"options": config.options | {"image_limit": 300}}))
    assert len(limited(imagenet, Path(), "train", 224)) == 300 and limited.times == 1


def test_a_folder_of_the_users_is_read_for_nobody_else_knows_its_size(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / "1.png").touch()
    config = resolve(Draft(method="drnas", preset="quick", device="cpu", dataset=str(tmp_path)))
    with pytest.raises(EnvironmentLacksError, match=r"1\.png"):
        profiling.bench([config.model_dump_json(), str(tmp_path / "kept")])


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"),
    ],
)
def test_too_small_a_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(profiling, "assemble", refuse)
    with pytest.raises(EnvironmentLacksError, match=r"does not fit into the memory of cpu.*batch_size"):
        measured(tiny())


def test_what_is_ended_leaves_no_process(tmp_path: Path) -> None:
    measurement = MeasurementTask(tiny(epochs=50), Home(tmp_path))
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(measurement.result()))
    thread.start()
    while measurement._task is None:
        time.sleep(0.01)
    process = measurement._task._process
    assert process.poll() is None
    measurement.end()
    thread.join(10)
    assert answers == [None] and process.poll() is not None
    assert measurement.result() is None, "ended for good"


def test_an_errand_ends_with_who_asked() -> None:
    code = (
        "import os, sys; from runs.subprocess_task import SubprocessTask; "
        "e = SubprocessTask('engine.tools.probe'); print(e._process.pid); "
    )
    told = subprocess.run(
        [sys.executable, "-P", "-c", code + "sys.stdout.flush(); os._exit(9)"],
        capture_output=True,
        text=True,
        check=False,
    )
    pid = int(told.stdout)
    deadline = time.monotonic() + 20
    while _lives(pid):
        assert time.monotonic() < deadline, "it goes on for nobody"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def _cell() -> dict[str, Any]:
    preset = next(entry for entry in catalogue.method("retrain").presets if entry.space == "darts")
    genotype = measurements.representative(catalogue.method("retrain"), preset, "cpu").genotype
    assert genotype is not None
    return genotype
