"""What users type for a genotype: names of the library, runs, files and text, each recognised as such."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from runs.catalogue import library
from runs.catalogue.genotype_text import convert, format_text
from runs.configuration import Draft, RunConfig, resolve
from runs.errors import NotFoundError, UsageError
from runs.genotypes.genotype import Genotype
from runs.home import Home
from runs.log import history
from runs.log.event_log import EventLog
from runs.log.events import EpochEnded, Finished
from runs.store.find_genotype import Found, find, of_runs
from runs.store.labels import Labels
from runs.store.retraining import asked
from runs.store.run_store import RunStore
from tests.synthetic import course, make_run

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


def searched(store: RunStore, method: str, space: str, dataset: str, preset: str = "paper") -> Found:
    """Return what a finished search has found; its cell is one of the library."""
    cell = library.get("PDARTS" if space != "nasbench201" else "NB201_best_cifar10").genotype.to_json()
    config = resolve(Draft(method=method, space=space, dataset=dataset, preset=preset, device="cpu"))
    paths = store.create(config, Labels())
    with EventLog(paths.events) as log:
        for event in course(1, 1):
            named = isinstance(event, EpochEnded | Finished)
            log.append(dataclasses.replace(event, genotype=cell) if named else event)
    return find(config.id, store)


def retrained(found: Found, **typed: str) -> tuple[str, str]:
    """Return the preset and the data set of a retraining."""
    config: RunConfig = resolve(Draft(**asked(found), **typed, device="cpu"))
    assert f"--dataset {config.dataset} --preset {config.preset}" in config.command
    return config.preset, config.dataset


def folder_of(path: Path, classes: int) -> str:
    """Make an image folder, with one file per class that looks like an image."""
    for number in range(classes):
        for part in ("train", "val"):
            (path / part / f"n{number:04}").mkdir(parents=True)
            (path / part / f"n{number:04}" / "0.jpg").touch()
    return str(path)


class TestRecipesByDataSet:
    """The cell of a search, or of the library, is trained by the recipe that its paper has for the data set."""

    @pytest.mark.parametrize(
        ("search", "recipe"),
        [
            (("pdarts", "darts", "cifar10", "paper"), "pdarts-cifar"),
            (("pdarts", "darts", "cifar100", "paper-cifar100"), "pdarts-cifar100"),
            (("prdarts", "prdarts", "cifar100", "paper"), "prdarts-cifar100"),
            (("drnas", "darts", "cifar100", "paper"), "drnas-cifar"),
            (("drnas", "darts", "imagenet", "paper-imagenet"), "drnas-imagenet"),
            (("pcdarts", "darts", "imagenet", "paper-imagenet"), "pcdarts-imagenet"),
            (("tenas", "darts", "imagenet", "public-imagenet"), "tenas-imagenet"),
            (("drnas", "nasbench201", "imagenet16_120", "paper"), "nasbench201-200"),
        ],
        ids=lambda words: "-".join(words) if isinstance(words, tuple) else "",
    )
    def test_of_a_search(self, search: tuple[str, str, str, str], recipe: str, store: RunStore) -> None:
        found = searched(store, *search)
        assert retrained(found) == (recipe, search[2])
        assert retrained(found, preset="quick") == ("quick", "digits"), "a preset that is named decides"

    def test_of_a_search_on_data_without_a_recipe(self, store: RunStore) -> None:
        assert retrained(searched(store, "drnas", "darts", "digits", "quick")) == ("drnas-cifar", "cifar10")

    def test_of_a_search_on_the_users_copy_of_imagenet(self, store: RunStore, tmp_path: Path) -> None:
        """Its preset tells, for a part of ImageNet too; the folder may be gone."""
        folder = folder_of(tmp_path / "part", classes=2)
        found = searched(store, "drnas", "darts", folder, "paper-imagenet")
        assert retrained(found) == ("drnas-imagenet", folder)
        assert searched(store, "drnas", "darts", folder, "paper").recipe == "drnas-cifar"
        (tmp_path / "part").rename(tmp_path / "gone")
        assert find(found.name, store).recipe == "drnas-imagenet"

    @pytest.mark.parametrize(
        ("cell", "dataset", "recipe"),
        [
            ("PDARTS", "imagenet", "pdarts-imagenet"),
            ("PDARTS", "cifar100", "pdarts-cifar100"),
            ("PR_DARTS_DL2", "cifar100", "prdarts-cifar100"),
            ("PR_DARTS_DL2", "imagenet", "prdarts-imagenet"),
            ("DARTS_V2", "imagenet", "darts-imagenet"),
            ("SNAS_mild", "imagenet", "darts-imagenet"),
            ("ISTA_onestage", "imagenet", "ista-imagenet"),
            ("TENAS_cifar10", "imagenet", "tenas-imagenet"),
            ("DrNAS_imagenet", "cifar10", "drnas-cifar"),
            ("DrNAS_imagenet", "imagenet", "drnas-imagenet"),
            ("DrNAS_cifar10", "svhn", "drnas-cifar"),
            ("NB201_ResNet", "cifar100", "nasbench201-200"),
        ],
    )
    def test_of_a_cell_of_the_library(self, cell: str, dataset: str, recipe: str, store: RunStore) -> None:
        assert retrained(find(cell, store), dataset=dataset) == (recipe, dataset)
        assert retrained(find(cell, store), dataset=dataset, preset="quick")[0] == "quick"

    def test_a_folder_with_as_many_classes_is_imagenet(self, store: RunStore, tmp_path: Path) -> None:
        whole, part = folder_of(tmp_path / "whole", classes=1000), folder_of(tmp_path / "part", classes=2)
        assert retrained(find("PDARTS", store), dataset=whole)[0] == "pdarts-imagenet"
        assert retrained(find("PDARTS", store), dataset=part)[0] == "pdarts-cifar"
        assert retrained(find("DrNAS_imagenet", store), dataset=part)[0] == "drnas-imagenet"

    def test_a_cell_from_no_paper_has_the_first_recipes(self, store: RunStore) -> None:
        assert retrained(find(format_text(CELL.genotype), store), dataset="imagenet")[0] == "darts-imagenet"

    def test_a_retraining_is_repeated_as_it_was(self, store: RunStore) -> None:
        config = resolve(Draft(**asked(find("PDARTS", store)), dataset="cifar100", device="cpu"))
        paths = store.create(config, Labels())
        with EventLog(paths.events) as log:
            log.append(Finished(genotype=config.genotype))
        assert retrained(find(config.id, store)) == ("pdarts-cifar100", "cifar100")


def test_one_of_several_genotypes_of_a_run(store: RunStore) -> None:
    run = searched(store, "pdarts", "darts", "cifar100", "paper-cifar100").name
    paths = store.find(run).paths
    several = {f"skips_{most}": library.get(name).genotype for most, name in enumerate(("DARTS_V1", "DARTS_V2"))}
    paths.variants.write_text(json.dumps({name: genotype.to_json() for name, genotype in several.items()}))
    for typed in (f"{run}:skips_1", f"{run[:8]}:skips_1", "latest:skips_1"):
        found = find(typed, store)
        assert (found.name, found.text) == (f"{run}:skips_1", f"{run}:skips_1")
        assert found.genotype == several["skips_1"] != find(run, store).genotype
        assert retrained(found) == ("pdarts-cifar100", "cifar100")
    with pytest.raises(UsageError, match=r"has no genotype 'skips_7'. Did you mean 'skips_1'?"):
        find("latest:skips_7", store)
    with pytest.raises(NotFoundError, match="'zz:skips_1' is not a genotype"):
        find("zz:skips_1", store)
    for damage in ("[]", "{", '{"skips_1": 3}'):
        paths.variants.write_text(damage)
        with pytest.raises(UsageError):
            find("latest:skips_1", store)
    paths.variants.unlink()
    with pytest.raises(UsageError, match=r"has no genotype 'skips_1'. It has derived one only: leave ':skips_1' out."):
        find("latest:skips_1", store)


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
    with pytest.raises(NotFoundError, match="is not a genotype: the library has no such cell"):
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
