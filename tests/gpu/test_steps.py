"""A step never waits for the GPU: torch raises an error where the host would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from tests.engine.retraining import CELL, DRNAS, Retraining
from tests.engine.test_host_reads import begun
from tests.engine.test_step_contract import CASES, EAGER, prepare

# Capturing a graph waits; what is captured must not.
EAGERLY = {"cuda_graphs": "off"}


@contextmanager
def waiting_is_an_error(device: str) -> Iterator[None]:
    if device == "cpu":
        yield
        return
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize(("method", "space", "options"), [case for case in CASES if case[0] not in EAGER], ids=str)
def test_a_step_of_a_search_never_waits(method: str, space: str, options: dict[str, Any], device: str) -> None:
    """Neither its host part nor its device part; two steps, as the first creates buffers."""
    search = begun(method, space, "quick", device, **EAGERLY, **options)
    prepare(search)
    search.components.update.step(search.step_context)
    with waiting_is_an_error(device):
        prepare(search)
        search.components.update.step(search.step_context)


@pytest.mark.parametrize("options", [{}, {"precision": "bfloat16"}, {"pieces": 2}], ids=str)
@pytest.mark.parametrize("text", [CELL, DRNAS], ids=["nasbench201", "darts"])
def test_a_step_of_a_retraining_never_waits(text: str, options: dict[str, Any], device: str) -> None:
    run = Retraining(text, device=device, **({"drop_path": 0.3} if text == DRNAS else {}), **EAGERLY, **options)
    run.advance(2)
    with waiting_is_an_error(device):
        run.advance(2)
