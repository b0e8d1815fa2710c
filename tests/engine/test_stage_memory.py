"""Two supernets are never in memory at once: a stage is freed before the next one is built."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest

from engine.search import loop
from engine.search.step import SearchState
from tests.engine.conftest import Bench
from tests.engine.test_prdarts_search import SMALL as THREE_STAGES

Make = Callable[..., Bench]
STAGES = {"stage_operations": "0,3", "epochs": 2, "arch_frozen_epochs": 0, "image_limit": 64}
CASES: dict[str, dict[str, Any]] = {
    "widening on NAS-Bench-201": STAGES | {"space": "nasbench201", "stage_partial": "4,2", "cells": 1},
    "widening in the DARTS space": STAGES | {"space": "darts", "stage_partial": "4,2", "layers": 3, "image_size": 8},
    "P-DARTS": {
        "method": "pdarts",
        "channels": 2,
        "epochs": 3,
        "arch_frozen_epochs": 0,
        "image_size": 8,
        "image_limit": 64,
    },
    "PR-DARTS": THREE_STAGES,
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_a_stage_is_freed_before_the_next_is_built(
    bench: Make, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    search = bench(**options)
    search.epoch()
    state = search.method.current
    old = [
        weakref.ref(part)
        for part in (state, state.supernet, state.architecture, state.weight_optimizer, state.architecture_optimizer)
    ]
    del state
    alive_at_build: list[list[object]] = []
    build = loop.build_state

    def watched(*given: Any) -> SearchState:
        alive_at_build.append([part() for part in old])
        return build(*given)

    monkeypatch.setattr(loop, "build_state", watched)
    search.method.advance()
    assert alive_at_build == [[None] * len(old)]
