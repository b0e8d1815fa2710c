"""Several processes that share a search or a retraining compute the same as a single one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.assembly import assemble
from engine.core.distributed import ALONE, Group
from runs.configuration import Draft, resolve
from runs.errors import UsageError
from tests.engine import shared_searches
from tests.engine.float64_training import train
from tests.engine.shared_searches import APART, EXACT, RETRAINING, STEPS, WHOLE

ROOT = Path(__file__).parents[2]


# What a process had after a run, by the name of the run and its rank.
Found = Callable[[str, int], dict[str, Any]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The results of two processes that shared all runs, one after another."""
    folder = tmp_path_factory.mktemp("shared")
    command = [sys.executable, "-m", shared_searches.__name__, str(folder)]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=ROOT, check=True, timeout=300)
    return lambda case, rank: dict(torch.load(folder / f"{case} {rank}.pt", weights_only=True))


def test_a_shared_retraining_has_the_weights_of_one_process_after_some_steps(found: Found) -> None:
    """Batch norm treats a process's share like a piece of a batch; the running averages are those of rank 0."""
    together, alone = found(RETRAINING, 0), train(ALONE, 2, STEPS)
    assert together.keys() == alone.keys()
    for name, tensor in together.items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            torch.testing.assert_close(tensor, alone[name], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("case", EXACT)
def test_a_shared_search_has_the_weights_and_alphas_of_one_process_after_some_steps(case: str, found: Found) -> None:
    """The process computes two pieces of each batch, one after the other: batch norm then sees the same images."""
    together, alone = found(case, 0), shared_searches.search_in_float64(case, ALONE, pieces=2)
    torch.testing.assert_close(together["weights"], alone["weights"], rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(together["architecture"], alone["architecture"], rtol=1e-6, atol=1e-8)
    assert together["genotype"] == alone["genotype"]
    assert together["loss"] == pytest.approx(alone["loss"], rel=1e-6)


@pytest.mark.parametrize("case", [*EXACT, *WHOLE])
def test_all_processes_have_the_same_weights_at_the_end(case: str, found: Found) -> None:
    """Also if shares are unequal, paths are drawn, operations are dropped or a stage ends."""
    first, second = (found(case, rank)["weights"] for rank in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_processes_that_drift_apart_end_the_run(found: Found) -> None:
    """All notice it, at the end of the epoch's training."""
    for rank in range(2):
        assert found(APART, rank)["problem"] == "The processes of the run no longer have the same weights."


@pytest.mark.parametrize("case", WHOLE)
def test_a_shared_run_that_was_killed_reports_the_same(case: str, found: Found) -> None:
    """All processes load the state that rank 0 saved in the middle of an epoch, its sums over all processes too."""
    results = [found(case, rank) for rank in range(2)]
    assert results[0]["whole"] == results[0]["resumed"] == results[1]["resumed"]


@pytest.mark.parametrize(
    ("method", "size", "says"),
    [
        ("drnas", 3, "batch_size must be a multiple of gpus=3 and at least 6"),
        ("tenas", 2, "TE-NAS trains no shared weights"),
    ],
)
def test_a_number_of_processes_that_cannot_share_a_search_is_refused(method: str, size: int, says: str) -> None:
    """Whatever the configuration says, torchrun decides how many processes there are."""
    config = resolve(Draft(method=method, preset="quick", dataset="digits", device="cpu"))
    with pytest.raises(UsageError, match=says):
        assemble(config, Path(), lambda event: None, group=Group(size=size))
