"""What a step asks of the device: kernel launches take time, and waiting for a result stalls the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from engine.assembly import assemble
from engine.search.loop import DifferentiableSearch
from engine.tools.kernels import Kernels
from runs import catalogue
from runs.configuration import Draft, resolve

SMALL = {"channels": 12, "cells": 1, "layers": 3, "image_limit": 96, "image_size": 8, "batch_size": 16, "threads": 1}
# If paths are drawn on the device, the host reads the path once per forward pass and runs only its operations: GDAS in
# both phases, DSNAS in its only one, NASP in the weight phase. All others read nothing.
READS = {
    "darts": 0,
    "drnas": 0,
    "pcdarts": 0,
    "pdarts": 0,
    "prdarts": 0,
    "snas": 0,
    "sharpdarts": 0,
    "gdas": 2,
    "dsnas": 1,
    "nasp": 1,
}
CASES = [(method, space) for method in READS for space in catalogue.method(method).spaces]
ASKED = ("tolist", "item", "numpy", "cpu", "__bool__", "__int__", "__float__", "__index__", "__contains__")
# The size of their results depends on the data.
DATA_DEPENDENT = ("nonzero", "masked_select", "_unique2", "unique_dim", "repeat_interleave", "equal")


class Waiting(TorchDispatchMode):
    """Counts kernels whose result the host waits for, and indexing by masks."""

    def __init__(self, host: set[int]) -> None:
        super().__init__()
        self.host = host
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        indices = args[1] if name in ("index", "index_put", "index_put_") else ()
        masked = any(index is not None and index.dtype is torch.bool for index in indices)
        read = name == "_local_scalar_dense" and args[0].data_ptr() not in self.host
        if masked or read or name in DATA_DEPENDENT:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@contextmanager
def reads(search: DifferentiableSearch, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect the values that the host reads."""
    found: list[str] = []
    steps = {state["step"].data_ptr() for state in search.current.architecture_optimizer.state.values()}

    def counting(name: str) -> Callable[..., Any]:
        asked = getattr(Tensor, name)

        def ask(tensor: Tensor, *args: Any) -> Any:
            if tensor.data_ptr() not in steps:  # Adam counts its steps on the host
                found.append(name)
            with torch.utils._python_dispatch._disable_current_modes():
                return asked(tensor, *args)

        return ask

    with monkeypatch.context() as patch, Waiting(steps) as waiting:
        for name in ASKED:
            patch.setattr(Tensor, name, counting(name))
        yield found
    found += waiting.found


def begun(method: str, space: str, preset: str, device: str = "cpu", **options: Any) -> DifferentiableSearch:
    """Return a search after one step, with those of the options that its method has."""
    known = catalogue.options(catalogue.method(method), catalogue.space(space)).model_fields
    given = SMALL | {"arch_frozen_epochs": 0, "stage_frozen_epochs": "0"} | options
    wanted = {key: value for key, value in given.items() if key in known}
    draft = Draft(method=method, space=space, preset=preset, dataset="digits", device=device, options=wanted)
    _, search = assemble(resolve(draft), Path(), lambda event: None)
    assert isinstance(search, DifferentiableSearch)
    search.prepare()
    for optimizer in (search.current.weight_optimizer, search.current.architecture_optimizer):
        optimizer.param_groups[0]["foreach"] = True  # as on a GPU
    search.advance()
    return search


@pytest.mark.parametrize(("method", "space"), CASES)
def test_a_step_waits_for_nothing_but_drawn_paths(method: str, space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    search = begun(method, space, "quick")
    with reads(search, monkeypatch) as found:
        search.advance()
    assert found == ["tolist"] * READS[method]


@pytest.mark.parametrize(("method", "preset", "limit"), [("darts", "paper-first", 18_000), ("gdas", "paper", 3_800)])
def test_a_step_in_the_darts_space_stays_within_its_kernels(method: str, preset: str, limit: int) -> None:
    """At the depth of the papers; with all operations of every edge, for which public code launches 31,489, or one."""
    search = begun(method, "darts", preset, layers=8 if method == "darts" else 6, image_size=32, batch_size=4)
    steps = {state["step"].data_ptr() for state in search.current.architecture_optimizer.state.values()}
    with Kernels(steps) as kernels:
        search.advance()
    assert kernels.count <= limit
    assert kernels.reads == 0
