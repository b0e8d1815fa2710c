"""Exact linear regions, compared with the vectors and with the matrix of products in the public code."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from engine.zero_cost.proxies.initialisation import initialise
from engine.zero_cost.proxies.linear_regions import ActivationPatterns, Regions
from engine.zero_cost.proxies.networks import build as build_network
from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from tests import vectors
from tests.engine.vector_layers import build

REGIONS = vectors.load("tenas/linear_regions")


@pytest.mark.parametrize("case", REGIONS["cases"], ids=lambda case: case["id"])
def test_vectors(case: dict[str, Any]) -> None:
    expected = case["expected"]
    patterns = ActivationPatterns(build(case["layers"]))
    batches = torch.tensor(case["input"], dtype=torch.float64).split(case["forward_batch"])
    assert patterns.count(batches) == Regions(
        expected["regions"], expected["samples"], expected["bits"], expected["largest_group"]
    )
    rows = [row for batch in batches for row in patterns.packed(batch)[0]]
    numbers: dict[bytes, int] = {}
    groups = [numbers.setdefault(row.tobytes(), len(numbers)) for row in rows]
    assert groups == expected["group_of_sample"]
    if "patterns" in expected:
        bits = [np.unpackbits(row)[: expected["bits"]] for row in rows]
        assert ["".join(map(str, row)) for row in bits] == expected["patterns"]


def counted(rows: list[list[int]]) -> Regions:
    """Count the rows as patterns of one ReLU."""
    return ActivationPatterns(nn.Sequential(nn.ReLU())).count([torch.tensor(rows).float()])


@pytest.mark.parametrize("case", REGIONS["pattern_cases"], ids=lambda case: case["id"])
def test_bit_strings(case: dict[str, Any]) -> None:
    assert counted([[int(bit) for bit in row] for row in case["rows"]]).regions == case["regions"]


def by_products(bits: Tensor) -> int:
    """Count as the public code does: sum one over the number of equal rows."""
    bits = bits.float()
    different = (1 - bits) @ bits.T
    equal = (different + different.T == 0).sum(1)
    return round(float((1 / equal).sum()))


@given(st.integers(1, 20), st.integers(1, 30), st.integers(0, 2**31))
def test_packed_bits_count_what_products_count(width: int, samples: int, seed: int) -> None:
    bits = torch.randint(2, (samples, width), generator=torch.Generator().manual_seed(seed))
    assert counted(bits.tolist()).regions == by_products(bits)


# Of DARTS's bits, 631 belong to different tensors; with one channel, a norm leaves some of these equal up to the sign.
@pytest.mark.parametrize(
    ("space", "bits", "distinct"),
    [(NASBENCH201, 117, {36}), (DARTS, 1987, range(600, 632))],
    ids=["nasbench201", "darts"],
)
def test_the_bits_of_the_thin_networks(space: Any, bits: int, distinct: Container[int]) -> None:
    generator = torch.Generator().manual_seed(0)
    network = build_network(space, "thin", 10)
    initialise(network, "default", generator, fan="fan_in")
    crops = torch.randn(1000, 1, 3, 3, generator=generator)
    patterns = ActivationPatterns(network)
    rows, length = patterns.packed(crops)
    assert length == bits
    columns = np.unpackbits(rows, axis=1)[:, :bits].T
    assert len(np.unique(columns, axis=0)) in distinct
    # Repeating the measurement gives the same result: nothing accumulates.
    assert patterns.packed(crops)[1] == bits


def test_saturation() -> None:
    assert Regions(96, 100, 8, 2).saturated
    assert not Regions(95, 100, 8, 2).saturated
