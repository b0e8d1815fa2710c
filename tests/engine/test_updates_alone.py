"""Each update without the loop and without a real supernet: it needs only the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.architecture.parameters import ArchitectureParameters
from engine.search.step import Batch, SearchState, Update
from engine.search.updates import FirstOrder, SingleLevel, SingleLevelJoint, Unrolled
from engine.spaces.space import CellWeights, MixingWeights, Supernet, all_candidates
from runs import catalogue

SPACE = catalogue.space("nasbench201")
UPDATES: list[Update] = [FirstOrder(), FirstOrder(weights_first=True), SingleLevel(0.4), SingleLevelJoint(), Unrolled()]
BILEVEL = [update for update in UPDATES if "architecture" in update.order]


class TinySupernet(Supernet):
    """One edge of five linear maps of the mean colour."""

    def __init__(self) -> None:
        super().__init__()
        self.candidates = all_candidates(SPACE)
        self.maps = nn.ModuleList(nn.Linear(3, 4) for _ in SPACE.operations)

    def forward(self, images: Tensor, mixing: MixingWeights) -> Tensor:
        colours, row = images.mean((2, 3)), mixing["cell"].weights[0]
        return torch.stack([weight * each(colours) for weight, each in zip(row, self.maps, strict=True)]).sum(0)


class FakeContext:
    def __init__(self, state: SearchState, trains: bool = True) -> None:
        self.state, self.trains_architecture, self.calls = state, trains, list[str]()
        self.weight_batch = lambda: self.batch("weights")
        self.architecture_batch = lambda: self.batch("architecture")
        self.scores, self.both_scores = state.supernet, state.supernet.both_scores
        self.penalty = lambda: None
        self.average = lambda gradients, level: None
        self.clip_weights = self.clip_architecture = lambda parameters: self.calls.append("clip")
        self.record = lambda loss, scores, labels: self.calls.append("record")

    def batch(self, level: str) -> Batch:
        self.calls.append(level)
        return Batch(torch.randn(8, 3, 2, 2), torch.arange(8) % 4)

    def sample(self, *, detached: bool = False) -> MixingWeights:
        alpha = self.state.architecture.alphas["cell"].softmax(-1)
        return {"cell": CellWeights(alpha.detach() if detached else alpha)}


def fresh() -> SearchState:
    torch.manual_seed(0)
    supernet = TinySupernet()
    architecture = ArchitectureParameters(SPACE, supernet.candidates, torch.Generator().manual_seed(0), scale=1e-3)
    return SearchState(
        supernet,
        architecture,
        torch.optim.SGD(supernet.parameters(), 0.1, momentum=0.9, weight_decay=1e-4),
        torch.optim.Adam(architecture.parameters(), 0.1),
        batch_size=8,
    )


def values(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def moved(before: Sequence[Tensor], module: nn.Module) -> bool:
    return not all(map(torch.equal, before, values(module)))


def named(update: Any) -> str:
    return f"{type(update).__name__}-{'-'.join(update.order)}"


@pytest.mark.parametrize("update", UPDATES, ids=named)
def test_an_update_moves_both_levels(update: Update) -> None:
    context = FakeContext(state := fresh())
    weights, alphas = values(state.supernet), values(state.architecture)
    update.step(context)
    assert moved(weights, state.supernet)
    assert moved(alphas, state.architecture)
    assert all(
        parameter.grad is None for part in (state.supernet, state.architecture) for parameter in part.parameters()
    )


@pytest.mark.parametrize("update", UPDATES, ids=named)
def test_it_takes_the_batches_that_it_declares_and_records_once(update: Update) -> None:
    context = FakeContext(fresh())
    update.step(context)
    assert [call for call in context.calls if call in ("weights", "architecture")] == list(update.order)
    assert context.calls.count("record") == 1
    assert "clip" in context.calls


@pytest.mark.parametrize("update", [*BILEVEL, SingleLevelJoint()], ids=named)
def test_a_frozen_architecture_stays_and_takes_no_batch(update: Update) -> None:
    context = FakeContext(state := fresh(), trains=False)
    weights, alphas = values(state.supernet), values(state.architecture)
    update.step(context)
    assert moved(weights, state.supernet)
    assert not moved(alphas, state.architecture)
    assert "architecture" not in context.calls


@pytest.mark.parametrize("update", [FirstOrder(), SingleLevelJoint(), Unrolled()], ids=named)
def test_a_penalty_enters_the_gradient_of_alpha_alone(update: Update) -> None:
    def ends(penalty: Callable[[ArchitectureParameters], Tensor | None]) -> tuple[list[Tensor], list[Tensor]]:
        context = FakeContext(state := fresh())
        context.penalty = lambda: penalty(state.architecture)
        state.architecture_optimizer = torch.optim.SGD(state.architecture.parameters(), 1e-6)
        update.step(context)
        return values(state.supernet), values(state.architecture)

    plain, pulled = ends(lambda _: None), ends(lambda architecture: 1e6 * architecture.alphas["cell"].square().sum())
    torch.testing.assert_close(plain[0], pulled[0], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(plain[1][0], pulled[1][0])
