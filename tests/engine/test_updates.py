"""How one batch changes architecture and weights; the unrolled gradient compared with independently computed values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.architecture.parameters import ArchitectureParameters
from engine.architecture.regularisation import KlToFlat
from engine.architecture.relaxations.gumbel_softmax import GumbelSoftmax
from engine.architecture.relaxations.relaxation import Relaxation
from engine.architecture.relaxations.straight_through import StraightThrough
from engine.data.images import everything
from engine.search.loop import DifferentiableSearch
from engine.search.stages import Stage
from engine.search.step import Update
from engine.search.updates import FirstOrder, SingleLevelJoint, Unrolled, unrolled
from engine.search.updates.unrolled import unrolled_gradients
from engine.spaces.darts.supernet import DartsSupernet
from engine.spaces.space import CellWeights
from tests.engine.conftest import Bench
from tests.vectors import load

Make = Callable[..., Bench]
BATCH = torch.arange(32)


def double(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def descent(case: dict[str, Any], weights: dict[str, nn.Parameter]) -> torch.optim.SGD:
    """Return the optimiser of a case, including its momentum buffers."""
    optimiser = torch.optim.SGD(
        weights.values(), case["eta"], momentum=case["momentum"], weight_decay=case["weight_decay"]
    )
    for name, weight in weights.items():
        if case["momentum_buffer"] is not None:
            optimiser.state[weight]["momentum_buffer"] = double(case["momentum_buffer"][name])
    return optimiser


class Passes:
    """A loss that records the weights at which it was computed."""

    def __init__(self, weight: Tensor, loss: Callable[[], Tensor]) -> None:
        self.places: list[Tensor] = []
        self._weight, self._loss = weight, loss

    def __call__(self) -> Tensor:
        self.places.append(self._weight.detach().clone())
        return self._loss()


@pytest.mark.parametrize("case", load("baselines/darts_second_order")["cases"])
def test_second_order_of_an_analytic_problem(case: dict[str, Any]) -> None:
    q, r, v, c, s = (double(case[name]) for name in "QRVcS")
    weight, alpha = nn.Parameter(double(case["w"])), double(case["alpha"]).requires_grad_()
    train = Passes(
        weight, lambda: weight @ q @ weight / 2 + weight @ r @ torch.tanh(alpha) + (weight**3) @ v @ alpha / 3
    )
    search = Passes(
        weight,
        lambda: (weight - c).square().sum() / 2 + 0.15 * alpha.square().sum() + weight @ s @ torch.sin(alpha),
    )
    flat = case | {"momentum_buffer": {"w": case["momentum_buffer"]}}
    (found,) = unrolled_gradients(train, search, [alpha], descent(flat, {"w": weight}))
    close = partial(torch.testing.assert_close, rtol=1e-6, atol=1e-8)
    close(search.places[0], double(case["w_unrolled"]))
    direction = double(case["grad_w_val_at_unrolled"])
    close(train.places[1] - train.places[2], 2 * case["epsilon"] * direction)
    close(found, double(case["grad_alpha_second_order"]))
    assert weight.tolist() == case["w"]


@pytest.mark.parametrize("case", load("drnas/unrolled")["cases"])
def test_second_order_of_a_softmax_regression(case: dict[str, Any]) -> None:
    weight, bias = nn.Parameter(double(case["w"])), nn.Parameter(double(case["b"]))
    alpha = double(case["alpha"]).requires_grad_()

    def loss(part: str) -> Tensor:
        prediction = double(case[f"X_{part}"]) @ (alpha.softmax(0) * weight) + bias
        return functional.mse_loss(prediction, double(case[f"y_{part}"]))

    ahead = Passes(weight, lambda: loss("search"))
    (found,) = unrolled_gradients(lambda: loss("train"), ahead, [alpha], descent(case, {"w": weight, "b": bias}))
    torch.testing.assert_close(ahead.places[0], double(case["w_unrolled"]), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(found, double(case["second_order_alpha_grad"]), rtol=1e-5, atol=1e-7)
    assert (weight.tolist(), bias.tolist()) == (case["w"], case["b"])


class SmallNet:
    """A DARTS supernet of cells with two nodes, in float64, and its unrolled objective as a function of alpha.

    Its ReLUs must be smooth, and it has no max pool: at a kink, the objective has no derivative with which a difference
    could be compared, and with thousands of units some are always near one.
    """

    EDGES = ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    OPERATIONS = ("none", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")
    RATE, MOMENTUM, DECAY = 0.1, 0.9, 3e-3

    def __init__(self) -> None:
        torch.manual_seed(0)
        every = (tuple(range(len(self.OPERATIONS))),) * len(self.EDGES)
        self.network = DartsSupernet(
            operations=self.OPERATIONS,
            edges=self.EDGES,
            candidates=dict.fromkeys(("normal", "reduce"), every),
            channels=2,
            layers=3,
            classes=3,
        ).double()
        self.images, self.labels = torch.randn(2, 8, 3, 8, 8).double(), torch.randint(3, (2, 8))
        self.alpha = (0.5 * torch.randn(2, *map(len, (self.EDGES, self.OPERATIONS)))).double().requires_grad_()
        self.weights = list(self.network.parameters())
        self.optimiser = torch.optim.SGD(self.weights, self.RATE, momentum=self.MOMENTUM, weight_decay=self.DECAY)
        for _ in range(2):  # so that there is momentum
            self.loss(0).backward()
            self.optimiser.step()
            self.optimiser.zero_grad()

    def loss(self, part: int) -> Tensor:
        """Return the loss on the weight batch (0) or the architecture batch (1)."""
        rows = self.alpha.softmax(-1)
        mixing = {"normal": CellWeights(rows[0]), "reduce": CellWeights(rows[1])}
        return functional.cross_entropy(self.network(self.images[part], mixing), self.labels[part])

    def objective(self) -> float:
        """L_search(w - xi (mu buf + grad_w L_train(w, a) + wd w), a), from its definition."""
        start = [weight.detach().clone() for weight in self.weights]
        slopes = torch.autograd.grad(self.loss(0), self.weights)
        with torch.no_grad():
            for weight, slope in zip(self.weights, slopes, strict=True):
                buffer = self.optimiser.state[weight]["momentum_buffer"]
                weight.copy_(weight - self.RATE * (self.MOMENTUM * buffer + slope + self.DECAY * weight))
            value = self.loss(1).item()
            for weight, before in zip(self.weights, start, strict=True):
                weight.copy_(before)
        return value

    def differences(self, step: float = 1e-4) -> Tensor:
        """Return the gradient of the objective with respect to each alpha, by central differences."""
        slopes, flat = torch.zeros_like(self.alpha), self.alpha.detach().view(-1)
        for place in range(flat.numel()):
            values = []
            for moved in (step, -2 * step):
                flat[place] += moved
                values.append(self.objective())
            flat[place] += step
            slopes.view(-1)[place] = (values[0] - values[1]) / (2 * step)
        return slopes


def test_second_order_is_the_slope_of_the_unrolled_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    """DARTS's own finite difference of length R has an error of order R^2: half of R leaves a quarter of it."""
    monkeypatch.setattr(functional, "relu", lambda values, inplace=False: functional.softplus(values))
    net = SmallNet()
    expected = net.differences()
    largest = expected.abs().max()
    errors = []
    for length in (0.01, 0.005):
        monkeypatch.setattr(unrolled, "_STEP", length)
        (found,) = unrolled_gradients(partial(net.loss, 0), partial(net.loss, 1), [net.alpha], net.optimiser)
        errors.append((found - expected).abs().max() / largest)
    assert errors[0] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)
    (first,) = torch.autograd.grad(net.loss(1), net.alpha)
    assert (first - expected).abs().max() / largest > 0.1, "the second order matters here"


# In a search


def searching(
    bench: Make, update: Update, relaxation: Relaxation | None = None, **changes: Any
) -> DifferentiableSearch:
    """Return a search with this update, about to train."""
    method = bench().method
    kept = relaxation or method.components.relaxation
    search = DifferentiableSearch(
        method.context, dataclasses.replace(method.components, update=update, relaxation=kept, **changes)
    )
    search.begin_epoch()
    return search


def train(search: DifferentiableSearch, update: Update) -> None:
    """Do the host's part and the step for a batch."""
    search.batches.prepare(update.order, BATCH)
    update.step(search.step_context)


def content(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_looking_ahead_moves_alpha_and_leaves_no_trace(bench: Make) -> None:
    update = Unrolled()
    search = searching(bench, update)
    weights, alpha = content(search.current.supernet), content(search.current.architecture)
    search.batches.prepare(update.order, BATCH)
    update.architecture_phase(search.step_context, search.step_context.weight_batch())
    assert same(weights, content(search.current.supernet)), "weights and running statistics are as they were"
    assert not same(alpha, content(search.current.architecture))
    assert all(parameter.grad is None for parameter in search.current.supernet.parameters())


def test_all_passes_of_a_look_ahead_share_one_draw(bench: Make) -> None:
    """With a new draw in each pass, the finite difference would be noise; here a repetition gives the same gradient."""
    gradients = []
    for _ in range(2):
        search = searching(bench, update := Unrolled(), GumbelSoftmax(1.0, 1.0))
        search.current.weight_optimizer.param_groups[0]["lr"] = 0.05
        search.batches.prepare(update.order, BATCH)
        batch = search.step_context.weight_batch()
        torch.manual_seed(3)
        drawn: list[Tensor] = []
        search.current.supernet.register_forward_pre_hook(
            lambda _, given, seen=drawn: seen.append(given[1]["cell"].weights.detach().clone())
        )
        update.architecture_phase(search.step_context, batch)
        assert len(drawn) == 4
        assert all(torch.equal(drawn[0], weights) for weights in drawn)
        gradients.append(content(search.current.architecture))
    assert same(*gradients)


def test_without_a_rate_the_second_order_is_the_first(bench: Make) -> None:
    """With xi = 0, the look-ahead does not move."""
    moved = []
    for update in (FirstOrder(), Unrolled()):
        search = searching(bench, update)
        search.current.weight_optimizer.param_groups[0]["lr"] = 0.0
        torch.manual_seed(1)
        train(search, update)
        moved.append(search.current.architecture.alphas["cell"].detach().clone())
    # Augmentation differs, because the weight batch is read first, but the direction of Adam's first step does not.
    assert (moved[0] - moved[1]).abs().max() < 2.1 * search.context.settings.arch_learning_rate


def test_one_level_moves_both_by_one_batch(bench: Make) -> None:
    search = searching(bench, SingleLevelJoint(), split=everything)
    weights, alpha = content(search.current.supernet), content(search.current.architecture)
    train(search, search.components.update)
    assert not same(weights, content(search.current.supernet))
    assert not same(alpha, content(search.current.architecture))
    assert search.position().images == len(BATCH)


def test_one_level_is_evaluated_on_the_test_part(bench: Make) -> None:
    search = searching(bench, SingleLevelJoint(), split=everything)
    report = None
    while report is None:
        report = search.advance()
    assert 0 <= report.metrics["search_accuracy"] <= 100
    assert search.position().of == 7 + 2, "200 training images in batches of 32, 355 test images in batches of 256"


@pytest.mark.parametrize(
    "update", [SingleLevelJoint(), Unrolled(), FirstOrder()], ids=lambda update: type(update).__name__
)
def test_alpha_stays_still_while_it_is_frozen(bench: Make, update: Update) -> None:
    search = searching(bench, update, stages=(Stage(2, frozen_epochs=1),))
    weights, alpha = content(search.current.supernet), content(search.current.architecture)
    train(search, update)
    assert same(alpha, content(search.current.architecture))
    assert not same(weights, content(search.current.supernet))


@pytest.mark.parametrize(
    "update", [SingleLevelJoint(), Unrolled(), FirstOrder()], ids=lambda update: type(update).__name__
)
def test_a_penalty_pulls_alpha(bench: Make, update: Update) -> None:
    ends = []
    for strength in (0.0, 1000.0):
        search = searching(bench, update, regulariser=KlToFlat(strength))
        with torch.no_grad():
            search.current.architecture.alphas["cell"].fill_(1.0)
        train(search, update)
        ends.append(search.current.architecture.alphas["cell"].detach())
    assert (ends[1] < 1).all(), "towards the flat Dirichlet"
    assert not (ends[0] < 1).all()


def test_the_architecture_is_projected_after_its_step(bench: Make) -> None:
    def to_one(architecture: ArchitectureParameters) -> None:
        with torch.no_grad():
            architecture.alphas["cell"].fill_(1.0)

    search = searching(bench, FirstOrder(project=to_one))
    train(search, search.components.update)
    assert (search.current.architecture.alphas["cell"] == 1).all()


@pytest.mark.parametrize("weights_first", [False, True])
def test_either_level_may_go_first(bench: Make, weights_first: bool) -> None:
    search = searching(bench, FirstOrder(weights_first=weights_first))
    order: list[str] = []
    for name in ("weight", "architecture"):
        getattr(search.current, f"{name}_optimizer").register_step_post_hook(lambda *_, name=name: order.append(name))
    train(search, search.components.update)
    assert order == (["weight", "architecture"] if weights_first else ["architecture", "weight"])


@pytest.mark.parametrize(
    "update", [FirstOrder(), SingleLevelJoint(), Unrolled()], ids=lambda update: type(update).__name__
)
def test_a_path_of_nothing_teaches_nothing(bench: Make, update: Update) -> None:
    """If every edge draws `none`, the loss depends on no architecture parameter."""
    search = searching(bench, update, StraightThrough(1.0, 1.0))
    with torch.no_grad():
        search.current.architecture.alphas["cell"].zero_()[:, 0] = 100.0
    before = search.current.architecture.alphas["cell"].detach().clone()
    search.current.architecture_optimizer.param_groups[0]["weight_decay"] = 0.0
    train(search, update)
    assert torch.equal(search.current.architecture.alphas["cell"], before)
