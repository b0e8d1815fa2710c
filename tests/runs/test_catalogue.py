"""The catalogue: every choice is described, every preset is valid, and a wrong name suggests the right one."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nastui.cli import completion
from runs import catalogue
from runs.catalogue import Dataset, Method, Preset, library
from runs.catalogue.datasets import image_folder
from runs.catalogue.settings import GROUPS, SettingInfo, describe, validate
from runs.catalogue.shared_settings import HardwareSettings
from runs.configuration import Draft, RunConfig, resolve
from runs.errors import EnvironmentLacksError, UsageError
from runs.home import Home
from runs.store import datasets

METHODS = [*catalogue.methods().values(), catalogue.trainer()]
PAIRS = [(method, catalogue.space(space)) for method in METHODS for space in method.spaces]
PRESETS = [(method, preset) for method in METHODS for preset in method.presets]
SETTINGS = {
    f"{method.name}-{space.name}-{info.name}": info
    for method, space in PAIRS
    for info in describe(catalogue.options(method, space))
}


def name_of(value: object) -> str:
    return str(getattr(value, "name", value))


@pytest.mark.parametrize(("method", "preset"), PRESETS, ids=name_of)
def test_every_preset_is_valid(method: Method, preset: Preset) -> None:
    options = catalogue.options(method, catalogue.space(preset.space))
    resolved = validate(options, preset.values, preset.name)
    assert {key: getattr(resolved, key) for key in preset.values} == dict(preset.values)
    assert catalogue.dataset(preset.dataset).name == preset.dataset
    assert preset.summary.endswith(".")


@pytest.mark.parametrize(("method", "space"), PAIRS, ids=name_of)
def test_every_space_of_a_method_has_the_two_presets(method: Method, space: Any) -> None:
    names = {preset.name for preset in method.presets if preset.space == space.name}
    assert "quick" in names
    # Instead, retraining has one recipe per paper.
    assert "paper" in names or (method.kind == "retrain" and "paper" not in names)


@pytest.mark.parametrize("cell", library.published(), ids=name_of)
def test_every_published_cell_is_retrained_by_its_papers_recipe(cell: library.Published) -> None:
    draft = Draft(method="retrain", genotype=cell.genotype.to_json(), recipe=cell.recipe, typed=cell.name)
    config = resolve(draft)
    assert config.preset == cell.recipe
    assert config.options["epochs"] in (12, 200, 250, 600, 2000)


@pytest.mark.parametrize("method", catalogue.methods().values(), ids=name_of)
def test_what_a_method_finds_has_a_recipe(method: Method) -> None:
    for space, recipe in method.recipes.items():
        assert catalogue.preset(catalogue.trainer(), space, recipe).name == recipe


def test_the_paper_preset_of_drnas_is_the_published_one() -> None:
    config = resolve(Draft(method="drnas", space="nasbench201", preset="paper"))
    published = {
        "epochs": 100,
        "arch_frozen_epochs": 0,
        "channels": 16,
        "cells": 5,
        "batch_size": 64,
        "learning_rate": 0.025,
        "learning_rate_min": 0.001,
        "momentum": 0.9,
        "weight_decay": 3e-4,
        "gradient_clip": 5.0,
        "arch_learning_rate": 3e-4,
        "arch_beta1": 0.5,
        "arch_beta2": 0.999,
        "regulariser": "l2",
        "regulariser_scale": 1e-3,
        "cutout_length": 0,
    }
    assert {key: config.options[key] for key in published} == published
    assert (config.dataset, config.seed) == ("cifar10", 2)
    assert len(catalogue.space("nasbench201").operations) == 5


@pytest.mark.parametrize("info", SETTINGS.values(), ids=SETTINGS)
def test_every_setting_explains_itself(info: SettingInfo) -> None:
    assert info.help.endswith(".")
    assert "\n" not in info.help
    assert info.group in GROUPS
    assert info.type in ("int", "float", "bool", "str", "choice")
    assert info.range or info.type in ("bool", "str"), "a number says its range, a choice its choices"
    assert info.type != "choice" or info.default in info.choices


@pytest.mark.parametrize(("method", "space"), PAIRS, ids=name_of)
def test_the_defaults_are_valid(method: Method, space: Any) -> None:
    options = catalogue.options(method, space)
    validate(options, {info.name: info.default for info in describe(options)}, "the defaults")


@pytest.mark.parametrize(("method", "space"), PAIRS, ids=name_of)
def test_method_space_and_machine_share_no_option(method: Method, space: Any) -> None:
    owners = [set(part.model_fields) for part in (method.options, space.options, HardwareSettings)]
    assert len(set.union(*owners)) == sum(map(len, owners))


def test_settings_are_listed_by_group() -> None:
    infos = describe(catalogue.options(*PAIRS[0]))
    assert [info.group for info in infos] == sorted((info.group for info in infos), key=GROUPS.index)


@pytest.mark.parametrize(
    ("look_up", "given", "named"),
    [
        (catalogue.method, "drnsa", "Unknown method 'drnsa'. Did you mean 'drnas'?"),
        (catalogue.method, "qqqq", "Allowed: "),
        (catalogue.method, "[red]" * 1000, "Unknown method '[red]"),
        (catalogue.space, "nasbench101", "Did you mean 'nasbench201'?"),
        (catalogue.dataset, "cifar1O", "Did you mean 'cifar10'?"),
        (catalogue.dataset, "x" * 5000, "Or give the path of an image folder."),
        (catalogue.dataset, "", "Unknown data set ''"),
        (catalogue.dataset, "a\0b", "Unknown data set"),
        (lambda name: catalogue.preset(PAIRS[0][0], "nasbench201", name), "papre", "Did you mean 'paper'?"),
        (
            lambda name: catalogue.preset(PAIRS[0][0], name, "paper"),
            "imagenet",
            "does not support the space 'imagenet'",
        ),
    ],
)
def test_an_unknown_name_leads_to_the_nearest(look_up: Callable[[str], object], given: str, named: str) -> None:
    with pytest.raises(UsageError) as refusal:
        look_up(given)
    assert named in str(refusal.value)
    assert len(str(refusal.value)) < 500


# Plugins

PLUGIN = """
import dataclasses
from runs.catalogue.datasets import DATASETS
from runs.catalogue.methods.drnas import METHOD as DRNAS
from runs.catalogue.spaces.nasbench201 import SPACE as NB201

SPACE = dataclasses.replace(NB201, name="myspace")
DATASET = dataclasses.replace(DATASETS[0], name="mydata")
PRESETS = tuple(
    dataclasses.replace(preset, space="myspace", dataset="mydata")
    for preset in DRNAS.presets
    if preset.space == NB201.name
)
METHOD = dataclasses.replace(DRNAS, name="mymethod", presets=PRESETS)
"""


def test_a_plugin_adds_a_method_a_space_and_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nastui_test_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("NASTUI_PLUGINS", " nastui_test_plugin ,")
    config = resolve(Draft(method="mymethod"))
    assert (config.space, config.dataset, config.plugins) == ("myspace", "mydata", ("nastui_test_plugin",))
    assert config.settings().model_dump() == config.options
    config.write(tmp_path / "config.json")
    assert "drnas" in catalogue.methods()
    monkeypatch.delenv("NASTUI_PLUGINS")
    assert "mymethod" not in catalogue.methods()
    with pytest.raises(UsageError, match="Unknown method 'mymethod'"):
        RunConfig.read(tmp_path / "config.json").settings()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("nastui_no_such_plugin", None),
        ("nastui_broken_plugin", "import nastui_no_such_module"),
        ("nastui_raising_plugin", "1 / 0"),
        ("nastui_unparsable_plugin", "def"),
        (".relative", None),
        ("two words", None),
    ],
)
def test_a_plugin_that_does_not_import_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str | None
) -> None:
    if content is not None:
        (tmp_path / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("NASTUI_PLUGINS", name)
    with pytest.raises(EnvironmentLacksError, match="NASTUI_PLUGINS") as refusal:
        catalogue.methods()
    assert f"The plugin '{name}'" in str(refusal.value)


def install(folder: Path, module: str) -> None:
    """Leave in a folder what an installed package does whose entry point names a module."""
    information = folder / "budget_methods-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: budget-methods\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[nastui.plugins]\nbudget = {module}\n")


def test_an_installed_package_adds_its_plugin_by_an_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nastui_packaged_plugin.py").write_text(PLUGIN)
    install(tmp_path, "nastui_packaged_plugin")
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve(Draft(method="mymethod")).plugins == ("nastui_packaged_plugin",)
    assert completion.methods("my") == ["mymethod"] and completion.methods("drn") == ["drnas"]
    monkeypatch.setenv("NASTUI_PLUGINS", "nastui_packaged_plugin")
    assert catalogue.plugins() == ("nastui_packaged_plugin",)
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(tmp_path)])
    monkeypatch.delenv("NASTUI_PLUGINS")
    assert "mymethod" not in catalogue.methods()


def test_a_package_whose_plugin_does_not_import_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "nastui_no_such_plugin")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EnvironmentLacksError, match="Repair or uninstall the package 'budget-methods'"):
        catalogue.methods()
    assert catalogue.find_space("nasbench201") is not None  # logs stay readable


# Data sets


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """An image folder with two classes, by file names only."""
    for folder in ("train/cat", "train/dog", "test/cat", "test/dog"):
        (tmp_path / "my images" / folder).mkdir(parents=True)
        (tmp_path / "my images" / folder / "1.PNG").touch()
    return tmp_path / "my images"


def test_an_image_folder_is_a_data_set(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (images / "train" / ".hidden").mkdir()
    (images / "train" / "notes.txt").touch()
    found = catalogue.dataset(str(images))
    assert (found.name, found.folder, found.title, found.classes) == (str(images), images, "my images", 2)
    monkeypatch.chdir(images.parent)
    for typed in ("my images", "./my images"):
        assert catalogue.dataset(typed).folder == images


def test_val_will_do_for_test(images: Path) -> None:
    (images / "test").rename(images / "val")
    assert image_folder(images).classes == 2


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (".", "has no folder 'train'"),
        ("train", "has no folder 'train'"),
        ("train/dog", "must have at least 2 class folders, got 1"),
        ("train/dog/1.PNG", "dog' has no images"),
        ("test", "has neither 'test' nor 'val'"),
    ],
)
def test_what_an_image_folder_lacks_is_named(images: Path, missing: str, named: str) -> None:
    target = images / missing
    target.unlink() if target.is_file() else shutil.rmtree(target)
    with pytest.raises(EnvironmentLacksError) as refusal:
        catalogue.dataset(str(images))
    assert named in str(refusal.value)
    assert "train/<class>/*.jpg" in str(refusal.value)


@pytest.mark.parametrize("path", ["/" + "x" * 5000, "~nastui-no-such-user/images", "/a\0b"])
def test_a_path_that_cannot_be_is_refused(path: str) -> None:
    with pytest.raises(EnvironmentLacksError) as refusal:
        catalogue.dataset(path)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("entry", catalogue.datasets().values(), ids=name_of)
def test_a_data_set_is_here_once_all_its_files_are(home: Home, entry: Dataset) -> None:
    assert datasets.is_here(entry, home) == (not entry.requires)
    if entry.requires:
        with pytest.raises(EnvironmentLacksError) as refusal:
            datasets.check(entry, home, 0)
        assert entry.obtain in str(refusal.value)
    for file in entry.requires:
        (home.datasets / file).parent.mkdir(parents=True, exist_ok=True)
        (home.datasets / file).touch()
    if not entry.kept_as:  # their images are opened
        datasets.check(entry, home, 0)
    assert datasets.is_here(entry, home)


def test_homes_may_share_their_data_sets(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home.datasets == home.root / "datasets"
    monkeypatch.setenv("NASTUI_DATASETS", str(tmp_path / "shared"))
    assert home.datasets == tmp_path / "shared"
