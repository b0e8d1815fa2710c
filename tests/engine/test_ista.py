"""Both forms of ISTA-NAS in the search loop: only live operations run, codes are recovered, nodes freeze."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.assembly import assemble
from engine.core import checkpoint
from engine.core.artifacts import Artifacts
from engine.method import Context, EpochReport
from engine.methods.ista import one_stage, recovery_callback
from engine.methods.ista.codes import Codes
from engine.methods.ista.freezing_callback import FreezingCallback
from engine.methods.ista.recovery_callback import RecoveryCallback
from engine.methods.ista.sparse_coding import Array
from engine.methods.ista.sparse_coding.recovery import Recovery
from engine.methods.ista.sparse_coding.supports import live
from engine.search.loop import DifferentiableSearch
from engine.search.step import EpochPosition
from engine.spaces import drop_path as dropping
from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.space import CellWeights
from engine.training import model_io
from runs.catalogue.costs import count
from runs.configuration import Draft, resolve
from runs.errors import EnvironmentLacksError, NastuiError, UsageError
from runs.genotypes.costs import Shape
from runs.home import RunPaths
from runs.log.events import Event, Warned
from tests.engine.sparse_coding.vectors import dense
from tests.vectors import load

SMALL = {"channels": 4, "image_limit": 64, "image_size": 8, "batch_size": 32, "threads": 1}
FREEZING = load("ista/onestage_freeze")
KINDS = ("normal", "reduce")


def begin(
    method: str, *, seed: int = 0, artifacts: Artifacts | None = None, **options: Any
) -> tuple[Context, DifferentiableSearch, list[Event]]:
    said: list[Event] = []
    draft = Draft(method=method, space="darts", preset="quick", device="cpu", seed=seed, options={**SMALL, **options})
    context, search = assemble(resolve(draft), Path(), said.append, artifacts=artifacts)
    assert isinstance(search, DifferentiableSearch)
    return context, search, said


def epochs(search: DifferentiableSearch, until: int | None = None) -> list[EpochReport]:
    reports = []
    while search.epoch < (search.epochs if until is None else until):
        if (report := search.advance()) is not None:
            reports.append(report)
    return reports


def warnings(said: list[Event], kind: str) -> list[str]:
    return [event.message for event in said if isinstance(event, Warned) and event.kind == kind]


def memory(search: DifferentiableSearch) -> RecoveryCallback:
    assert isinstance(search.components.callback, RecoveryCallback)
    return search.components.callback


# What runs -----------------------------------------------------------------------------------------------------


def test_two_operations_a_node_run_and_the_others_get_no_gradient() -> None:
    _, search, _ = begin("ista", epochs=1)
    search.prepare()
    mixing = search.step_context.sample()
    for cell_weights in mixing.values():
        assert cell_weights.active is not None
        edges = search.context.space.entry.edges
        for node in range(2, 6):
            running = [ops for (_, target), ops in zip(edges, cell_weights.active, strict=True) if target == node]
            assert sum(map(len, running)) == 2
    search.step_context.scores(torch.randn(4, 3, 8, 8), mixing).sum().backward()
    # The outputs of earlier cells may be unused, because the live sets may leave an input out.
    last = search.current.supernet.cells[-1]
    for edge, ops in zip(last.edges, mixing[last.kind].active or (), strict=True):
        for column, layers in edge.operations.items():
            assert all((weight.grad is not None) == (int(column) in ops) for weight in layers.parameters())


def test_the_live_operations_give_what_all_would_with_the_others_at_zero() -> None:
    _, search, _ = begin("ista", epochs=1)
    search.prepare()
    search.current.supernet.double()
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    sparse = {
        kind: CellWeights(cell_weights.weights.double(), cell_weights.active)
        for kind, cell_weights in search.step_context.sample().items()
    }
    full = {kind: CellWeights(cell_weights.weights) for kind, cell_weights in sparse.items()}
    for mode in (True, False):
        search.current.supernet.train(mode)
        torch.testing.assert_close(
            search.current.supernet(images, sparse), search.current.supernet(images, full), rtol=1e-9, atol=1e-12
        )


def test_the_gradient_of_a_code_lies_in_the_plane_of_its_live_columns() -> None:
    _, search, _ = begin("ista", epochs=1)
    search.prepare()
    search.step_context.scores(torch.randn(4, 3, 8, 8), search.step_context.sample()).square().sum().backward()
    assert isinstance(search.current.architecture, Codes)
    sparse = search.components.relaxation.sparse
    for code, place in zip(search.current.architecture, sparse, strict=True):
        assert code.grad is not None
        plane = place.matrix[:, list(place.live)]
        gradient = code.grad.double().numpy()
        inside = plane @ np.linalg.lstsq(plane, gradient, rcond=None)[0]
        assert np.allclose(inside, gradient, rtol=1e-4, atol=1e-6 * np.abs(gradient).max())


def test_a_search_ends_with_the_supports_of_its_last_recovery() -> None:
    _, search, _ = begin("ista", epochs=3, arch_learning_rate=0.3)
    search.prepare()
    reports = epochs(search)
    for before, after in itertools.pairwise(reports):
        for kind in KINDS:
            next_live = [place["live"] for place in before.extras["codes"][kind]]
            assert [place["trained"] for place in after.extras["codes"][kind]] == next_live
    assert sum(report.extras["support_changes"] for report in reports)
    assert reports[-1].genotype == search.genotype()
    alive = np.array(reports[-1].architecture["normal"].alive)
    assert alive.sum() == len(
        {
            (place, *entry)
            for place, node in enumerate(reports[-1].extras["codes"]["normal"])
            for entry in map(tuple, node["live"])
        }
    )


def test_matrices_depend_on_the_seed_alone() -> None:
    first, again, other = (
        memory(begin("ista", seed=seed, batch_size=size)[1]) for seed, size in ((1, 32), (1, 16), (2, 32))
    )
    assert all(np.array_equal(a, b) for a, b in zip(first.matrices, again.matrices, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first.matrices, other.matrices, strict=True))


# Freezing ------------------------------------------------------------------------------------------------------


def scripted(cells: dict[str, list[dict[str, float]]]) -> list[Array]:
    """Return the vectors in our order: normal 0, reduction 0, normal 1, ..."""
    return [dense(cells[kind][node], 7 * (node + 2)) for node in range(4) for kind in KINDS]


def ours(listed: list[Any]) -> list[Any]:
    """Return a list given as normal 0 to 3, reduction 0 to 3 in our order."""
    return [listed[4 * kind + node] for node in range(4) for kind in range(2)]


@pytest.mark.parametrize("trace", FREEZING["traces"], ids=lambda trace: trace["kind"])
def test_the_loop_takes_the_public_loop_s_decisions(trace: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    shape = Shape(channels=36, layers=20, norms="all")
    monkeypatch.setattr(one_stage, "parameters", lambda _, genotype: count(genotype, shape).parameters)
    _, search, said = begin(
        "ista_onestage",
        epochs=trace["max_epochs"],
        fixed_epochs=2,
        freeze_threshold=trace["threshold"],
        parameter_limit=trace["param_limit"],
        drop_path=0.2,
        image_limit=32,
        evaluated_epochs=1,
    )
    held = memory(search)

    def scripted_recovery(matrix: Array, *_: Any, **__: Any) -> Recovery:
        place = next(index for index, own in enumerate(held.matrices) if own is matrix)
        row = search.epoch + 1 if search.position().step else 0
        return Recovery(scripted(trace["candidate_x"][row])[place], "scs", 0.0, 0.0, 0.0)

    monkeypatch.setattr(recovery_callback, "recover", scripted_recovery)
    search.prepare()
    assert bool(warnings(said, "parameter_limit")) == (trace["initial_params"] >= trace["param_limit"])
    assert isinstance(held, FreezingCallback)
    frozen = [False] * 8
    for row in trace["epochs"]:
        running = [sorted(place.live) for place in search.components.relaxation.sparse]
        assert running == [sorted(chosen) for chosen in ours(row["live"])]
        assert frozen == [bool(flag) for flag in ours(row["frozen_in"])]
        (report,) = epochs(search, search.epoch + 1)
        decided, frozen = report.extras["freezing"], [place["frozen"] for place in _places(report)]
        if row.get("stop"):
            assert search.epochs == row["epoch"] + 2
            break
        assert [place["distance"] for place in _places(report)] == pytest.approx(ours(row["dist"]), rel=1e-5, abs=1e-12)
        assert (decided["candidate_parameters"], decided["accepted"]) == (row["candidate_params"], row["accepted"])
    assert search.epoch == trace["search_epochs_run"]
    capped = trace["stopped_by"] == "epoch_cap"
    assert bool(warnings(said, "not_frozen")) == capped
    # From here on weights alone learn, with every batch norm unlocked; at the cap too, unlike the public code
    # (docs/methods/ista.md, "What happens when the epochs run out").
    codes = [code.detach().clone() for code in search.current.architecture.parameters()]
    (trained,) = epochs(search, search.epoch + 1)
    assert isinstance(search.current.supernet, DartsSupernet)
    assert trained.learning_rates["architecture"] == 0
    assert trained.extras["freezing"]["frozen"] == 8
    assert all(torch.equal(*pair) for pair in zip(codes, search.current.architecture.parameters(), strict=True))
    assert all(weight.requires_grad for weight in search.current.supernet.parameters())
    epochs(search)
    assert search.current.supernet.drop_path == pytest.approx(0.2 / 2)


def _places(report: EpochReport) -> list[dict[str, Any]]:
    codes = report.extras["codes"]
    return [codes[kind][node] for node in range(4) for kind in KINDS]


def test_batch_norms_of_operations_learn_when_their_node_freezes() -> None:
    _, search, _ = begin("ista_onestage", epochs=4, fixed_epochs=1)
    search.prepare()
    held = memory(search)
    assert isinstance(held, FreezingCallback)
    held.nodes = held.nodes.__class__(held.nodes.x, (True, *[False] * 7), (0,) * 8, fits=True)
    held.on_epoch_start(search.current, EpochPosition(0, 5, 0, 0))
    assert isinstance(search.current.supernet, DartsSupernet)
    edges = search.context.space.entry.edges
    for cell in search.current.supernet.cells:
        for (_, target), edge in zip(edges, cell.edges, strict=True):
            norms = [module for module in edge.modules() if isinstance(module, nn.BatchNorm2d)]
            assert norms
            assert all(norm.weight.requires_grad == (cell.kind == "normal" and target == 2) for norm in norms)
        assert all(weight.requires_grad for weight in (*cell.older.parameters(), *cell.newer.parameters()))
    assert [code.requires_grad for code in search.current.architecture] == [False] + [True] * 7


# What is left at the end ---------------------------------------------------------------------------------------


def test_the_plain_network_computes_what_the_supernet_does(tmp_path: Path) -> None:
    _, search, _ = begin(
        "ista_onestage",
        artifacts=Artifacts(RunPaths(tmp_path)),
        epochs=2,
        fixed_epochs=2,
        auxiliary=True,
        drop_path=0.3,
    )
    search.prepare()
    epochs(search)
    Artifacts(RunPaths(tmp_path)).weights(search.weights())
    network = model_io.rebuild(tmp_path)
    assert isinstance(search.current.supernet, DartsSupernet)
    images, mixing = torch.randn(8, 3, 8, 8), search.step_context.sample()
    with torch.no_grad():
        search.current.supernet.eval()
        torch.testing.assert_close(network(images), search.current.supernet(images, mixing), rtol=1e-5, atol=1e-5)
        search.current.supernet.train()
        search.current.supernet.drop_path = 0.0
        torch.testing.assert_close(
            network.train()(images)[0], search.current.supernet(images, mixing), rtol=1e-5, atol=1e-5
        )


def test_dropped_paths_are_those_of_the_plain_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, search, _ = begin("ista_onestage", artifacts=Artifacts(RunPaths(tmp_path)), epochs=1, fixed_epochs=1)
    search.prepare()
    epochs(search)
    Artifacts(RunPaths(tmp_path)).weights(search.weights())
    network = model_io.rebuild(tmp_path).train()

    # Every operation is dropped for the same images, so the order of the draws does not matter.
    def same_images(operations: int, like: Tensor, probability: float, generator: Any = None) -> Tensor | None:
        keep = (torch.arange(len(like)) % 2 == 0).expand(operations, -1)
        return dropping.kept(keep, probability, like.dtype)

    monkeypatch.setattr(dropping, "factors", same_images)
    assert isinstance(search.current.supernet, DartsSupernet)
    search.current.supernet.train()
    search.current.supernet.drop_path = 0.3
    images = torch.randn(6, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(
            network(images, same_images(network.drops, images, 0.3))[0],
            search.current.supernet(images, search.step_context.sample()),
            rtol=1e-5,
            atol=1e-5,
        )


# Killed and resumed --------------------------------------------------------------------------------------------


def test_a_one_stage_run_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    """While some codes are frozen, and while only weights are trained; test_every_method.py kills one that searches."""
    options = {"epochs": 4, "fixed_epochs": 2, "freeze_threshold": 0.06, "arch_learning_rate": 0.05}
    context, whole, _ = begin("ista_onestage", **options)
    whole.prepare()
    expected, saved = [], {}
    for killed in (2, 5):
        expected += epochs(whole, killed)
        whole.advance()
        saved[killed] = tmp_path / f"{killed}.pt"
        checkpoint.save(saved[killed], "run", {"method": whole.state(), "runtime": context.runtime.state()})
    expected += epochs(whole)
    frozen = [0, *(report.extras["freezing"]["frozen"] for report in expected)]
    assert 0 < frozen[2] < 8
    assert frozen[5] == 8

    weights = whole.weights()
    for killed, file in saved.items():
        context, search, _ = begin("ista_onestage", **options)
        state = checkpoint.load(file, "run")
        assert state is not None
        search.load(state["method"])
        context.runtime.load(state["runtime"])
        for now, then in zip(epochs(search), expected[killed:], strict=True):
            assert now.metrics == then.metrics
            assert now.architecture == then.architecture
            assert now.genotype == then.genotype
            assert now.extras["freezing"] == then.extras["freezing"]
        found = search.weights()
        for name, tensor in weights.items():
            assert torch.equal(found[name], tensor)


# What goes wrong -----------------------------------------------------------------------------------------------


def test_a_code_that_stands_for_nothing_is_refused_before_the_first_epoch() -> None:
    _, search, _ = begin("ista", gamma=1.0)
    with pytest.raises(NastuiError, match="stands for no two operations") as caught:
        search.prepare()
    assert "Lower gamma" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Recovery(None, "none", None, None, 0.0, ("scs: no", "clarabel: no")), "could not be recovered"),
        (Recovery(np.zeros(14), "none", 0.0, 1.0, 0.0), "fewer than two"),
        (Recovery(np.eye(14)[3], "scs", 0.0, 1.0, 0.0), "fewer than two"),
    ],
    ids=["solvers fail", "a zero vector", "one entry"],
)
@pytest.mark.parametrize("method", ["ista", "ista_onestage"])
def test_where_there_is_no_live_set_that_of_before_stays(
    method: str, answer: Recovery, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, search, heard = begin(method, epochs=2, arch_learning_rate=0.3)
    search.prepare()
    before, real, first = search.components.relaxation.sparse[0], recovery_callback.recover, memory(search).matrices[0]

    def recover(matrix: Array, *given: Any, **options: Any) -> Recovery:
        return answer if matrix is first else real(matrix, *given, **options)

    monkeypatch.setattr(recovery_callback, "recover", recover)
    (report,) = epochs(search, 1)
    after = search.components.relaxation.sparse
    assert after[0].live == before.live
    assert np.array_equal(after[0].x, before.x)
    assert report.extras["codes"]["normal"][0]["live"] == report.extras["codes"]["normal"][0]["trained"]
    assert any(said in message for message in warnings(heard, "recovery"))
    epochs(search, 2)
    assert len(warnings(heard, "recovery")) == 1, "the same trouble is told once"


def test_a_missing_solver_is_named_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scs", None)
    for method in ("ista", "ista_onestage"):
        with pytest.raises(EnvironmentLacksError, match="not installed"):
            begin(method)


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match="clip_scope=all"):
        begin("ista_onestage", clip_scope="all")


def test_distinct_predecessors_never_share_an_input() -> None:
    _, search, _ = begin("ista", distinct_predecessors=True, epochs=1)
    search.prepare()
    for place in search.components.relaxation.sparse:
        assert len({entry // 7 for entry in place.live}) == 2
        assert place.live == live(place.x, operations=7)
