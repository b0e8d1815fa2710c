"""The library: every published cell, its measured size, and its published results."""

from __future__ import annotations

import dataclasses

import pytest

from runs import catalogue
from runs.catalogue import library
from runs.catalogue.costs import count
from runs.catalogue.library import Figure, Published
from runs.errors import NotFoundError
from runs.genotypes.costs import COUNTER, COUNTER_WITH_NORMS
from runs.genotypes.operations import operation
from tests.runs.test_genotypes_costs import NETWORKS, PRDARTS, genotype
from tests.vectors import load

CELLS = library.published()
# Parameters on CIFAR-10 and on ImageNet, as stated in the method notes.
TENAS = {"TENAS_cifar10": (4_137_526, 5_868_640), "TENAS_imagenet": (3_779_398, 5_420_416)}
cells = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)


def parameters(cell: Published, stem: str) -> int:
    return count(cell.genotype, cell.shape(stem)).parameters


@cells
def test_every_cell_says_where_it_is_from_and_how_it_is_trained(cell: Published) -> None:
    assert cell.title
    assert cell.source
    assert cell.costs().parameters > 0
    presets = [preset.name for preset in catalogue.method("retrain").presets if preset.space == cell.space]
    assert cell.recipe in presets
    assert len({cell.name, *cell.aliases}) == 1 + len(cell.aliases)


def test_names_and_aliases_are_of_one_cell_each() -> None:
    names = [name for cell in CELLS for name in (cell.name, *cell.aliases)]
    assert len({name.lower().replace("_", "").replace("-", "").replace(" ", "") for name in names}) == len(names)
    assert all(library.get(name).name == cell.name for cell in CELLS for name in (cell.name, *cell.aliases))


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("drnas-cifar10", "DrNAS_cifar10"),
        ("DARTS", "DARTS_V2"),
        ("PRDARTS_DL2", "PR_DARTS_DL2"),
        ("pr-darts dl2", "PR_DARTS_DL2"),
        ("SNAS", "SNAS_moderate"),
        ("SNAS_aggressive", "SNAS_aggressive_edge_all"),
        ("sharpDARTS", "SHARP_DARTS"),
        ("NASNet-A", "NASNet_A"),
        ("gdas", "GDAS_V1"),
        ("sharper-max-w", "SHARPER_MAX_W"),
        ("SHARPER_SCALAR_genotype_skip_none", "SHARPER_SCALAR"),
        ("pnas", "PNASNet"),
        ("ENAS", "ENASNet"),
        ("TEGNAS_ProbNAS", "TENAS_cifar10"),
        ("te-dag imagenet 3", "TE_DAG_imagenet_3"),
    ],
)
def test_spelling_does_not_matter(typed: str, name: str) -> None:
    assert library.get(typed).name == name


def test_the_nearest_name_is_given() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'ISTA_twostage'"):
        library.get("ISTA_twostages")
    with pytest.raises(NotFoundError, match="nastui genotype list"):
        library.get("?")


@pytest.mark.parametrize("name", NETWORKS)
def test_cells_of_the_baselines(name: str) -> None:
    cell, sharp = library.get(name), NETWORKS[name]["module_set"].startswith("sharp")
    assert cell.genotype == genotype(NETWORKS[name]["genotype"], sharp=sharp)
    for size in ("cifar10", "imagenet"):
        if size in NETWORKS[name]:
            assert parameters(cell, size.removesuffix("10")) == NETWORKS[name][size]["params"]


def test_cells_of_the_four_methods() -> None:
    for case in load("drnas/cost_darts_eval")["cases"]:
        if case["name"].startswith("DrNAS"):
            assert library.get(case["name"]).genotype == genotype(case)
    for name, case in load("ista/network")["genotypes"].items():
        assert library.get(name).genotype == genotype(case["genotype"])
    for name in ("DL1", "DL2", "DR", "UR"):
        assert library.get(f"PR_DARTS_{name}").genotype == genotype(PRDARTS[name])
    for name, (cifar, imagenet) in TENAS.items():
        assert parameters(library.get(name), "cifar") == cifar
        assert parameters(library.get(name), "imagenet") == imagenet
    assert library.get("ISTA_onestage").costs().parameters == 3_371_806
    assert library.get("DrNAS_cifar10").costs().parameters == 4_099_294


# Printed beside the cells of sharpDARTS: layers, parameters, millions of multiply-adds with norms.
SHARPDARTS = [
    ("SHARPER_SCALAR", 20, 7_109_470, 1100),
    ("SHARPER_MAX_W", 20, 6_087_142, 950.22),
    ("SHARPSEPCONV_DARTS_MAX_W", 14, 2_477_062, 405.84),
]


@pytest.mark.parametrize(("name", "layers", "printed", "macs_m"), SHARPDARTS)
def test_cells_of_sharpdarts_have_the_sizes_that_its_file_prints(
    name: str, layers: int, printed: int, macs_m: float
) -> None:
    cell = library.get(name)
    costs = count(cell.genotype, dataclasses.replace(cell.shape(), layers=layers))
    assert costs.parameters == printed
    assert costs.macs_with_norms is not None
    assert costs.macs_with_norms / 1e6 == pytest.approx(macs_m, rel=0.003)


@pytest.mark.parametrize("name", ["DARTS_V1", "DARTS_V2", "PDARTS", "NASNet", "AmoebaNet"])
def test_prdarts_writes_the_same_cells_in_its_own_names(name: str) -> None:
    ours, theirs = library.get(name).genotype, genotype(PRDARTS[name])
    for kind, cell in ours.cells.items():
        for edge, other in zip(cell.edges, theirs.cells[kind].edges, strict=True):
            assert (edge.source, edge.target) == (other.source, other.target)
            assert operation(edge.operation) == operation(other.operation)


@cells
def test_figures_are_complete(cell: Published) -> None:
    for figure in cell.figures:
        assert figure.dataset in {"cifar10", "cifar100", "imagenet", "imagenet16_120"}
        assert figure.metric in {"error", "top1_error", "top5_error", "accuracy"}
        assert 0 < figure.value < 100
        assert figure.source
        assert (figure.macs_m is None) == (figure.counter is None)


def test_no_two_figures_of_a_cell_are_the_same() -> None:
    for cell in CELLS:
        assert len(set(cell.figures)) == len(cell.figures)


@pytest.mark.parametrize(
    ("cell", "figure"),
    [(cell, figure) for cell in CELLS for figure in cell.figures if figure.counter in (COUNTER, COUNTER_WITH_NORMS)],
    ids=lambda value: value.name if isinstance(value, Published) else value.dataset,
)
def test_printed_multiply_adds_are_what_their_counter_counts(cell: Published, figure: Figure) -> None:
    shape = cell.shape("imagenet" if figure.dataset == "imagenet" else "cifar")
    if figure.note == "50 channels":
        shape = dataclasses.replace(shape, channels=50)
    costs = count(cell.genotype, shape)
    counted = costs.macs if figure.counter == COUNTER else costs.macs_with_norms
    assert counted is not None
    assert figure.macs_m == pytest.approx(counted / 1e6, abs=1)
    assert figure.parameters_m == pytest.approx(costs.parameters / 1e6, abs=0.06)


def test_tables_that_disagree_stand_side_by_side() -> None:
    figures = library.get("DARTS_V2").figures
    assert [(f.value, f.gpu_days) for f in figures if f.dataset == "cifar10"] == [(2.76, 1), (2.76, 4), (2.83, 4)]
    assert str(figures[0]) == "cifar10 error 2.76 ± 0.09 %"
    assert "PR-DARTS" in figures[2].source
