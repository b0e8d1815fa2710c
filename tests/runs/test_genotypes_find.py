"""What users type for a genotype: names of the library, runs, files and text, each recognised as such."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runs.catalogue import library
from runs.catalogue.genotype_text import convert, format_text
from runs.errors import NotFoundError, UsageError
from runs.genotypes.genotype import Genotype
from runs.home import Home
from runs.log import history
from runs.store.find_genotype import find, of_runs
from runs.store.run_store import RunStore
from tests.synthetic import make_run

CELL = library.get("DrNAS_cifar10")


@pytest.fixture
def store(home: Home) -> RunStore:
    return RunStore(home)


def test_a_name_of_the_library(store: RunStore) -> None:
    found = find("drnas cifar-10", store)
    assert (found.name, found.text, found.recipe) == ("DrNAS_cifar10", "DrNAS_cifar10", "drnas-cifar")
    assert found.published is CELL
    assert found.genotype == CELL.genotype


@pytest.mark.parametrize("form", ["json", "python", "string"])
def test_text_and_files(store: RunStore, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, file = convert(CELL.genotype, form), tmp_path / f"cell.{form}"
    found = find(text, store)
    assert (found.name, found.text, found.recipe, found.published) == ("", text, "", None)
    file.write_text(text)
    monkeypatch.chdir(tmp_path)
    found = find(file.name, store)
    assert (found.name, found.text) == (file.name, str(file))
    assert found.genotype == CELL.genotype


def test_the_library_comes_before_a_file_of_its_name(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "DARTS_V2").write_text(format_text(CELL.genotype))
    assert find("DARTS_V2", store).name == "DARTS_V2"
    assert find("DARTS_V2", store).genotype != CELL.genotype
    assert find("./DARTS_V2", store).genotype == CELL.genotype


def test_runs_and_their_epochs(store: RunStore) -> None:
    config, paths = make_run(store.home.root, epochs=4)
    epochs = history.load(paths).epochs
    for typed in (config.id, config.id[:8], "latest"):
        found = find(typed, store)
        assert (found.name, found.text) == (config.id, config.id)
        assert found.genotype.to_json() == epochs[-1].genotype
        assert find(typed, store, epoch=1).genotype.to_json() == epochs[0].genotype
    with pytest.raises(UsageError, match=r"has no epoch 5. It has 4 epochs."):
        find("latest", store, epoch=5)
    assert [(record.id, genotype) for record, genotype in of_runs(store)] == [
        (config.id, find("latest", store).genotype)
    ]


def test_runs_that_have_found_nothing(store: RunStore) -> None:
    config, _ = make_run(store.home.root, done=0)
    make_run(store.home.root, epochs=4, done=2)
    with pytest.raises(UsageError, match="has no genotype yet"):
        find(config.id, store)
    with pytest.raises(UsageError, match="has no epoch yet"):
        find(config.id, store, epoch=1)
    assert of_runs(store) == []


def test_only_runs_have_epochs(store: RunStore) -> None:
    with pytest.raises(UsageError, match="Only runs have epochs"):
        find("DARTS", store, epoch=1)


@pytest.mark.parametrize("typed", ["zz", "~nobody/x", "x" * 5000, "a\x00b", "/", "../.."])
def test_nothing_of_that_name(store: RunStore, typed: str) -> None:
    with pytest.raises(NotFoundError, match="No run's id begins with"):
        find(typed, store)


def test_the_nearest_name_is_given(store: RunStore) -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'DrNAS_cifar10'"):
        find("DrNAS_cifar11", store)


def test_text_that_is_wrong_is_no_name(store: RunStore) -> None:
    with pytest.raises(UsageError, match="lacks normal="):
        find("Genotype()", store)
    with pytest.raises(UsageError, match="3 nodes"):
        find("|none~0|", store)


def test_a_genotype_survives_its_json(store: RunStore) -> None:
    for cell in library.published():
        assert Genotype.from_json(json.loads(json.dumps(cell.genotype.to_json()))) == cell.genotype
        assert find(format_text(cell.genotype), store).genotype == cell.genotype
