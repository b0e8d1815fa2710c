"""The machine of a run: which arithmetic it uses, and what it says about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.assembly import assemble
from engine.core.runtime import Runtime
from runs.configuration import Draft, resolve
from runs.log.events import Event, Started


@pytest.fixture(autouse=True)
def _default_arithmetic() -> Iterator[None]:
    yield
    runtime()


def runtime(**settings: Any) -> Runtime:
    return Runtime(device="cpu", seed=3, threads=1, precision="float32", channels_last=True, **settings)


def test_a_run_is_deterministic_unless_it_says_otherwise() -> None:
    runtime()
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory
    runtime(deterministic=False)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_of_convolutions_alone(allowed: bool) -> None:
    runtime(tf32=allowed)
    assert torch.backends.cudnn.allow_tf32 is allowed
    assert not torch.backends.cuda.matmul.allow_tf32


def test_algorithms_are_timed_only_where_bits_may_differ() -> None:
    runtime(cudnn_benchmark=True)
    assert not torch.backends.cudnn.benchmark
    runtime(cudnn_benchmark=True, deterministic=False)
    assert torch.backends.cudnn.benchmark


def test_the_started_event_names_every_setting_that_decides_the_speed() -> None:
    events: list[Event] = []
    options = {"deterministic": False, "precision": "bfloat16", "channels_last": False, "threads": 1}
    assemble(resolve(Draft(method="drnas", preset="quick", device="cpu", options=options)), Path(), events.append)
    (started,) = [event for event in events if isinstance(event, Started)]
    known = {name: started.environment[name] for name in options}
    assert known == options
    # TF32 and cuDNN are of GPUs; only a retraining can be compiled.
    assert not {"tf32", "cudnn_benchmark", "compile"} & started.environment.keys()
