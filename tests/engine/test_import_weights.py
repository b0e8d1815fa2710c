"""Weights of public repositories: found to be which network they are, and computing what the public network does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.rebuild import rebuild
from engine.tools.import_weights import Candidate, convert
from runs.catalogue import library
from runs.errors import UsageError
from runs.genotypes import nasbench201
from runs.genotypes.genotype import Genotype
from tests.engine.public_networks import DartsNetwork, TopologyNetwork, shuffled, wrapped

STRING = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
SMALL: dict[str, Any] = {"channels": 4, "layers": 5, "classes": 10}
DRNAS = library.get("DrNAS_cifar10").genotype


def cell(name: str, *, is_likely: bool = True) -> Candidate:
    return Candidate(name, library.get(name).genotype, is_likely)


def converted(
    state: dict[str, torch.Tensor], folder: Path, *candidates: Candidate, dataset: str = "cifar10"
) -> dict[str, Any]:
    return convert(state, Path("weights.pt"), candidates, folder, dataset=dataset, recipes={})


@pytest.mark.parametrize(
    ("norms", "stem", "auxiliary"),
    [
        ("plain", "cifar", True),
        ("pool", "cifar", False),
        ("affine_pool", "cifar", False),
        ("all", "cifar", False),
        ("plain", "imagenet", False),
        ("pool", "imagenet", True),
    ],
)
def test_a_network_of_cells_computes_the_same_scores(norms: str, stem: str, auxiliary: bool, tmp_path: Path) -> None:
    public = shuffled(DartsNetwork(DRNAS, **SMALL, norms=norms, stem=stem, auxiliary=auxiliary))
    found = converted(public.state_dict(), tmp_path, cell("DrNAS_cifar10"))
    assert (found["shape"]["stem"], found["shape"]["norms"], found["shape"]["layers"]) == (stem, norms, 5)
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(rebuild(tmp_path)(images), public(images), atol=1e-4)


@pytest.mark.parametrize("name", ["DARTS_V2", "PC_DARTS_image", "PDARTS", "AmoebaNet"])
def test_cells_of_other_papers_do_too(name: str, tmp_path: Path) -> None:
    genotype = library.get(name).genotype
    public = shuffled(DartsNetwork(genotype, **SMALL))
    converted(wrapped(public.state_dict()), tmp_path, cell(name))
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(rebuild(tmp_path)(images), public(images), atol=1e-4)


def test_a_network_of_nasbench201_computes_the_same_scores(tmp_path: Path) -> None:
    genotype = nasbench201.parse_string(STRING)
    public = shuffled(TopologyNetwork(genotype, channels=8, cells=2, classes=120))
    found = converted(public.state_dict(), tmp_path, Candidate("", genotype), dataset="")
    assert (found["dataset"], found["shape"]["channels"], found["shape"]["layers"]) == ("imagenet16_120", 8, 2)
    images = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(rebuild(tmp_path)(images), public(images), atol=1e-4)


def test_the_cell_is_found_among_those_of_the_library(tmp_path: Path) -> None:
    every = [Candidate(entry.name, entry.genotype, entry.method == "PC-DARTS") for entry in library.published()]
    state = shuffled(DartsNetwork(library.get("PCDARTS").genotype, **SMALL)).state_dict()
    found = converted(state, tmp_path, *every)
    assert Genotype.from_json(found["genotype"]) == library.get("PCDARTS").genotype


def test_several_cells_that_fit_are_named(tmp_path: Path) -> None:
    # Where an edge comes from has no weights.
    text = "Genotype(normal=[{0}], normal_concat=[2, 3, 4, 5], reduce=[{0}], reduce_concat=[2, 3, 4, 5])"
    from runs.catalogue.genotype_text import parse_text

    pairs = ["('sep_conv_3x3', 0), ('sep_conv_3x3', 1)"] * 4
    one = parse_text(text.format(", ".join(pairs)))
    other = parse_text(text.format(", ".join([*pairs[:2], "('sep_conv_3x3', 1), ('sep_conv_3x3', 0)", pairs[3]])))
    state = shuffled(DartsNetwork(one, **SMALL)).state_dict()
    with pytest.raises(UsageError, match="fits several cells: one, other"):
        converted(state, tmp_path, Candidate("one", one), Candidate("other", other))
    assert converted(state, tmp_path, Candidate("one", one), Candidate("other", other, False))["name"] == "one"


def test_what_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    state = shuffled(DartsNetwork(DRNAS, **SMALL)).state_dict()
    with pytest.raises(UsageError, match="belongs to another network"):
        converted(state, tmp_path, cell("DARTS_V2"))
    with pytest.raises(UsageError, match="fits no cell of the library"):
        converted(state, tmp_path, cell("DARTS_V2"), cell("PDARTS"))
    del state["cells.0.preprocess0.op.1.weight"]
    with pytest.raises(UsageError, match=r"lacks 'cells.0.older.body.0.weight'"):
        converted(state, tmp_path, cell("DrNAS_cifar10"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["cells.0._ops.0._ops.4.op.1.weight", "stem.0.weight"])
def test_weights_of_a_search_network_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not the weights of a trained network"):
        converted({name: torch.zeros(3)}, tmp_path, cell("DARTS_V2"))


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = shuffled(DartsNetwork(DRNAS, **SMALL)).state_dict()
    state["classifier.weight"][0, 0] = torch.nan
    with pytest.raises(UsageError, match=r"'classifier.weight' in 'weights.pt' has values that are not finite"):
        converted(state, tmp_path, cell("DrNAS_cifar10"))
    assert not list(tmp_path.iterdir())
