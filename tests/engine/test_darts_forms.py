"""The supernet compared with its plain form: outputs, gradients and statistics, in float64."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.spaces.darts.mixing import MixedEdge, NodeSum, Source, View, join_phases, split_phases
from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.space import Candidates, CellWeights, MixingWeights
from runs.catalogue.spaces.darts import SPACE
from tests.engine.plain_supernet import PlainSupernet, pairs
from tests.engine.test_darts_network import Kernels

KINDS = ("normal", "reduce")
EVERY = tuple(range(8))
MORPHABLE = ("max3", "avg5", "skip", "c3", "c5d3m2.1", "c1x7", "none", "conv_3x3")


pytestmark = pytest.mark.usefixtures("float64")


def shape(**changes: Any) -> dict[str, Any]:
    candidates = dict.fromkeys(KINDS, (EVERY,) * 14)
    whole = {"operations": SPACE.operations, "edges": SPACE.edges, "candidates": candidates}
    return whole | {"channels": 2, "layers": 3, "classes": 3} | changes


def both(**changes: Any) -> tuple[DartsSupernet, PlainSupernet]:
    """Return both forms with the same weights; scales and shifts are random, so that they matter."""
    fast, plain = DartsSupernet(**shape(**changes)), PlainSupernet(**shape(**changes))
    for parameter in fast.parameters():
        if parameter.dim() == 1:
            nn.init.uniform_(parameter, 0.5, 1.5)
    for one, two in pairs(plain, fast):
        one.load_state_dict(two.state_dict())
    return fast, plain


def some(rows: Candidates, seed: int) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Return a subset of the columns of each edge, which may be empty."""
    chance = random.Random(seed)
    return {kind: tuple(tuple(op for op in row if chance.random() < 0.6) for row in rows[kind]) for kind in KINDS}


def mixing(*, scale: bool = False, active: Candidates | None = None) -> MixingWeights:
    """Return mixing weights with gradients, the same on every call."""
    generator = torch.Generator().manual_seed(1)
    drawn = {}
    for kind in KINDS:
        weights = torch.rand(14, 8, generator=generator).requires_grad_()
        factors = torch.rand(14, generator=generator).requires_grad_() if scale else None
        drawn[kind] = CellWeights(weights, None if active is None else active[kind], factors)
    return drawn


def same(found: Tensor | None, expected: Tensor | None) -> None:
    """Assert that two tensors agree to 1e-10 of the norm; a missing gradient counts as zeros."""
    if found is None or expected is None:
        assert all(tensor is None or not tensor.any() for tensor in (found, expected))
    else:
        assert (found - expected).norm() <= 1e-10 * expected.norm() + 1e-13


def same_statistics(fast: DartsSupernet, plain: PlainSupernet) -> None:
    for one, two in pairs(plain, fast):
        # A plain pool that did not run has seen no data; the shared one may have run for another edge.
        if isinstance(one, nn.BatchNorm2d) and one.running_mean.any():
            same(two.running_mean, one.running_mean)
            same(two.running_var, one.running_var)


def compare(fast: DartsSupernet, plain: PlainSupernet, side: int = 8, **options: Any) -> None:
    images = torch.randn(3, 3, side, side)
    ours, theirs = mixing(**options), mixing(**options)
    for network, given in ((fast, ours), (plain, theirs)):
        (network(images, given) ** 2).sum().backward()
    for kind in KINDS:
        same(ours[kind].weights.grad, theirs[kind].weights.grad)
        if (factors := ours[kind].edge_scale) is not None:
            assert theirs[kind].edge_scale is not None
            same(factors.grad, theirs[kind].edge_scale.grad)
    for one, two in pairs(plain, fast):
        for mine, other in zip(two.parameters(), one.parameters(), strict=True):
            same(mine.grad, other.grad)
    same_statistics(fast, plain)
    with torch.no_grad():
        same(fast(images, ours), plain(images, theirs))
    same_statistics(fast, plain)
    fast.eval()
    plain.eval()
    if options.get("active") is None:
        with torch.no_grad():
            same(fast(images, ours), plain(images, theirs))


@pytest.mark.parametrize(("partial", "scale"), [(1, False), (1, True), (2, True), (4, False), (4, True), (6, False)])
def test_with_partial_channels_and_factors(partial: int, scale: bool) -> None:
    compare(*both(partial=partial, channels=max(4, 2 * partial), layers=4), scale=scale)


@pytest.mark.parametrize(
    ("norms", "affine"), [("plain", True), ("pool", False), ("pool", True), ("affine_pool", True), ("all", False)]
)
def test_with_other_batch_norms(norms: str, affine: bool) -> None:
    compare(*both(norms=norms, affine=affine), scale=True)


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("partial", [1, 2])
def test_with_both_stems_and_odd_sides(stem: str, partial: int) -> None:
    compare(*both(stem=stem, partial=partial, channels=4), side=11 if stem == "cifar" else 35)


@pytest.mark.parametrize(
    ("seed", "operations"),
    [(0, SPACE.operations), (3, SPACE.operations), (1, MORPHABLE), (2, MORPHABLE)],
    ids=["darts-0", "darts-3", "morphable-1", "morphable-2"],
)
def test_with_candidates_and_active_operations_that_differ_by_edge(seed: int, operations: tuple[str, ...]) -> None:
    candidates = some(dict.fromkeys(KINDS, (EVERY,) * 14), seed)
    size = {"operations": operations, "candidates": candidates, "channels": 4, "partial": 1 + seed % 2}
    compare(*both(**size), scale=seed > 1)
    compare(*both(**size), active=some(candidates, seed + 9), scale=seed > 1)


def test_in_channels_last_order() -> None:
    for partial in (1, 2):
        fast, plain = both(partial=partial, channels=4)
        compare(fast.to(memory_format=torch.channels_last), plain)


def test_weights_of_zero_do_no_harm() -> None:
    fast, plain = both()
    images = torch.randn(3, 3, 8, 8)
    given = {kind: CellWeights(torch.zeros(14, 8).requires_grad_()) for kind in KINDS}
    same(fast(images, given), plain(images, given))
    fast(images, given).sum().backward()
    for plan in given.values():
        assert plan.weights.grad is not None
        assert bool(plan.weights.grad.isfinite().all())


def test_the_architecture_alone_gets_gradients_in_its_phase() -> None:
    """In the weight phase, only the weights get gradients: detached mixing weights leave no trace."""
    fast, _ = both()
    images = torch.randn(3, 3, 8, 8)
    given = mixing()
    torch.autograd.grad(fast(images, given).sum(), [plan.weights for plan in given.values()])
    assert all(parameter.grad is None for parameter in fast.parameters())
    detached = {kind: CellWeights(plan.weights.detach()) for kind, plan in given.items()}
    fast(images, detached).sum().backward()
    assert all(plan.weights.grad is None for plan in given.values())
    assert all(parameter.grad is not None for parameter in fast.parameters())


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_phases_are_every_second_row_and_column(layout: torch.memory_format) -> None:
    features = torch.randn(3, 5, 6, 8).to(memory_format=layout)
    phases = split_phases(features)
    assert torch.equal(phases[4:6], torch.stack([features[1, :, ::2, ::2], features[1, :, ::2, 1::2]]))
    assert phases.is_contiguous(memory_format=layout)
    joined = join_phases(phases)
    assert torch.equal(joined, features)
    assert joined.is_contiguous(memory_format=layout)


def value_of(edge: MixedEdge, view: View, op: int) -> Tensor:
    """Return the value of an edge on which one operation runs with weight 1, with a quarter of identities dropped."""
    node = NodeSum()
    edge(node, view, torch.ones(8, 8).unbind(), (op,), 0.25, [None])
    total = node.total()
    assert total is not None
    return total


def test_dropout_thins_the_elements_of_identities() -> None:
    features = torch.ones(4, 8, 32, 32)
    for stride in (1, 2):
        names = {3: "skip_connect", 4: "max_pool_3x3"}
        view = Source(names.values(), 8, stride, partial=1, norms="plain")(features)
        edge = MixedEdge(names, 8, stride, affine=False, norms="plain")
        before = torch.get_rng_state()
        assert torch.equal(value_of(edge, view, 4), view.read("max_pool_3x3"))
        value = value_of(edge, view, 3)
        if stride == 1:
            dropped = (value == 0).double().mean().item()
            assert dropped == pytest.approx(0.25, abs=0.01)
            torch.testing.assert_close(value[value != 0], torch.tensor(4 / 3).expand(int((value != 0).sum())))
        else:
            # A strided skip is not an identity, so nothing is drawn.
            assert torch.equal(before, torch.get_rng_state())


def test_dropout_of_identities_is_for_training() -> None:
    fast, _ = both()
    images, given = torch.randn(3, 3, 8, 8), mixing()
    before = torch.get_rng_state()
    exact = fast(images, given)
    assert torch.equal(before, torch.get_rng_state())
    fast.skip_dropout = 0.5
    assert not torch.allclose(fast(images, given), exact)
    fast.skip_dropout = 0.0
    same(fast(images, given), exact)
    fast.skip_dropout = 0.5
    fast.eval()
    before = torch.get_rng_state()
    fast(images, given)
    assert torch.equal(before, torch.get_rng_state())


def test_a_search_step_with_partial_channels_stays_within_its_kernels() -> None:
    """On small networks, kernel launches dominate the time of a step. One with all channels: test_host_reads.py."""
    torch.set_default_dtype(torch.float32)
    network = DartsSupernet(**shape(layers=8, partial=4, channels=16))
    alphas = {kind: (1e-3 * torch.randn(14, 8)).requires_grad_() for kind in KINDS}
    sgd = torch.optim.SGD(network.parameters(), 0.025, momentum=0.9, weight_decay=3e-4, foreach=True)
    adam = torch.optim.Adam(alphas.values(), 3e-4, weight_decay=1e-3, foreach=True)
    images, labels = torch.randn(2, 3, 32, 32), torch.zeros(2, dtype=torch.long)

    def loss(weights: dict[str, Tensor]) -> Tensor:
        mixed = {kind: CellWeights(alpha.softmax(1)) for kind, alpha in weights.items()}
        return functional.cross_entropy(network(images, mixed), labels)

    for parameter in (*network.parameters(), *alphas.values()):  # as after a first step, so that there is momentum
        parameter.grad = torch.zeros_like(parameter)
    for optimiser in (adam, sgd):
        optimiser.step()
        optimiser.zero_grad()
    with Kernels() as networks:
        gradients = torch.autograd.grad(loss(alphas), list(alphas.values()))
        loss({kind: alpha.detach() for kind, alpha in alphas.items()}).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5, foreach=True)
    # Adam reads its step count, which is kept on the host.
    with Kernels() as optimisers:
        for alpha, gradient in zip(alphas.values(), gradients, strict=True):
            alpha.grad = gradient
        for optimiser in (adam, sgd):
            optimiser.step()
            optimiser.zero_grad()
    assert networks.count + optimisers.count <= 18_000
    assert networks.reads == 0
