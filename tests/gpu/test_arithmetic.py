"""A GPU computes what a CPU computes: networks, draws and proxies in float64; images and settings in float32."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.architecture.relaxations import dirichlet
from engine.architecture.relaxations.dirichlet import DirichletRelaxation
from engine.assembly import assemble
from engine.core.runtime import Runtime
from engine.methods.ista.reference_adam import ReferenceAdam
from engine.search.loop import DifferentiableSearch
from engine.spaces.space import MixingWeights
from engine.zero_cost.proxies import ntk
from engine.zero_cost.proxies.linear_regions import ActivationPatterns
from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.configuration import Draft, resolve
from tests.engine.conftest import round_trip
from tests.engine.retraining import CELL, DRNAS, Retraining
from tests.engine.test_data_augment import augmenter
from tests.engine.test_data_augment import images as pixels
from tests.engine.test_host_reads import begun
from tests.engine.test_proxies_ntk import network_of
from tests.engine.test_reference_adam import options as adam_options
from tests.engine.vector_layers import build
from tests.vectors import load

SUPERNETS = [
    ("drnas", "nasbench201", {"stage_partial": "1"}),
    ("drnas", "nasbench201", {"stage_partial": "4"}),
    ("darts", "darts", {}),
    ("drnas", "darts", {}),
    ("prdarts", "prdarts", {}),
    ("sharpdarts", "darts_sharp", {}),
    ("nasp", "darts_nasp", {}),
]
NTK = load("tenas/ntk")["cases"]


def close(found: Any, expected: Any, tolerance: float = 1e-9, *, floor: float = 1e-13) -> None:
    """Assert that two tensors differ by no more than a share of the norm; missing gradients match missing ones.

    Args:
        found, expected: tensors on any device, or None.
        tolerance: the share.
        floor: a difference of this norm is rounding, for tensors that should be zero.
    """
    if found is None or expected is None:
        assert found is expected
        return
    found, expected = (tensor.detach().cpu().double() for tensor in (found, expected))
    assert (found - expected).norm() <= tolerance * expected.norm() + floor


def compare(here: nn.Module, there: nn.Module, device: str, *inputs: Any) -> None:
    """Compare the outputs of a network and its copy on a device, and the gradients of all their weights."""
    results = []
    for network, place in ((here, "cpu"), (there, device)):
        network.to(device=place, dtype=torch.float64)
        found = network(*(moved(each, place) for each in inputs))
        scores = found[0] if isinstance(found, tuple) else found
        (scores**2).sum().backward()
        results.append((scores, [parameter.grad for parameter in network.parameters()]))
    (expected, gradients), (found, others) = results
    close(found, expected)
    largest = max(float(gradient.norm()) for gradient in gradients if gradient is not None)
    for own, other in zip(others, gradients, strict=True):
        close(own, other, floor=1e-12 * largest)


def moved(given: Any, place: str) -> Any:
    """Return images or mixing weights on a device, in float64."""
    if isinstance(given, Tensor):
        return given.to(device=place, dtype=torch.float64)
    return {kind: replace(cell, weights=moved(cell.weights.detach(), place)) for kind, cell in given.items()}


@pytest.mark.parametrize(("method", "space", "options"), SUPERNETS, ids=str)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["nchw", "nhwc"])
def test_a_supernet_has_the_outputs_and_gradients_of_the_cpu(
    method: str, space: str, options: dict[str, Any], layout: Any, device: str
) -> None:
    _, search = assemble(
        resolve(Draft(method=method, space=space, preset="quick", device="cpu", options={"threads": 1} | options)),
        Path(),
        lambda event: None,
    )
    assert isinstance(search, DifferentiableSearch)
    supernet: nn.Module = search.current.supernet.to(memory_format=layout)  # type: ignore[call-overload]
    mixing: MixingWeights = search.step_context.evaluation_weights()
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)).to(memory_format=layout)
    compare(supernet, copy.deepcopy(supernet), device, images, mixing)


@pytest.mark.parametrize("text", [CELL, DRNAS], ids=["nasbench201", "darts"])
def test_a_discrete_network_has_the_outputs_and_gradients_of_the_cpu(text: str, device: str) -> None:
    network = Retraining(text).trainer.network.train()
    compare(network, copy.deepcopy(network), device, torch.randn(4, 3, 16, 16))


@pytest.mark.parametrize("case", load("drnas/pathwise")["cases"])
def test_dirichlet_gradients_are_those_of_the_vectors(
    case: dict[str, Any], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pathwise derivative is a kernel of its own on each kind of device. The sample is given."""
    given, alpha, factors = (
        torch.tensor([case[name]], dtype=torch.float32, device=device) for name in ("sample", "alpha", "grad_weights")
    )
    monkeypatch.setattr(torch, "_sample_dirichlet", lambda *_: given)
    alpha.requires_grad_()
    weights = dirichlet.draw(alpha, torch.ones_like(alpha, dtype=torch.bool))
    (gradient,) = torch.autograd.grad((weights * factors).sum(), alpha)
    meta = load("drnas/pathwise")["meta"]
    expected = torch.tensor([case["grad_alpha"]])
    torch.testing.assert_close(gradient.cpu(), expected, rtol=meta["rtol"], atol=meta["atol"])


def test_dirichlet_samples_have_their_mean(device: str) -> None:
    search = begun("drnas", "nasbench201", "quick", device)
    relaxation, architecture = DirichletRelaxation(), search.current.architecture
    mean = relaxation.mean(architecture)
    with torch.no_grad():
        samples = [relaxation.sample(architecture) for _ in range(400)]
    for kind, cell in mean.items():
        drawn = torch.stack([sample[kind].weights for sample in samples])
        assert drawn.device.type == torch.device(device).type
        # The standard error of a mean of 400 numbers between 0 and 1 is at most 0.025.
        assert (drawn.mean(0) - cell.weights).abs().max() < 0.1
        torch.testing.assert_close(drawn.sum(2), torch.ones_like(drawn.sum(2)))


@pytest.mark.parametrize("case", NTK, ids=lambda case: case["id"])
def test_the_kernel_of_a_network_is_that_of_the_vectors(case: dict[str, Any], device: str) -> None:
    network = build(case["layers"]).to(device)
    images = torch.tensor(case["input"], dtype=torch.float64, device=device)
    for form, expected in case["expected"].items():
        bn, parameters = form.split("/")
        if bn == "eval" or parameters != "weights":
            continue
        gram = ntk.gram(network, images, outputs="sum", bn=bn, parameters="weights")  # type: ignore[arg-type]
        close(gram, torch.tensor(expected["gram_sum"], dtype=torch.float64), 1e-6)


@pytest.mark.parametrize("space", [NASBENCH201, DARTS], ids=lambda space: space.name)
@pytest.mark.parametrize("how", get_args(ntk.Backward))
def test_proxies_are_those_of_the_cpu(space: Any, how: ntk.Backward, device: str) -> None:
    network, images = network_of(space, 0)
    other, there = copy.deepcopy(network).to(device), images.to(device)
    bn: ntk.Norms = "frozen" if how == "per_sample" else "batch"
    gram = ntk.gram(network, images, bn=bn, how=how)
    found = ntk.gram(other, there, bn=bn, how=how)
    close(found, gram)
    assert ntk.condition_number(*ntk.extremes(found)) == pytest.approx(
        ntk.condition_number(*ntk.extremes(gram)), rel=1e-5
    )
    if how == "loop":
        assert ActivationPatterns(other).count([there]) == ActivationPatterns(network).count([images])


@pytest.mark.parametrize("case", load("ista/adam")["cases"], ids=lambda case: case["id"])
def test_the_adam_of_ista_takes_the_steps_of_the_vectors(case: dict[str, Any], device: str) -> None:
    code = nn.Parameter(torch.tensor(case["p0"], dtype=torch.float64, device=device))
    optimizer = ReferenceAdam([code], **adam_options(case), capturable=device != "cpu")
    for gradient, expected in zip(case["grads"], case["after"]["reference_eps_before_bias_correction"], strict=True):
        code.grad = torch.tensor(gradient, dtype=torch.float64, device=device)
        optimizer.step()
        assert code.tolist() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_gpu_makes_the_images_of_the_cpu(device: str) -> None:
    data = pixels(100, 32)
    draws = augmenter(data).draw(100)
    here = augmenter(data, cutout_length=16).train(torch.arange(100), draws)[0]
    there = augmenter(data.to(torch.device(device)), cutout_length=16).train(torch.arange(100), draws)[0]
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1e-6)


@pytest.fixture
def _settings_of_the_process() -> Iterator[None]:
    yield
    Runtime(device="cpu", seed=0, threads=1, precision="float32", channels_last=False)


@pytest.mark.usefixtures("_settings_of_the_process")
def test_tf32_rounds_convolutions_and_can_be_switched_off(device: str) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, 64, 16, 16, generator=generator)
    kernel = torch.randn(64, 64, 3, 3, generator=generator)
    exact = functional.conv2d(images.double(), kernel.double(), padding=1)
    errors = []
    for allowed in (False, True):
        Runtime(device=device, seed=0, threads=1, precision="float32", channels_last=False, tf32=allowed)
        found = functional.conv2d(images.to(device), kernel.to(device), padding=1)
        errors.append(float((found.cpu().double() - exact).norm() / exact.norm()))
    assert errors[0] < 1e-5
    # The library may still choose an algorithm that does not round.
    assert errors[0] <= errors[1] < 1e-2


@pytest.mark.parametrize("method", ["drnas", "gdas", "prdarts"])
def test_a_checkpoint_moves_between_a_cpu_and_a_gpu(method: str, device: str) -> None:
    """The search continues on the other device, with the same weights and the same genotype."""
    space = "prdarts" if method == "prdarts" else "nasbench201"
    for first, second in (("cpu", device), (device, "cpu")):
        old, new = (begun(method, space, "quick", place) for place in (first, second))
        new.load(round_trip(old.state()))
        assert new.genotype() == old.genotype()
        for name, tensor in new.weights().items():
            assert torch.equal(tensor.cpu(), old.weights()[name].cpu())
        assert {tensor.device.type for tensor in new.current.weights} == {torch.device(second).type}
        new.advance()


def test_a_trained_network_classifies_as_on_the_cpu(device: str) -> None:
    here, there = Retraining(epochs=1), Retraining(epochs=1, device=device)
    while here.trainer.position().step < math.ceil(here.context.settings.image_limit / 32):
        here.advance(1)
    there.trainer.load(round_trip(here.trainer.state()))
    expected, found = here.epoch().metrics, there.epoch().metrics
    assert found["test_accuracy"] == pytest.approx(expected["test_accuracy"], abs=0.5)
    assert found["test_loss"] == pytest.approx(expected["test_loss"], rel=0.01)
