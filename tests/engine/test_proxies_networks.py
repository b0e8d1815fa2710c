"""The scoring networks: their sizes, their masks, and agreement with the engine's own networks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.spaces.darts.supernet import MixedCell
from engine.spaces.layers import Rectified
from engine.spaces.nasbench201.network import NasBench201Network
from engine.spaces.nasbench201.supernet import NasBench201Supernet
from engine.spaces.scoring import everything
from engine.spaces.space import Candidates, CellWeights
from engine.zero_cost.proxies.genotypes import live_operations
from engine.zero_cost.proxies.initialisation import initialise
from engine.zero_cost.proxies.networks import build
from runs.catalogue import library
from runs.catalogue.spaces.darts import SPACE as DARTS
from runs.catalogue.spaces.darts_sharp import SPACE as SHARP
from runs.catalogue.spaces.nasbench201 import SPACE as NASBENCH201
from runs.errors import UsageError
from runs.genotypes import darts, nasbench201
from runs.genotypes.cell_networks import CellSlot
from runs.genotypes.genotype import Genotype

SPACES = pytest.mark.parametrize("space", [NASBENCH201, DARTS], ids=lambda space: space.name)


def drawn(space: Any, which: str, how: str = "default", seed: int = 0) -> Any:
    network = build(space, which, 10)
    initialise(network, how, torch.Generator().manual_seed(seed))
    return network


def randomised(network: nn.Module) -> nn.Module:
    """Return the network in double precision, with random scales and shifts, so that they matter."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(-1, 1)
    return network.double()


def plan(space: Any, live: tuple[tuple[int, ...], ...]) -> CellWeights:
    weights = torch.zeros(len(space.edges), len(space.operations), dtype=torch.float64)
    for edge, row in enumerate(live):
        weights[edge, list(row)] = 1 / max(len(row), 1)
    return CellWeights(weights, active=live)


def varied(space: Any) -> Candidates:
    """Return from none to several live operations per edge."""
    return {
        kind: tuple(row[edge % 2 : edge % (len(row) + 1)] for edge, row in enumerate(rows))
        for kind, rows in everything(space).items()
    }


# The public thin networks also have a stem of 9 + 2 weights that they never run: with it they have 117 and 5,413.
@pytest.mark.parametrize(
    ("space", "which", "classes", "count"),
    [
        (NASBENCH201, "ntk", 10, 14_677),
        (NASBENCH201, "thin", 10, 117 - 11),
        (DARTS, "ntk", 10, 5_431),
        (DARTS, "ntk", 1000, 14_341),
        (DARTS, "thin", 10, 5_413 - 11),
    ],
)
def test_as_many_weights_as_published(space: Any, which: str, classes: int, count: int) -> None:
    assert sum(parameter.numel() for parameter in build(space, which, classes).parameters()) == count


def test_a_nasbench201_genotype_computes_what_its_own_network_does() -> None:
    genotype = nasbench201.genotype([3, 0, 2, 1, 4, 3])
    own = randomised(NasBench201Network(genotype, channels=3, cells=1, classes=10))
    network = build(NASBENCH201, "ntk", 10).double()
    network.set_live(live_operations(genotype, NASBENCH201))
    pairs = zip(network.blocks, own.body.children(), strict=True)  # type: ignore
    for block, theirs in pairs:
        if hasattr(block, "edges"):
            for edge, (operation, (column,)) in enumerate(
                zip(theirs.edges, [(column,) for column in nasbench201.operation_indices(genotype)], strict=True)
            ):
                if column:
                    block.edges[edge].operations[str(column)].load_state_dict(operation.state_dict(), strict=False)
        else:
            block.load_state_dict(theirs.state_dict(), strict=False)
    network.head.load_state_dict(own.head.state_dict(), strict=False)  # type: ignore
    images = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(network(images), own(images)[0])


@pytest.mark.parametrize("live", [everything(NASBENCH201), varied(NASBENCH201)], ids=["everything", "varied"])
def test_a_nasbench201_supernet_computes_what_the_engines_does(live: Candidates) -> None:
    own = randomised(NasBench201Supernet(channels=3, cells=1, classes=10, candidates=everything(NASBENCH201)))
    network = build(NASBENCH201, "ntk", 10).double()
    # Batch norms of the engine's supernet have no scale and shift; here they keep their initial values 1 and 0.
    for block, theirs in zip([*network.blocks, network.head], [own.stem, *own.blocks, own.head], strict=True):  # type: ignore
        if hasattr(block, "edges"):
            for edge, built in zip(block.edges, theirs.edges, strict=True):
                for column, operation in built.items():
                    edge.operations[column].load_state_dict(operation.state_dict(), strict=False)
        else:
            block.load_state_dict(theirs.state_dict(), strict=False)
    network.set_live(live)
    images = torch.randn(4, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(network(images), own(images, {"cell": plan(NASBENCH201, live["cell"])}))


@pytest.mark.parametrize("kind", DARTS.cells)
def test_darts_cells_compute_what_the_engines_do(kind: str) -> None:
    network = randomised(build(DARTS, "thin", 10))
    cell: Any = next(cell for cell in network.cells if cell.kind == kind)  # type: ignore
    channels = 1 if kind == "normal" else 2
    slot = CellSlot(kind, channels, (1, 1 if kind == "normal" else 4), False, (1, 1), False)
    live = varied(DARTS)[kind]
    own: Any = MixedCell(
        slot, DARTS.edges, DARTS.operations, everything(DARTS)[kind], partial=1, affine=True, norms="plain", last=True
    ).double()
    own.older.load_state_dict(cell.older.state_dict(), strict=False)
    own.newer.load_state_dict(cell.newer.state_dict(), strict=False)
    for edge, theirs in zip(cell.edges, own.edges, strict=True):
        for column, operation in edge.operations.items():
            if isinstance(operation, Rectified):
                theirs.operations[column].load_state_dict(operation.body.state_dict(), strict=False)
    older = torch.randn(4, 1, 7, 7, dtype=torch.float64)
    newer = torch.randn(4, slot.channels_before[1], 7, 7, dtype=torch.float64)
    expected = own(older.relu(), newer.relu(), plan(DARTS, live))
    torch.testing.assert_close(cell(older, newer, live), expected)


@SPACES
def test_a_masked_network_computes_what_a_smaller_one_does(space: Any) -> None:
    images = torch.randn(4, 3, 8, 8)
    used = drawn(space, "ntk")
    for live in (varied(space), everything(space)):
        used.set_live(live)
        used(images)
    used.set_live(varied(space))
    fresh = drawn(space, "ntk")
    fresh.set_live(varied(space))
    assert torch.equal(used(images), fresh(images))


@SPACES
def test_a_network_without_operations_does_not_see_its_images(space: Any) -> None:
    network = drawn(space, "ntk")
    network.set_live({kind: tuple(() for _ in space.edges) for kind in space.cells})
    scores: Tensor = network(torch.randn(4, 3, 8, 8))
    assert torch.equal(scores, scores[:1].expand_as(scores))


@SPACES
@pytest.mark.parametrize("side", [3, 5])
def test_odd_sides(space: Any, side: int) -> None:
    assert drawn(space, "ntk")(torch.randn(4, 3, side, side)).shape == (4, 10)


def test_live_operations_that_the_space_does_not_have() -> None:
    network = build(NASBENCH201, "thin", 10)
    with pytest.raises(UsageError, match="6 edges"):
        network.set_live({"cell": ((1,),) * 5})
    with pytest.raises(UsageError, match="6 edges for each of: cell"):
        network.set_live({"normal": ((1,),) * 6})
    with pytest.raises(UsageError, match="Edge 2"):
        network.set_live({"cell": ((1,), (1,), (5,), (1,), (1,), (1,))})
    with pytest.raises(UsageError, match="Edge 0"):
        network.set_live({"cell": ((1, 1), (1,), (1,), (1,), (1,), (1,))})
    with pytest.raises(UsageError, match="darts_sharp"):
        build(SHARP, "ntk", 10)


@SPACES
def test_the_library_default_is_what_default_means(space: Any) -> None:
    network = drawn(space, "ntk")
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            bound = part.weight[0].numel() ** -0.5
            values = torch.cat([value.detach().flatten() for value in part.parameters()])
            assert values.abs().max() <= bound
            if len(values) > 50:
                assert float(values.std()) == pytest.approx(bound / 3**0.5, rel=0.25)


@pytest.mark.parametrize("fan", ["fan_in", "fan_out"])
def test_kaiming_has_the_deviation_of_the_library(fan: Any) -> None:
    layers = nn.Sequential(nn.Conv2d(40, 20, 3), nn.Conv2d(400, 400, 3, groups=400), nn.Linear(30, 100))
    initialise(layers, "kaiming", torch.Generator().manual_seed(0), fan=fan)
    for layer in layers:
        theirs = nn.init.kaiming_normal_(torch.empty_like(layer.weight), mode=fan, nonlinearity="relu")
        assert float(layer.weight.detach().std()) == pytest.approx(float(theirs.detach().std()), rel=0.1)
        assert not layer.bias.any()


def test_unknown_initialisations_are_refused() -> None:
    with pytest.raises(UsageError, match="Did you mean 'kaiming'"):
        initialise(build(NASBENCH201, "thin", 10), "kaiming_norm", torch.Generator())


def test_published_cells_of_darts_can_be_scored() -> None:
    live = live_operations(library.get("TENAS_cifar10").genotype, DARTS)
    assert {kind: sum(map(len, rows)) for kind, rows in live.items()} == {"normal": 8, "reduce": 8}
    # dil_conv_3x3 from node 0 and sep_conv_5x5 from node 1 into node 2.
    assert live["normal"][:2] == ((DARTS.operations.index("dil_conv_3x3"),), (DARTS.operations.index("sep_conv_5x5"),))


@pytest.mark.parametrize(
    ("genotype", "space", "message"),
    [
        (library.get("NASNet").genotype, DARTS, "outputs the nodes"),
        (library.get("TENAS_cifar10").genotype, NASBENCH201, "belongs to the space 'darts'"),
        (nasbench201.genotype([1] * 6), DARTS, "belongs to the space 'nasbench201'"),
        (
            darts.genotype([("conv_7x1_1x7", 0), ("none", 1)] * 4, [("none", 0), ("none", 1)] * 4),
            DARTS,
            "Unknown operation",
        ),
        (darts.genotype([("none", 0), ("none", 0)] * 4, [("none", 0), ("none", 1)] * 4), DARTS, "listed twice"),
    ],
    ids=["nodes", "darts", "nasbench201", "operation", "twice"],
)
def test_genotypes_that_have_no_scoring_network(genotype: Genotype, space: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        live_operations(genotype, space)
