"""The NTK and its condition number: compared with the vectors, and all ways to compute it with each other."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.spaces.scoring import everything
from engine.zero_cost.proxies import ntk
from engine.zero_cost.proxies.initialisation import initialise
from engine.zero_cost.proxies.linear_regions import ActivationPatterns
from engine.zero_cost.proxies.networks import build as build_network
from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from tests import vectors
from tests.engine.vector_layers import build, evaluated

NTK = vectors.load("tenas/ntk")
WAYS = [
    (case, form, how)
    for case in NTK["cases"]
    for form in case["expected"]
    for how in ("loop", "chunked", "per_sample")
    if how != "per_sample" or not form.startswith("batch")
]


def condition(kernel: torch.Tensor) -> float:
    return ntk.condition_number(*ntk.extremes(kernel))


def infinite_or(value: Any) -> Any:
    return math.inf if value == "inf" else pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(("case", "form", "how"), WAYS, ids=[f"{c['id']}-{f}-{h}" for c, f, h in WAYS])
def test_vectors(case: dict[str, Any], form: str, how: ntk.Backward) -> None:
    network, (bn, parameters) = build(case["layers"]), form.split("/")
    if bn == "eval":
        evaluated(network)
    images = torch.tensor(case["input"], dtype=torch.float64)
    expected = case["expected"][form]
    found = {
        outputs: ntk.gram(
            network,
            images,
            outputs=outputs,
            bn="frozen" if bn == "frozen" else "batch",
            parameters=parameters,  # type: ignore[arg-type]
            how=how,
            chunk=3,
        )
        for outputs in ("sum", "trace", "full")
    }
    for outputs, gram in found.items():
        assert condition(gram) == infinite_or(expected[f"cond_{outputs}"])
    for outputs in ("sum", "trace"):
        assert float(found[outputs].trace()) == pytest.approx(expected[f"trace_{outputs}"], rel=1e-6, abs=1e-12)
    if parameters == "weights":
        for outputs in ("sum", "trace"):
            whole = torch.tensor(expected[f"gram_{outputs}"], dtype=torch.float64)
            torch.testing.assert_close(found[outputs], whole, rtol=1e-6, atol=1e-8 * float(whole.abs().max()))
            eigenvalues = torch.tensor(expected[f"eig_{outputs}"], dtype=torch.float64)
            scale = float(eigenvalues.abs().max())
            torch.testing.assert_close(torch.linalg.eigvalsh(found[outputs]), eigenvalues, rtol=1e-6, atol=1e-9 * scale)
        low, high = expected["eig_full_minmax"]
        assert ntk.extremes(found["full"]) == (
            pytest.approx(low, rel=1e-6, abs=1e-9 * abs(high)),
            pytest.approx(high, rel=1e-6),
        )
        assert len(found["full"]) == expected["full_size"]


@pytest.mark.parametrize("case", NTK["cases"], ids=lambda case: case["id"])
def test_gradients_in_single_precision_are_enough(case: dict[str, Any]) -> None:
    network, images = build(case["layers"]).float(), torch.tensor(case["input"])
    for form, expected in case["expected"].items():
        bn, parameters = form.split("/")
        if bn == "eval":
            continue
        for outputs in ("sum", "trace", "full"):
            gram = ntk.gram(
                network,
                images,
                outputs=outputs,  # type: ignore[arg-type]
                bn="frozen" if bn == "frozen" else "batch",
                parameters=parameters,  # type: ignore[arg-type]
            )
            wanted = expected[f"cond_{outputs}"]
            if wanted == "inf":
                assert condition(gram) == math.inf
            elif wanted < 1e3:
                assert condition(gram) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("case", NTK["gram_cases"], ids=lambda case: case["id"])
def test_condition_policy(case: dict[str, Any]) -> None:
    assert condition(torch.tensor(case["gram"], dtype=torch.float64)) == infinite_or(case["cond"])


def test_a_kernel_that_is_not_finite_has_an_infinite_condition_number() -> None:
    assert condition(torch.tensor([[math.nan, 0.0], [0.0, 1.0]])) == math.inf
    assert condition(torch.tensor([[math.inf, 0.0], [0.0, 1.0]])) == math.inf


@pytest.mark.parametrize(
    ("lowest", "highest", "expected"),
    [
        (2.0, 10.0, 5.0),
        (-2.0, 10.0, -5.0),  # rounding has made a singular kernel indefinite
        (0.0, 0.0, 100_000.0),  # a dead network: NaN
        (math.nan, math.nan, 100_000.0),
        (0.0, 3.0, math.inf),
    ],
)
def test_the_public_code_divides_eigenvalues_of_any_sign(lowest: float, highest: float, expected: float) -> None:
    assert ntk.public_condition_number(lowest, highest) == expected


def test_the_public_code_does_so_in_single_precision() -> None:
    network, images = network_of(NASBENCH201, 0)
    network, images = network.float(), images.float()
    single = ntk.gram(network, images, dtype=torch.float32)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), ntk.gram(network, images), rtol=1e-4, atol=1e-4)


def network_of(space: Any, seed: int) -> tuple[torch.nn.Module, torch.Tensor]:
    """Return a network of a space in double precision, and images."""
    generator = torch.Generator().manual_seed(seed)
    network = build_network(space, "ntk", 3)
    initialise(network, "default", generator)
    # Two operations per edge in turn, so that every operation occurs.
    live = {
        kind: tuple(tuple({row[edge % len(row)], row[(edge + 1) % len(row)]}) for edge, row in enumerate(rows))
        for kind, rows in everything(space).items()
    }
    network.set_live(live)
    return network.double(), torch.randn(4, 3, 6, 6, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("space", [NASBENCH201, DARTS], ids=lambda space: space.name)
@pytest.mark.parametrize("outputs", ["sum", "trace", "full"])
def test_all_ways_give_the_same(space: Any, outputs: ntk.Outputs) -> None:
    network, images = network_of(space, 0)
    exact = ntk.gram(network, images, outputs=outputs)
    torch.testing.assert_close(ntk.gram(network, images, outputs=outputs, how="chunked", chunk=5), exact)
    frozen = ntk.gram(network, images, outputs=outputs, bn="frozen")
    torch.testing.assert_close(ntk.gram(network, images, outputs=outputs, bn="frozen", how="per_sample"), frozen)
    assert not torch.allclose(exact, frozen, rtol=0.01)
    # Freezing must leave no trace.
    assert torch.equal(ntk.gram(network, images, outputs=outputs), exact)


@pytest.mark.parametrize("outputs", ["sum", "trace", "full"])
def test_a_centred_kernel_is_that_of_the_differences_between_samples(outputs: ntk.Outputs) -> None:
    network, images = network_of(NASBENCH201, 0)
    frozen = ntk.gram(network, images, outputs=outputs, bn="frozen")
    centring = torch.eye(len(images)) - torch.full((len(images), len(images)), 1 / len(images))
    whole = torch.kron(centring.to(frozen), torch.eye(len(frozen) // len(images)).to(frozen))
    expected = torch.linalg.eigvalsh(whole @ frozen @ whole)[len(frozen) // len(images) :]
    for how in ("loop", "per_sample"):
        found = ntk.gram(network, images, outputs=outputs, bn="centred", how=how)
        torch.testing.assert_close(torch.linalg.eigvalsh(found), expected)


def test_what_changes_all_samples_alike_is_not_in_a_centred_kernel() -> None:
    images = torch.tensor([[100.0, 1.0, 2.0], [100.0, -1.0, 5.0], [100.0, 3.0, 1.0]])
    with_it, without = (nn.Linear(features, 1, bias=False) for features in (3, 2))
    kappa = condition(ntk.gram(with_it, images, bn="centred"))
    assert kappa == pytest.approx(condition(ntk.gram(without, images[:, 1:], bn="centred")))
    assert kappa < 100 < condition(ntk.gram(with_it, images, bn="frozen"))


def test_samples_that_depend_on_each_other_have_no_gradients_of_their_own() -> None:
    network, images = network_of(NASBENCH201, 0)
    with pytest.raises(ValueError, match="bn=frozen"):
        ntk.gram(network, images, how="per_sample")


def test_frozen_statistics_are_back_after_an_error() -> None:
    network, images = network_of(NASBENCH201, 0)
    before = ntk.gram(network, images)
    with pytest.raises(RuntimeError):
        ntk.gram(network, images[:, :2], bn="frozen", how="per_sample")
    assert torch.equal(ntk.gram(network, images), before)


def test_convolutions_are_not_rounded_on_a_gpu() -> None:
    seen = []
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    network[2].register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    network[3].register_full_backward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    before = torch.backends.cudnn.allow_tf32
    for how in ("loop", "per_sample"):
        ntk.gram(network, torch.randn(3, 1, 2, 2), how=how)
    ActivationPatterns(network).count([torch.randn(3, 1, 2, 2)])
    assert seen
    assert not any(seen)
    assert torch.backends.cudnn.allow_tf32 is before


@settings(max_examples=8)
@given(st.permutations(range(4)), st.sampled_from(["batch", "frozen", "centred"]))
def test_the_order_of_a_batch_does_not_matter(order: list[int], bn: ntk.Norms) -> None:
    network, images = network_of(NASBENCH201, 1)
    how: ntk.Backward = "loop" if bn == "batch" else "per_sample"
    gram = ntk.gram(network, images, bn=bn, how=how)
    other = ntk.gram(network, images[order], bn=bn, how=how)
    if bn != "centred":
        torch.testing.assert_close(other, gram[order][:, order])
    assert condition(other) == pytest.approx(condition(gram), rel=1e-6)
