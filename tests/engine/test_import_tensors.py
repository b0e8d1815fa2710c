"""Files of architecture parameters: read without running anything in them, and turned into weights and cells."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.architecture.relaxations.dirichlet import concentration
from engine.tools.import_tensors import describe, parameters, read
from runs.errors import UsageError
from runs.genotypes import darts, derive
from runs.home import Home
from runs.imports import log_text
from runs.imports.findings import Findings
from runs.imports.formats import alphas
from runs.imports.formats.registry import format_named
from runs.imports.importing import import_file
from runs.log import history
from runs.store.run_store import RunStore

NORMAL, REDUCE = torch.randn(2, 14, 8, generator=torch.Generator().manual_seed(0)).unbind()
SMALL = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
# TE-NAS sets what it has pruned to -1000, and begins with `none` pruned.
HISTORY = [[np.where(np.arange(8) >= first, 0.0, -1000.0) * np.ones((14, 1))] * 2 for first in (1, 3, 7)]


def found_in(content: Any, method: str) -> Findings:
    described = parameters(content)
    assert described is not None
    return alphas.findings(method, alphas.Parameters(**described))


@pytest.mark.parametrize(
    "content",
    [
        [NORMAL, REDUCE],
        torch.stack([NORMAL, REDUCE]),
        np.stack([NORMAL.numpy(), REDUCE.numpy()]),
        {"alphas_reduce": REDUCE, "alphas_normal": NORMAL},
        {"module.alphas_normal": torch.nn.Parameter(NORMAL), "module.alphas_reduce": torch.nn.Parameter(REDUCE)},
        {"epoch": 50, "state_dict": {"stem.0.weight": torch.zeros(3)}, "alpha": [NORMAL, REDUCE]},
        {"state_dict": {"arch_reduce_parameters": REDUCE, "arch_normal_parameters": NORMAL, "stem": torch.zeros(1)}},
    ],
    ids=["list", "tensor", "array", "names", "wrapped", "checkpoint", "state"],
)
def test_both_cells_are_found_in_every_form(content: Any) -> None:
    found = found_in(content, "darts")
    (epoch,) = found.epochs
    for kind, alpha in (("normal", NORMAL), ("reduce", REDUCE)):
        assert torch.tensor(epoch.weights[kind].weights) == pytest.approx(alpha.softmax(-1), abs=1e-6)
    cells = [derive.two_a_node(alpha.softmax(-1).tolist(), darts.TOPOLOGY.operations) for alpha in (NORMAL, REDUCE)]
    assert found.genotype == darts.genotype(cells[0], cells[1])


def test_betas_weigh_the_edges_of_pcdarts() -> None:
    strong = torch.zeros(14)
    strong[[2, 3]] = 9.0  # of the three edges into node 3, the first two
    found = found_in([NORMAL, REDUCE, strong, strong], "pcdarts")
    assert found.genotype is not None
    into_three = [edge.source for edge in found.genotype.cells["normal"].edges if edge.target == 3]
    assert sorted(into_three) == [0, 1]
    assert sum(found.epochs[0].extras["edge_weight"]["normal"][2:5]) == pytest.approx(1)


def test_drnas_has_concentrations_and_what_is_exactly_zero_was_pruned() -> None:
    pruned = NORMAL[:, 1:].clone()
    pruned[:, :3] = 0
    found = found_in([pruned, pruned], "drnas")
    weights = found.epochs[0].weights["normal"]
    assert weights.alive is not None and weights.alive[0] == [False] * 3 + [True] * 4
    expected = concentration(pruned[:, 3:])
    assert torch.tensor(weights.extras["concentration"])[:, 3:] == pytest.approx(expected, abs=1e-6)
    assert torch.tensor(weights.weights)[:, 3:] == pytest.approx(expected / expected.sum(-1, keepdim=True), abs=1e-6)


def test_the_history_of_tenas_has_an_epoch_for_each_round() -> None:
    found = found_in(np.array(HISTORY), "tenas")
    assert [sum(map(bool, epoch.weights["normal"].weights[0])) for epoch in found.epochs] == [5, 1]
    assert found.epochs[0].genotype is None
    assert found.genotype is not None
    assert {edge.operation for edge in found.genotype.cells["normal"].edges} == {"max_pool_3x3"}


def test_one_cell_is_a_series_or_a_single_epoch() -> None:
    assert len(found_in(SMALL, "nasbench201").epochs) == 1
    assert len(found_in(SMALL[None], "nasbench201").epochs) == 1
    assert len(found_in(torch.stack([SMALL] * 4), "nasbench201").epochs) == 4
    found = found_in({"epoch": 30, "alpha": [SMALL]}, "drnas")
    assert (found.space, len(found.epochs)) == ("nasbench201", 1)
    assert "The alphas are those after epoch 30; no earlier ones are here." in found.remarks


@pytest.mark.parametrize(
    ("content", "method", "why"),
    [
        ([NORMAL[:, :5], REDUCE[:, :5]], "pdarts", "14 rows of 5 columns"),
        ([NORMAL], "darts", "lacks a matrix of 14 x 8 for normal and reduce"),
        ([NORMAL, REDUCE * torch.nan], "darts", "not finite"),
        ([NORMAL, REDUCE], "ista", "random matrices"),
        ([NORMAL, REDUCE], "prdarts", "pools"),
    ],
)
def test_alphas_of_no_known_form_are_refused(content: Any, method: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        found_in(content, method)


@pytest.mark.parametrize("content", [{"weight": torch.zeros(3)}, torch.zeros(3), [], {}, 3, None, [[1, 2]]])
def test_other_content_has_no_alphas(content: Any) -> None:
    assert parameters(content) is None


def test_a_tensor_that_is_larger_than_its_file_is_refused() -> None:
    with pytest.raises(UsageError, match="no search has more than"):
        parameters([torch.zeros(1).expand(14, 10**9)] * 2)


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "exploded"
    torch.save({"alpha": Bomb(mark)}, tmp_path / "new.pt")
    torch.save({"alpha": Bomb(mark)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "pickle.npy").write_bytes(pickle.dumps(Bomb(mark)))
    np.save(tmp_path / "object.npy", np.array([Bomb(mark)], dtype=object), allow_pickle=True)
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(UsageError, match="It was not opened"):
            read(file)
    assert not mark.exists()
    np.load(tmp_path / "object.npy", allow_pickle=True)
    assert mark.exists(), "the bombs are real"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".pt", ".npy"])
def test_torn_files_are_refused(share: float, suffix: str, tmp_path: Path) -> None:
    whole, torn = tmp_path / f"whole{suffix}", tmp_path / f"torn{suffix}"
    if suffix == ".pt":
        torch.save([NORMAL, REDUCE], whole)
    else:
        np.save(whole, np.stack([NORMAL, REDUCE]))
    content = whole.read_bytes()
    torn.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UsageError):
        read(torn)


@pytest.mark.parametrize(
    "printed",
    [
        NORMAL.softmax(-1),
        (30 * NORMAL).softmax(-1),  # in scientific notation, wrapped
        NORMAL.clone().requires_grad_().softmax(-1),
        (NORMAL > 0).int(),
        SMALL,
        torch.randn(14, 15, generator=torch.Generator().manual_seed(2)),
        NORMAL.detach().numpy(),
        NORMAL.detach().numpy() > 0,
    ],
    ids=["softmax", "scientific", "gradient", "mask", "small", "wide", "numpy", "switches"],
)
def test_what_torch_and_numpy_print_is_read_back(printed: Any, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(f"alphas :\n{printed}\nend\n")
    _, matrix, *_, end = log_text.read(log)  # what follows the brackets may be on a line of its own
    assert end.text == "end"
    assert matrix.matrices is not None
    values = printed.tolist()
    assert np.array(matrix.matrices[0]) == pytest.approx(np.array(values, dtype=float), abs=1e-3)


def test_alphas_become_a_run(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save([NORMAL, REDUCE], tmp_path / "alphas.pt")
    # As in a process of its own, which takes seconds to import torch.
    answers: list[Any] = []
    monkeypatch.setattr("engine.tools.import_tensors.bound_memory", lambda: None)
    monkeypatch.setattr(
        "runs.imports.importing.run_task", lambda module, *words: answers.append(module) or describe(list(words))
    )
    made = import_file(tmp_path / "alphas.pt", format_named("darts"), RunStore(home))
    assert answers == ["engine.tools.import_tensors"]
    (epoch,) = history.load(made.paths).epochs
    assert epoch.architecture.keys() == {"normal", "reduce"}
    assert RunStore(home).find(made.config.id).summary.genotype == epoch.genotype
