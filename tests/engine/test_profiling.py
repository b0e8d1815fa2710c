"""Profiling a configuration: extrapolation from a part to the whole, and processes that end with their parent."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from engine.assembly import assemble
from engine.tools import profiling
from engine.tools.kernels import Kernels, Machine
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
    return profiling.profile([config.model_dump_json(), "nowhere"])


def test_a_run_shorter_than_the_warm_up_is_measured_all_the_same() -> None:
    told = measured(tiny())
    # Two batches for the weights and one for evaluation: too few for a warm-up.
    assert (told["units_per_epoch"], told["epochs"], told["units"]) == (3, 1, 3)
    assert told["estimated_seconds"] == pytest.approx(3 * told["unit_seconds"])
    assert told["stored"] > 10_000 and told["memory"] > 10**8
    assert told["stages"] == 1


def test_a_part_of_a_large_data_set_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolve(Draft(method="retrain", preset="drnas-imagenet", device="cpu", genotype=_cell()))
    imagenet = catalogue.dataset("imagenet")
    monkeypatch.setattr(profiling, "NOISE_BYTES", 3 * 224**2 * 400)
    images = profiling.NoiseImages(config)
    train, test = (images(imagenet, Path(), part, 224) for part in ("train", "test"))
    assert (len(train), len(test), len(train.classes)) == (400, 16, 1000)
    assert images.times == pytest.approx(1_281_167 / 400)
    assert torch.bincount(train.labels).tolist() == [200, 200]
    streamed = profiling.profiled_config(config).options
    assert (streamed["augmentation"], streamed["image_size"]) == ("crop", 224)
    # Images that the run leaves out take no time.
    limited = profiling.NoiseImages(config.model_copy(update={"options": config.options | {"image_limit": 300}}))
    assert len(limited(imagenet, Path(), "train", 224)) == 300 and limited.times == 1


def test_a_folder_of_the_user_is_read_because_its_size_is_unknown(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / "1.png").touch()
    config = resolve(Draft(method="drnas", preset="quick", device="cpu", dataset=str(tmp_path)))
    with pytest.raises(EnvironmentLacksError, match=r"1\.png"):
        profiling.profile([config.model_dump_json(), str(tmp_path / "kept")])


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"),
    ],
)
def test_a_full_memory_is_a_plain_error(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(profiling, "assemble", refuse)
    with pytest.raises(EnvironmentLacksError, match=r"does not fit into the memory of cpu.*batch_size"):
        measured(tiny())


def test_an_ended_measurement_leaves_no_process(tmp_path: Path) -> None:
    measurement = MeasurementTask(tiny(epochs=50), Home(tmp_path))
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(measurement.result()))
    thread.start()
    process = _only_child("engine.tools.profiling")
    assert process.is_running()
    measurement.end()
    thread.join(10)
    assert answers == [None]
    process.wait(10)
    assert measurement.result() is None, "ended for good"


def test_a_task_ends_with_the_process_that_started_it() -> None:
    code = (
        "import os, sys, psutil; from runs.subprocess_task import SubprocessTask; "
        "task = SubprocessTask('engine.tools.probe'); print(psutil.Process().children()[0].pid); "
    )
    found = subprocess.run(
        [sys.executable, "-P", "-c", code + "sys.stdout.flush(); os._exit(9)"],
        capture_output=True,
        text=True,
        check=False,
    )
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(found.stdout)).wait(20)


def _only_child(module: str) -> psutil.Process:
    """Wait for the child process that runs a module, and return it."""
    while True:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if module in child.cmdline():
                    return child
        time.sleep(0.01)


def _cell() -> dict[str, Any]:
    preset = next(entry for entry in catalogue.method("retrain").presets if entry.space == "darts")
    genotype = measurements.representative(catalogue.method("retrain"), preset, "cpu").genotype
    assert genotype is not None
    return genotype


def test_a_training_step_is_counted_and_timed_apart_from_evaluations() -> None:
    told = measured(tiny())
    assert told["kernels"] > 500
    assert told["bytes_moved"] > 1000 * told["kernels"]
    assert told["step_seconds"] > 0
    # On a CPU arithmetic binds too.
    assert "share_of_bound" not in told


def test_on_a_gpu_the_step_is_compared_with_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "measure", lambda device: Machine(bandwidth=100.0, node_seconds=1.0))
    monkeypatch.setattr(profiling, "_in_a_row", lambda *_: None)
    context: Any = SimpleNamespace(runtime=SimpleNamespace(device=torch.device("cuda")))
    method: Any = None
    kernels = Kernels()
    kernels.sizes = [50, 200]
    units = [profiling._Unit(4.0, 32), profiling._Unit(100.0, 0), profiling._Unit(8.0, 32), profiling._Unit(6.0, 32)]
    found = profiling._share_of_bound(context, method, kernels, units[:1], units)
    assert (found["step_seconds"], found["bound_seconds"], found["share_of_bound"]) == (6.0, 3.0, 0.5)
    assert (found["kernels"], found["bytes_moved"]) == (2, 250)
    assert profiling._share_of_bound(context, method, kernels, units[1:2], units) == {}
    monkeypatch.setattr(profiling, "_in_a_row", lambda *_: 4.0)
    assert profiling._share_of_bound(context, method, kernels, units[:1], units)["share_of_bound"] == 0.75


def test_steps_in_a_row_are_timed_only_without_an_evaluation_between_them() -> None:
    context, method = assemble(tiny(image_limit=200), Path(), lambda event: None)
    method.prepare()
    # Six whole steps of 2 x 16 images, and a short one, make an epoch.
    assert profiling._in_a_row(context, method, 32, 3)  # type: ignore[arg-type]
    assert profiling._in_a_row(context, method, 32, 5) is None  # type: ignore[arg-type]
