"""Which device a run gets, and which GPUs are available."""

from __future__ import annotations

import sys

import pytest

from runs.errors import EnvironmentLacksError, UsageError
from runs.machine import devices
from runs.machine.devices import Gpu
from tests.runs.fake_nvml import Driver

CARD = Gpu(0, "a card", 1, 2, None)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    fake = Driver([0, 1, 2, 3], 100)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return fake


@pytest.mark.parametrize(
    ("wanted", "cards", "device"),
    [
        ("cpu", 0, "cpu"),
        ("cpu", 2, "cpu"),
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:0"),
        ("cuda", 2, "cuda:0"),
        ("cuda:0", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_a_device_that_is_here(monkeypatch: pytest.MonkeyPatch, wanted: str, cards: int, device: str) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: [CARD] * cards)
    assert devices.resolve(wanted) == device


@pytest.mark.parametrize(
    ("wanted", "cards", "says"),
    [("cuda", 0, "no usable GPU"), ("cuda:0", 0, "no usable GPU"), ("cuda:9", 2, "has 2 GPUs")],
)
def test_a_device_that_is_not_here(monkeypatch: pytest.MonkeyPatch, wanted: str, cards: int, says: str) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: [CARD] * cards)
    with pytest.raises(EnvironmentLacksError, match=f"no device '{wanted}'.*{says}"):
        devices.resolve(wanted)


@pytest.mark.parametrize(
    "wanted", ["", "tpu", "gpu", "cuda:", "cuda:x", "cuda:-1", "CUDA", "cuda:0 ", "cuda:" + "9" * 5000, "cuda:²"]
)
def test_what_is_no_device(wanted: str) -> None:
    with pytest.raises(UsageError, match="auto, cpu, cuda or cuda:<number>") as refusal:
        devices.resolve(wanted)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("visible", "cards"),
    [
        (None, [0, 1, 2, 3]),
        ("2", [2]),
        ("3,1", [3, 1]),
        (" 1 , 2 ", [1, 2]),
        ("", []),
        ("-1", []),
        ("0,-1,2", [0]),
        ("0,9,2", [0]),
        ("none", []),
        ("²", []),
    ],
)
def test_only_visible_cards_count_in_the_order_given(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, visible: str | None, cards: list[int]
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = devices.gpus()
    assert [gpu.name for gpu in found] == [f"card {card}" for card in cards]
    assert [gpu.index for gpu in found] == list(range(len(cards))), "numbered as torch does"
    assert driver.open == 0


def test_what_a_card_tells(driver: Driver) -> None:
    assert devices.gpus()[3] == Gpu(3, "card 3", 3, 100, 50)


def test_a_card_that_does_not_tell_its_load(driver: Driver) -> None:
    driver.idle = False
    assert devices.gpus()[0].busy is None


@pytest.mark.parametrize("step", ["nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetMemoryInfo"])
def test_a_driver_that_fails_has_no_cards(driver: Driver, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def broken(*_: object) -> None:
        raise driver.NVMLError

    monkeypatch.setattr(driver, step, broken)
    assert devices.gpus() == []


def test_without_the_library_there_are_no_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert devices.gpus() == []
