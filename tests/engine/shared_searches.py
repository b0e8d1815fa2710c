"""``python -m tests.engine.shared_searches FOLDER``: small runs of two processes that share them.

Each process saves what it has after each run. One start serves all tests and both processes, which are copies: torch
alone takes seconds to load.
"""

from __future__ import annotations

import gc
import importlib
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.assembly import assemble
from engine.core import checkpoint, distributed, local_launcher
from engine.core.distributed import Group
from engine.method import Context, Method
from engine.search.loop import DifferentiableSearch
from engine.spaces.space import MixingWeights
from runs import catalogue
from runs.catalogue.genotype_text import parse_text
from runs.catalogue.shared_settings import MachineSettings
from runs.configuration import Draft, RunConfig, resolve
from runs.errors import NastuiError
from tests.engine.float64_training import in_float64, train
from tests.engine.retraining import CELL
from tests.engine.small_runs import SMALL
from tests.engine.test_every_method import work

STEPS, BATCH = 20, 16
RETRAINING, APART, TRAINING = "retraining", "without averaging", "a whole retraining"
TINY = {"order": "first", "channels": 4, "cells": 1, "image_size": 8, "image_limit": 32, "batch_size": 8, "threads": 1}
# Compared with one process, in float64: untrained networks with batch norm amplify float32's rounding step by step.
EXACT: dict[str, tuple[str, str, dict[str, Any]]] = {
    "first order": ("darts", "nasbench201", {"order": "first"}),
    "second order": ("darts", "nasbench201", {"order": "second"}),
    "Dirichlet": ("drnas", "nasbench201", {"clip_scope": "all", "regulariser": "kl"}),
    "Gumbel": ("snas", "nasbench201", {"levels": "one", "epochs": 2}),
    "sparse codes": ("ista", "darts", {}),
}
MORPHING = {"epochs": 2, "skip_dropout": "0.3", "stage_keep": "4,1", "stage_morphs": "2,0", "stage_frozen_epochs": "0"}
# Run to their end, once without and once with a kill on the way, from where the other one went on.
WHOLE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "stages, morphing and dropout": ("prdarts", "prdarts", MORPHING),
    "drawn paths": ("gdas", "nasbench201", {"epochs": 2, "sampled_accuracy": True}),
    "a controller": ("enas", "nasbench201", {"epochs": 2}),
    TRAINING: ("retrain", "nasbench201", {"epochs": 2}),
}


def search_in_float64(case: str, group: Group, pieces: int) -> dict[str, Any]:
    """Return weights, architecture parameters and genotype after an epoch of :data:`STEPS`."""
    method, space, options = EXACT[case]
    halves = 1 if options.get("levels") == "one" else 2
    small = {"channels": 4, "image_size": 8, "image_limit": STEPS * BATCH * halves, "batch_size": BATCH, "threads": 1}
    small |= {"layers": 3} if space == "darts" else {"cells": 1}
    draft = Draft(method=method, space=space, preset="quick", device="cpu", options=small | options)
    with in_float64():
        _, search = assemble(resolve(draft), Path(), lambda event: None, group=group)
        assert isinstance(search, DifferentiableSearch)
        _in_float64(search, pieces)
        search.prepare()
        while (report := search.advance()) is None:
            pass
        state = search.current
        return {
            "weights": {name: value.detach() for name, value in state.supernet.named_parameters()},
            "architecture": {name: value.detach() for name, value in state.architecture.named_parameters()},
            "genotype": search.genotype().to_json(),
            "loss": report.metrics["train_loss"],
        }


def _in_float64(search: DifferentiableSearch, pieces: int) -> None:
    """Compute in float64, and in training piece by piece as processes do: batch norm sees one piece at a time."""
    context: Any = search.step_context

    def both_scores(images: Tensor, mixing: MixingWeights) -> tuple[Tensor, None]:
        supernet = context.state.supernet
        doubled = {kind: replace(weights, weights=weights.weights.double()) for kind, weights in mixing.items()}
        parts = images.double().tensor_split(pieces if supernet.training else 1)
        return torch.cat([supernet(part, doubled) for part in parts]), None

    context.both_scores = both_scores
    context.scores = lambda images, mixing: both_scores(images, mixing)[0]


def without_averaging(group: Group) -> dict[str, Any]:
    """Return what a search says whose processes keep their own gradients, as with an update that forgets the others."""
    config = resolve(Draft(method="darts", space="nasbench201", preset="quick", device="cpu", options=TINY))
    _, search = begun(config, group)
    assert isinstance(search, DifferentiableSearch)
    search.step_context.average = lambda gradients, level: None  # type: ignore[method-assign]
    search.prepare()
    try:
        work(search)
    except NastuiError as error:
        return {"problem": error.message}
    return {}


def to_its_end(case: str, group: Group, folder: Path) -> dict[str, Any]:
    """Return the reports of a whole run, those of one that resumes in its middle, and the latter's weights."""
    method, space, options = WHOLE[case]
    known = catalogue.options(catalogue.method(method), catalogue.space(space)).model_fields
    # A part has 13 images: the last batch is short, and its shares are unequal.
    small = SMALL | {"batch_size": 8, "image_limit": 26, "channels": 4, "layers": 3, "cells": 1}
    chosen = {key: value for key, value in small.items() if key in known} | options
    cell = parse_text(CELL).to_json() if case == TRAINING else None
    of_cell = {"space": space} if cell is None else {"genotype": cell}
    config = resolve(Draft(method=method, preset="quick", device="cpu", options=chosen, **of_cell))
    config = config.model_copy(update={"id": case})
    context, search = begun(config, group)
    search.prepare()
    before: list[str] = []
    while search.epoch < 1:
        before += work(search, 1)
    before += work(search, 1)
    # As in a run: rank 0 saves, and all load.
    file = folder / "checkpoint.pt"
    if group.leads:
        checkpoint.save(file, config.id, {"method": search.state(), "runtime": context.runtime.state()})
    whole = before + work(search)
    group.wait()
    saved = checkpoint.load(file, config.id)
    assert saved is not None
    context, search = begun(config, group)
    search.load(saved["method"])
    context.runtime.load(saved["runtime"])
    resumed = before + work(search)
    return {"whole": whole, "resumed": resumed, "weights": dict(search.weights())}


def begun(config: RunConfig, group: Group) -> tuple[Context[MachineSettings], Method]:
    """Return a search that has not begun."""
    torch.set_num_threads(1)
    return assemble(config, Path(), lambda event: None, group=group)


def main(folder: Path) -> None:
    """Run all of them in this process and in a copy of it."""
    importlib.import_module("torch._dynamo")  # the first optimiser imports it, which takes another second
    gc.freeze()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    copy = os.fork()
    os.environ["RANK"] = os.environ["LOCAL_RANK"] = "0" if copy else "1"
    run_all(distributed.join(), folder)
    local_launcher.exit_at_once(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) if copy else 0)


def run_all(group: Group, folder: Path) -> None:
    """Run all of them as a member of a group, and save what this process has after each."""
    torch.save(train(group, 1, STEPS), folder / f"{RETRAINING} {group.rank}.pt")
    torch.save(without_averaging(group), folder / f"{APART} {group.rank}.pt")
    for case in EXACT:
        torch.save(search_in_float64(case, group, pieces=1), folder / f"{case} {group.rank}.pt")
    for case in WHOLE:
        torch.save(to_its_end(case, group, folder), folder / f"{case} {group.rank}.pt")
    group.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
