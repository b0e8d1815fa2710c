"""Every differentiable baseline on a small scale: it learns, and rejects impossible settings."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.assembly import assemble
from engine.method import Context, EpochReport
from engine.search.loop import DifferentiableSearch
from runs import catalogue
from runs.catalogue.settings import validate
from runs.configuration import Draft, resolve
from runs.errors import UsageError
from tests.engine.conftest import same

FAMILY = ("darts", "pcdarts", "snas", "gdas", "nasp", "dsnas", "sharpdarts")
SMALL = {"epochs": 2, "channels": 4, "image_limit": 24, "image_size": 8, "batch_size": 8, "threads": 1}


def start(method: str, space: str, **options: Any) -> tuple[Context, DifferentiableSearch]:
    """Build a small search."""
    small = SMALL | ({"arch_frozen_epochs": 0} if method == "pcdarts" else {}) | options
    config = resolve(Draft(method=method, space=space, preset="quick", device="cpu", options=small))
    context, search = assemble(config, Path(), lambda event: None)
    assert isinstance(search, DifferentiableSearch)
    return context, search


def finish(search: DifferentiableSearch) -> list[EpochReport]:
    reports = []
    while search.epoch < search.epochs:
        if (report := search.advance()) is not None:
            reports.append(report)
    return reports


# Epochs, images and batch size with which the loss falls clearly; fewer where a step takes long.
LEARNING = {"darts": (3, 120, 8), "nasp": (2, 240, 12), "sharpdarts": (2, 80, 8)}


@pytest.mark.parametrize("method", FAMILY)
def test_the_training_loss_falls_and_the_architecture_moves(method: str) -> None:
    """Tested on the space with the cheapest supernet; test_every_method.py resumes it in all its spaces."""
    space = catalogue.method(method).spaces[-1]
    epochs, images, size = LEARNING.get(method, (3, 320, 16))
    options = {"epochs": epochs, "image_limit": images, "batch_size": size, "evaluated_epochs": 1}
    _, search = start(method, space, **options)
    search.prepare()
    alphas = {kind: alpha.detach().clone() for kind, alpha in search.current.architecture.alphas.items()}
    reports = finish(search)
    assert reports[-1].metrics["train_loss"] < reports[0].metrics["train_loss"]
    for kind, alpha in search.current.architecture.alphas.items():
        assert not torch.equal(alpha, alphas[kind])
    found = reports[-1].genotype
    assert found.cells.keys() == alphas.keys()
    assert search.context.space.costs(found, 32)[0].parameters > 0


@pytest.mark.parametrize(
    ("method", "space", "option"),
    [
        ("darts", "nasbench201", {"order": "first"}),
        ("darts", "nasbench201", {"order": "first", "weights_first": True}),
        ("darts", "nasbench201", {"arch_weight_decay": 1.0}),
        ("pcdarts", "nasbench201", {"partial": 1}),
        ("pcdarts", "nasbench201", {"arch_frozen_epochs": 1}),
        ("pcdarts", "nasbench201", {"warm_up_epochs": 2, "epochs": 3}),
        ("pcdarts", "nasbench201", {"weight_share": 0.25, "arch_share": 0.25}),
        ("snas", "nasbench201", {"levels": "one"}),
        ("snas", "nasbench201", {"temperature_start": 1.0}),
        ("snas", "nasbench201", {"temperature_end": 5.0}),
        ("snas", "nasbench201", {"arch_init_mean": 1.0, "arch_weight_decay": 1.0}),
        ("snas", "darts", {"derived_edges": "all", "epochs": 1}),
        ("gdas", "nasbench201", {"temperature_start": 1.0}),
        ("gdas", "nasbench201", {"temperature_end": 5.0}),
        ("nasp", "darts_nasp", {"arch_init_mean": 0.9, "epochs": 1}),
        ("dsnas", "nasbench201", {"freeze_margin": 0.001}),
        ("sharpdarts", "darts_sharp", {"weighting": "softmax"}),
        ("sharpdarts", "darts_sharp", {"rate_power": 10.0, "warm_up_epochs": 0}),
    ],
    ids=str,
)
def test_every_option_does_something(method: str, space: str, option: dict[str, Any]) -> None:
    epochs = option.get("epochs", 2)
    changed = finish(start(method, space, **{"epochs": epochs, "image_limit": 40, "batch_size": 32} | option)[1])
    assert not all(map(same, plain(method, space, epochs), changed))


@functools.cache
def plain(method: str, space: str, epochs: int) -> list[EpochReport]:
    """Return the reports of a search with the default options; many options are compared with the same one."""
    return finish(start(method, space, epochs=epochs, image_limit=40, batch_size=32)[1])


@pytest.mark.parametrize(
    ("method", "space", "values", "named"),
    [
        (
            "pcdarts",
            "darts",
            {"channels": 10, "partial": 4},
            "partial=4 must divide channels=10: 1, 2, 5, 10",
        ),
        ("pcdarts", "darts", {"epochs": 5, "arch_frozen_epochs": 5}, "arch_frozen_epochs must be less than epochs=5"),
        ("pcdarts", "nasbench201", {"epochs": 5, "warm_up_epochs": 5}, "warm_up_epochs must be less than epochs=5"),
        ("sharpdarts", "darts_sharp", {"epochs": 5, "warm_up_epochs": 5}, "warm_up_epochs must be less than epochs=5"),
        ("darts", "darts", {"order": "second", "weights_first": True}, "weights_first=true needs order=first"),
        ("gdas", "darts", {"temperature_end": 0}, "temperature_end"),
    ],
)
def test_settings_that_cannot_be_are_refused(method: str, space: str, values: dict[str, Any], named: str) -> None:
    options = catalogue.options(catalogue.method(method), catalogue.space(space))
    with pytest.raises(UsageError) as refusal:
        validate(options, values, "--set")
    assert named in str(refusal.value)


@pytest.mark.parametrize("space", ["darts_nasp", "darts_sharp"])
def test_genotypes_of_a_variant_are_of_the_darts_space(space: str) -> None:
    method = {"darts_nasp": "nasp", "darts_sharp": "sharpdarts"}[space]
    genotype = start(method, space)[1].genotype()
    assert genotype.space == "darts"
    operations = catalogue.space(space).operations
    assert all(edge.operation in operations for cell in genotype.cells.values() for edge in cell.edges)


@pytest.mark.parametrize("method", FAMILY)
def test_recipes_are_presets_of_the_trainer(method: str) -> None:
    for space, recipe in catalogue.method(method).recipes.items():
        assert catalogue.preset(catalogue.trainer(), space, recipe).name == recipe
