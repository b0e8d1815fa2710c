"""Events as lines for people."""

from __future__ import annotations

import pytest
from hypothesis import given

from runs.formatting import brief_duration, duration, millions
from runs.log.description import describe
from runs.log.events import (
    CheckpointWritten,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Interim,
    Progress,
    Resumed,
    StageStarted,
    Started,
    Unknown,
    Warned,
)
from tests.runs.strategies import PAYLOADS, events

EPOCH = EpochEnded(3, 9, seconds=1.25, metrics={"train_loss": 0.5, "train_accuracy": 40.0, "search_accuracy": 41.26})


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Started({"device": "cpu", "threads": 2, "host": "x"}), "engine started · device cpu · threads 2"),
        (Started({"precision": "float32", "tf32": False}), "engine started · float32"),
        (Started({"precision": "float32", "tf32": True}), "engine started · float32, convolutions in TF32"),
        (Started({"device": "cuda:0", "cuda_graphs": "auto"}), "engine started · device cuda:0 · CUDA graphs auto"),
        (
            Started({"precision": "bfloat16", "tf32": True, "deterministic": False}),
            "engine started · bfloat16 · not deterministic",
        ),
        (Resumed(4), "resumed from the checkpoint after epoch 4"),
        (StageStarted(1, 3, 25, "wide"), "stage 2 of 3 · wide · 25 epochs"),
        (EPOCH, "epoch 3 · 1.25 s · search 41.3 % · train 40.0 %"),
        (CheckpointWritten(3, 0, 1_500_000), "checkpoint after epoch 3 · 1.5 MB"),
        (CheckpointWritten(3, 7, 1_500_000), "checkpoint after epoch 3, step 7 · 1.5 MB"),
        (Warned("nan", "the loss is NaN"), "the loss is NaN (nan)"),
        (Finished(parameters=316_346, macs=None, network="16 channels"), "finished · 0.316 M parameters · 16 channels"),
        (Finished(), "finished"),
        (Failed("out of memory", "set a smaller batch_size"), "failed: out of memory"),
        (Unknown("dreamt"), "dreamt (an event of a newer version)"),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_an_event_is_one_line(event: Event, line: str) -> None:
    assert describe(event) == line


def test_an_epoch_can_have_every_metric() -> None:
    line = "epoch 3/9  train_loss 0.50  train_accuracy 40.00  search_accuracy 41.26  1.2 s"
    assert describe(EPOCH, every_metric=True) == line


@given(events(kind for kind in PAYLOADS if kind not in (Progress, Interim, Warned)))
def test_every_event_but_progress_has_one(event: Event) -> None:
    assert describe(event)


@pytest.mark.parametrize("event", [Progress(1, 2, 3, 4), Interim(1, {"x": 1})])
def test_progress_has_none(event: Event) -> None:
    assert describe(event) == ""


@pytest.mark.parametrize(
    ("seconds", "text", "brief"),
    [
        (8.9, "8s", "8s"),
        (2467, "41m 07s", "41m"),
        (12_000, "3h 20m", "3h"),
        (1e6, "277h 46m", "11d"),
        (1e8, "27777h 46m", "3y"),
    ],
)
def test_durations(seconds: float, text: str, brief: str) -> None:
    assert brief_duration(seconds) == brief
    assert duration(seconds) == text


def test_millions() -> None:
    assert millions(316_346) == "0.316 M"
