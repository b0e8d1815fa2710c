"""A run goes on only with the data that it began with; a refusal says what has changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runs.benchmarks import store as tables
from runs.configuration import Draft, RunConfig, resolve
from runs.errors import EnvironmentLacksError
from runs.home import Home, RunPaths
from runs.store import input_check, inputs
from runs.store.checkpoint_file import Sealed
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from runs.supervision import resuming
from tests.tabulated import lines


def fill(folder: Path, names: str, part: str = "train") -> None:
    """Write files that only their names tell to be images; each has its own content of the same size."""
    for name in names.split():
        path = folder / part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{name:>20}".encode())


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    fill(folder, "cat/0.png cat/1.png dog/0.png dog/1.png dog/2.png")
    fill(folder, "cat/7.png dog/8.png", "test")
    return folder


class Begun:
    """A run that has learned from its data, without an engine."""

    def __init__(self, home: Home, draft: Draft) -> None:
        self.home, self.store = home, RunStore(home)
        self.config: RunConfig = resolve(draft)
        self.paths: RunPaths = self.store.create(self.config, Labels())
        inputs.examine(self.config, home).write(self.paths.inputs)
        with self.paths.checkpoint.open("wb") as stream:
            Sealed(stream).seal()

    def verify(self, *, accept_changed: bool = False) -> input_check.Verified:
        return input_check.verify(self.paths, self.config, self.home, accept_changed=accept_changed)

    def refusal(self) -> str:
        with pytest.raises(EnvironmentLacksError) as caught:
            self.verify()
        return str(caught.value)


@pytest.fixture
def run(home: Home, images: Path) -> Begun:
    return Begun(home, Draft(method="drnas", preset="quick", dataset=str(images)))


def add_class(folder: Path) -> None:
    fill(folder, "eel/0.png")


def rename(folder: Path, old: str = "dog", new: str = "ape") -> None:
    for part in ("train", "test"):
        (folder / part / old).rename(folder / part / new)


def swap(folder: Path) -> None:
    for old, new in (("cat", "x"), ("dog", "cat"), ("x", "dog")):
        rename(folder, old, new)


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "added": (lambda folder: fill(folder, "cat/9.png dog/9.png"), "2 files added (train/cat/9.png, train/dog/9.png)"),
    "removed": (lambda folder: (folder / "train/cat/1.png").unlink(), "1 file removed (train/cat/1.png)"),
    "class renamed": (rename, "the class 'dog' of 'train' is now called 'ape'; the class 'dog' of 'test' is now"),
    "class renamed in one part": (
        lambda folder: (folder / "train/cat").rename(folder / "train/ant"),
        "the class 'cat' of 'train' is now called 'ant'",
    ),
    "classes swapped": (
        swap,
        "the class 'dog' of 'train' is now called 'cat'; the class 'cat' of 'train' is now called 'dog'",
    ),
    "class added": (add_class, "'train' also has the class 'eel' (1 images). Its checkpoint is of 2 classes"),
    "class of the test removed": (
        lambda folder: shutil.rmtree(folder / "test/dog"),
        "'test' no longer has the class 'dog' (1 images)",
    ),
    "replaced by the same size": (
        lambda folder: (folder / "train/dog/2.png").write_bytes(b"x" * 20),
        "1 file replaced by another of the same name (train/dog/2.png)",
    ),
    "split": (
        lambda folder: (folder / "train/cat/0.png").rename(folder / "test/cat/0.png"),
        "1 file moved to the other part (test/cat/0.png)",
    ),
    "another test folder": (
        lambda folder: ((folder / "test").rename(folder / "val"), fill(folder, "cat/0.png", "test")),
        "'test' no longer has the class 'dog'",
    ),
    "linked elsewhere": (
        lambda folder: (folder / "train/cat/0.png").unlink() or (folder / "train/cat/0.png").symlink_to("gone"),
        "1 file replaced by another of the same name (train/cat/0.png)",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("listed", [True, False], ids=["small", "large"])
def test_changed_data_are_refused(
    run: Begun, images: Path, change: str, listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, says = CHANGES[change]
    if not listed:
        monkeypatch.setattr(inputs, "MOST_LISTED", 3)
        inputs.examine(run.config, run.home).write(run.paths.inputs)
    assert run.verify().changed == []
    make(images)
    if not listed and change == "replaced by the same size":
        assert run.verify().changed == []  # names and sizes are those of the start
        return
    refusal = run.refusal()
    assert "have changed since it started" in refusal
    assert not listed or says in refusal
    with pytest.raises(EnvironmentLacksError, match="have changed"):
        resuming.resume(run.store.find(run.config.id))
    if change == "class renamed in one part":
        with pytest.raises(EnvironmentLacksError, match=r"The class 'cat' of .* is not in"):
            run.verify(accept_changed=True)
    elif "Its checkpoint is of" in refusal:
        with pytest.raises(EnvironmentLacksError, match="start a new run"):
            run.verify(accept_changed=True)
    else:
        assert f"nastui runs resume {run.config.id[:8]} --accept-changed-data" in refusal
        assert run.verify(accept_changed=True).changed


def test_a_large_set_is_refused_by_numbers(run: Begun, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MOST_LISTED", 3)
    inputs.examine(run.config, run.home).write(run.paths.inputs)
    assert '"files": {}' in run.paths.inputs.read_text()
    fill(images, "cat/9.png")
    (images / "train/dog/2.png").rename(images / "train/dog/3.png")
    assert "'train/cat' has 3 images and had 2; some of the 3 images of 'train/dog' are other ones" in run.refusal()


def test_a_small_set_that_has_become_large_is_not_read(
    run: Begun, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MOST_LISTED", 1)
    fill(images, " ".join(f"cat/1{number}.png" for number in range(9)))
    assert not inputs.examine(run.config, run.home, inputs.read(run.paths.inputs)).listed
    assert "'train' has 14 images and had 5, or their files are larger; 'test' has 2" in run.refusal()


def test_what_is_not_data_may_change(run: Begun, images: Path) -> None:
    fill(images, "cat/.hidden.png cat/notes.txt .cache/0.png")
    os.utime(images / "train/cat/0.png", (1, 1))
    found = run.verify()
    assert found.changed == []
    assert "(.txt 1)" in found.now.remarks[0]


def test_the_record_has_names_numbers_and_a_fingerprint(run: Begun) -> None:
    record = json.loads(run.paths.inputs.read_text())
    assert record["classes"] == ["cat", "dog"]
    assert record["images"] == {"train": 5, "test": 2}
    assert len(record["fingerprint"]) == 32
    assert record["parts"]["train"]["classes"]["dog"]["images"] == 3


def test_a_run_without_a_record_goes_on(run: Begun, images: Path) -> None:
    """Versions 0.1 and 0.2 left none."""
    run.paths.inputs.unlink()
    rename(images)
    assert run.verify().changed == []


def test_a_run_that_has_learned_nothing_may_begin_with_other_data(run: Begun, images: Path) -> None:
    run.paths.checkpoint.unlink()
    rename(images)
    assert run.verify().changed == []


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"version": 1}', b"\xff"])
def test_a_damaged_record_is_refused_and_can_be_replaced(run: Begun, content: bytes) -> None:
    run.paths.inputs.write_bytes(content)
    assert "cannot be read: it is damaged" in run.refusal()
    assert run.verify(accept_changed=True).changed


def test_a_record_of_a_newer_version_is_read(run: Begun) -> None:
    record = json.loads(run.paths.inputs.read_text())
    run.paths.inputs.write_text(json.dumps(record | {"version": 9, "later": [1]}))
    assert run.verify().changed == []


def test_names_that_are_not_text(run: Begun, images: Path) -> None:
    (images / "train" / "cat" / os.fsdecode(b"\xe9.png")).write_bytes(b"x")
    assert r"train/cat/\xe9.png" in run.refusal()
    run.verify(accept_changed=True).now.write(run.paths.inputs)
    assert run.verify().changed == []


def test_a_published_data_set_of_other_files_is_refused(home: Home) -> None:
    folder = home.datasets / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in ("batches.meta", "data_batch_5"):
        (folder / name).write_bytes(b"1234")
    run = Begun(home, Draft(method="drnas", preset="quick", dataset="cifar10"))
    assert run.verify().changed == []
    (folder / "data_batch_5").write_bytes(b"12345")
    assert "the file 'cifar-10-batches-py/data_batch_5' is another one" in run.refusal()


class TestTables:
    @pytest.fixture
    def table(self, home: Home, tmp_path: Path) -> Path:
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines()[:20]) + "\n")
        tables.import_csv(path, home)
        return path

    def change(self, home: Home, path: Path) -> None:
        path.write_text("\n".join(lines()[:30]) + "\n")
        tables.import_csv(path, home)

    def test_another_table_of_answers_is_refused(self, home: Home, table: Path) -> None:
        run = Begun(home, Draft(method="random_search", preset="quick"))
        tables.import_csv(table, home)
        assert run.verify().changed == []
        self.change(home, table)
        assert "the benchmark table 'nasbench201' has other values, now from 'table.csv'" in run.refusal()
        tables.remove(home, "nasbench201")  # the included one takes its place
        assert "and before from 'table.csv'" in run.refusal()

    def test_another_table_beside_a_search_on_images_is_told(self, home: Home, table: Path) -> None:
        run = Begun(home, Draft(method="drnas", preset="quick"))
        self.change(home, table)
        found = run.verify()
        assert found.changed == []
        assert "has other values" in found.other_table
