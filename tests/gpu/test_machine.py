"""What nastui knows about the GPU: the driver's view and torch's agree, and commands and forms show it."""

from __future__ import annotations

import json

import pytest
import torch

from engine.core.runtime import Runtime
from runs.machine import devices
from runs.machine.meters import Meter
from screens.starting.device_field import Devices
from tests.end_to_end.conftest import Cli


def test_the_driver_and_torch_name_the_same_gpus(cuda: torch.device) -> None:
    found = devices.gpus()
    assert [gpu.index for gpu in found] == list(range(torch.cuda.device_count()))
    for gpu in found:
        properties = torch.cuda.get_device_properties(gpu.index)
        assert gpu.name == properties.name == torch.cuda.get_device_name(gpu.index)
        # The driver counts what it keeps for itself.
        assert gpu.total == pytest.approx(properties.total_memory, rel=0.05)
        assert 0 < gpu.used <= gpu.total
    assert devices.resolve("auto") == devices.resolve("cuda") == "cuda:0"


def test_the_first_gpu_is_preselected(cuda: torch.device) -> None:
    picker = Devices(Meter().look())
    view = picker.view(None)
    assert "is cuda:0" in view.notes
    assert picker.card("cuda:0") == torch.cuda.get_device_name(0)
    assert "cuda:0" in view.choices


def test_memory_is_measured(device: str) -> None:
    runtime = Runtime(device=device, seed=0, threads=1, precision="float32", channels_last=True)
    runtime.forget_peak()
    before = runtime.memory() if device != "cpu" else 0  # the peak of a process cannot be reset
    held = torch.ones(2**26, device=device)  # 256 MiB
    assert runtime.memory() - before >= held.nbytes
    assert 0 < runtime.memory_share() < 1
    assert runtime.memory_share(limit=2**-10) > 1
    if device != "cpu":
        assert runtime.environment()["device_name"] == torch.cuda.get_device_name(device)


def test_doctor_finds_the_device(cli: Cli, device: str) -> None:
    findings = json.loads(cli("doctor", "--json", code=None).stdout)["findings"]
    (seen,) = [finding for finding in findings if finding["name"] == "devices"]
    listed = {finding["name"]: finding["value"] for finding in findings if finding["area"] == "gpu"}
    if device == "cpu":
        assert not listed
    else:
        assert seen["value"] == f"CUDA {torch.version.cuda}, {torch.cuda.device_count()} GPUs usable"
        assert listed["cuda:0"].startswith(torch.cuda.get_device_name(0))


def test_bench_measures_on_the_device(cli: Cli, device: str) -> None:
    (measured,) = cli.json("profile", "rsws", "--preset", "quick", "--device", device)
    assert measured["device"] == device
    assert measured["images_per_second"] > 0
    assert measured["kernels"] > 100
    assert measured["step_seconds"] > 0
    if device != "cpu":
        assert measured["copy_bandwidth"] > 1e11
        assert 1e-7 < measured["node_seconds"] < 1e-4
        # Caches can make kernels faster than the bound, which knows none.
        assert 0 < measured["share_of_bound"] < 1.5
