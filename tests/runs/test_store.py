"""The store: every change is atomic, and labels, removed runs and names that fit no run do no harm."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from runs.configuration import Draft, RunConfig, resolve
from runs.errors import BusyError, EnvironmentLacksError, NotFoundError, UsageError
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import Started, Warned
from runs.store import index
from runs.store.labels import Labels
from runs.store.lock import engine_lock
from runs.store.run_store import RunStore
from runs.store.status import Status
from tests.runs.processes import output
from tests.runs.stores import listed
from tests.synthetic import make_run


def new_run(home: Home, run_id: str = "", **draft: Any) -> RunPaths:
    config = resolve(Draft(method="drnas", preset="quick", **draft))
    return RunStore(home).create(config.model_copy(update={"id": run_id or config.id}), Labels())


# Creating


def test_a_new_run_is_unstarted_and_complete(home: Home) -> None:
    config, paths = make_run(home.root, done=0, name="first", tags=["b", "a", "b"])
    record = RunStore(home).find(config.id)
    assert record.status is Status.UNSTARTED
    assert record.labels == Labels("first", ["a", "b"], "")
    assert RunConfig.read(paths.config) == config
    assert paths.requests.is_dir()
    assert {entry.name for entry in home.runs.iterdir()} == {config.id}


def test_a_run_that_is_deleted_and_created_again_has_nothing_of_the_first(home: Home) -> None:
    config, paths = make_run(home.root)
    (record,) = RunStore(home).records()
    assert record.status is Status.FINISHED
    shutil.rmtree(paths.root)
    RunStore(home).create(config, Labels())
    (again,) = RunStore(home).records()  # from the index
    assert (again.status, again.summary.epoch, again.summary.best) == (Status.UNSTARTED, 0, {})


@pytest.mark.parametrize("step", ["mkdir", "write", "rename"])
def test_a_run_is_created_whole_or_not_at_all(home: Home, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    make_run(home.root, done=0)
    before = listed(home)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(RunConfig if step == "write" else Path, step, full)
        if step == "mkdir":
            broken.setattr(Home, "prepare", lambda _: None)
        with pytest.raises(EnvironmentLacksError, match="No space left on device"):
            new_run(home)
    assert {entry.name for entry in home.runs.iterdir()} == set(before)
    assert listed(home) == before


def test_a_run_with_labels_that_may_not_be_stored_is_not_created(home: Home) -> None:
    with pytest.raises(UsageError):
        make_run(home.root, done=0, name="\x1b[2J")
    assert list(home.runs.iterdir()) == []


FULL_DISK = """
import json, pathlib, resource, sys
from runs.configuration import Draft, resolve
from runs.errors import NastuiError
from runs.home import Home
from runs.store.record import Record
from runs.store.run_store import RunStore
from runs.store.labels import Labels

store = RunStore(Home(pathlib.Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
code = 0
try:
    store.create(resolve(Draft(method="drnas")), Labels())
except NastuiError as error:
    code = error.exit_code
print(json.dumps({"code": code, "runs": [record.id for record in store.records()]}))
"""


@pytest.mark.parametrize("room", [0, 10, 100])
def test_a_full_disk_leaves_no_part_of_a_run_and_listing_works(home: Home, room: int) -> None:
    config, _ = make_run(home.root)
    said = json.loads(output(FULL_DISK, home.root, room))
    assert said == {"code": EnvironmentLacksError.exit_code, "runs": [config.id]}
    assert {entry.name for entry in home.runs.iterdir()} == {config.id}


def test_a_home_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentLacksError, match="NASTUI_HOME") as refusal:
        new_run(Home(tmp_path / "file" / "home"))
    assert refusal.value.exit_code == 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_without_write_permission_is_refused(home: Home) -> None:
    home.prepare()
    home.runs.chmod(0o500)
    with pytest.raises(EnvironmentLacksError, match="cannot be written"):
        new_run(home)


def test_files_are_as_readable_as_the_umask_says(home: Home) -> None:
    before = os.umask(0o022)
    try:
        paths = new_run(home)
        listed(home)
    finally:
        os.umask(before)
    for path in (paths.config, paths.labels, home.index):
        assert path.stat().st_mode & 0o777 == 0o644, path.name


# Finding


def test_looking_into_a_home_that_is_not_there_creates_nothing(home: Home) -> None:
    assert RunStore(home).records() == []
    with pytest.raises(NotFoundError, match="no runs yet"):
        RunStore(home).find("latest")
    with pytest.raises(NotFoundError):
        RunStore(home).restore("x")
    assert not home.root.exists()


def test_runs_are_listed_newest_first(home: Home) -> None:
    ids = [make_run(home.root, done=0)[0].id for _ in range(3)]
    assert [record.id for record in RunStore(home).records()] == ids[::-1]
    assert RunStore(home).find("latest").id == ids[-1]


@pytest.mark.parametrize(
    ("name", "found"),
    [("aaaa", "aaaa"), ("aaaa-", "aaaa-drnas"), ("aaab", "aaab-drnas"), ("aaab-drnas", "aaab-drnas")],
)
def test_a_run_is_named_by_its_id_or_a_unique_prefix(home: Home, name: str, found: str) -> None:
    for run_id in ("aaaa", "aaaa-drnas", "aaab-drnas"):
        new_run(home, run_id)
    record = RunStore(home).find(name)
    assert record.id == found
    RunStore(home).remove(record)
    assert found not in listed(home)
    assert RunStore(home).restore(found).root.name == found


@pytest.mark.parametrize("name", ["", "x", "drnas", "../x", "..", ".", "/", "aaaa*", "[red]", "\x00", "x" * 10_000])
def test_a_name_that_is_no_prefix_finds_nothing(home: Home, name: str) -> None:
    new_run(home, "aaaa-drnas")
    with pytest.raises(NotFoundError) as refusal:
        RunStore(home).find(name)
    assert len(str(refusal.value)) < 300
    with pytest.raises(NotFoundError):
        RunStore(home).restore(name)


def test_a_prefix_of_several_lists_them(home: Home) -> None:
    for number in range(10):
        new_run(home, f"aa{number:02}")
    with pytest.raises(NotFoundError, match=r"names 10 runs: aa00, aa01, .*aa07, …"):
        RunStore(home).find("aa")


def test_a_run_is_found_as_it_is_now(home: Home) -> None:
    config, paths = make_run(home.root, epochs=4, done=2)
    viewer = RunStore(home)
    assert viewer.find(config.id).status is Status.LOST
    assert viewer.find(config.id).summary.epoch == 2
    with engine_lock(paths.lock), EventLog(paths.events) as event_log:
        event_log.append(Started())
        event_log.append(Warned("skip", "mostly skips"))
        assert viewer.find(config.id).status is Status.RUNNING
        assert viewer.records()[0].status is Status.RUNNING


def test_a_record_tells_what_the_interface_promises(home: Home) -> None:
    config, paths = make_run(home.root, epochs=2, name="n", tags=["t"])
    told = json.loads(json.dumps(RunStore(home).find(config.id).to_json()))
    promised = "id kind method space dataset preset seed device status epoch epochs started ended seconds metrics best "
    promised += "genotype parameters macs benchmark path command name tags note origin group"
    assert set(promised.split()) <= set(told)
    assert (told["id"], told["status"], told["path"]) == (config.id, "finished", str(paths.root))
    assert (told["epoch"], told["epochs"], told["seconds"]) == (2, 2, 3.0)
    assert (told["name"], told["tags"]) == ("n", ["t"])


# Labels


def label(home: Home, **values: Any) -> Labels:
    def change(labels: Labels) -> None:
        vars(labels).update(values)

    viewer = RunStore(home)
    return viewer.label(viewer.records()[0], change)


@pytest.mark.parametrize(
    "text", ["../../etc/passwd", "[red]not red[/]", "[/x]", "🙂👩‍👩‍👧", "漢字", "$(reboot)", '"; \\', "{0}%s"]
)
def test_labels_are_only_text(home: Home, text: str) -> None:
    config, _ = make_run(home.root, done=0)
    word = "".join(text.split())
    assert label(home, name=text, tags=[word], note=text * 3) == Labels(text, [word], text * 3)
    assert RunStore(home).find(config.id).labels == Labels(text, [word], text * 3)
    assert {entry.name for entry in home.runs.iterdir()} == {config.id}


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "a\x00", "\u202egnp", "\udcff", "x" * 10_000])
@pytest.mark.parametrize("where", ["name", "note", "tags"])
def test_labels_that_would_harm_a_terminal_are_refused(home: Home, where: str, text: str) -> None:
    make_run(home.root, done=0, name="kept", tags=["kept"])
    with pytest.raises(UsageError) as refusal:
        label(home, **{where: [text] if where == "tags" else text})
    assert len(str(refusal.value)) < 300
    assert RunStore(home).records()[0].labels == Labels("kept", ["kept"], "")


@pytest.mark.parametrize("tags", [[""], ["two words"], [f"t{n}" for n in range(51)], ["x" * 41]])
def test_tags_are_words_and_not_too_many(home: Home, tags: list[str]) -> None:
    make_run(home.root, done=0)
    with pytest.raises(UsageError, match="tag"):
        label(home, tags=tags)


def test_another_viewer_sees_a_label_at_once(home: Home) -> None:
    make_run(home.root)
    viewer = RunStore(home)
    assert viewer.records()[0].labels.note == ""
    label(home, note="look")
    assert viewer.records()[0].labels.note == "look"


@pytest.mark.parametrize(
    "content", ["", "garbage", "[]", '{"name": 1}', '{"name": "", "tags": 5, "note": ""}', "[" * 9999]
)
def test_a_broken_label_file_is_as_none(home: Home, content: str) -> None:
    _, paths = make_run(home.root, done=0, name="lost")
    paths.labels.write_text(content)
    assert RunStore(home).records()[0].labels == Labels()
    assert label(home, name="again").name == "again"


def test_labelling_a_run_that_is_gone_is_not_found(home: Home) -> None:
    config, _ = make_run(home.root, done=0)
    viewer = RunStore(home)
    record = viewer.find(config.id)
    RunStore(home).remove(record)
    for action in (lambda: viewer.label(record, lambda _: None), lambda: viewer.remove(record)):
        with pytest.raises(NotFoundError, match="no longer there"):
            action()


def test_a_store_that_cannot_be_locked_is_refused(home: Home) -> None:
    config, _ = make_run(home.root, done=0)
    home.index_lock.mkdir()
    viewer = RunStore(home)
    with pytest.raises(EnvironmentLacksError, match="cannot be written"):
        viewer.remove(viewer.find(config.id))


# Removing


def test_removed_runs_lie_in_the_trash_and_come_back_whole(home: Home) -> None:
    config, paths = make_run(home.root, name="kept", tags=["kept"])
    other, _ = make_run(home.root)
    before = listed(home)
    files = {path.relative_to(paths.root) for path in paths.root.rglob("*")}
    viewer = RunStore(home)
    trashed = viewer.remove(viewer.find(config.id))
    assert {path.relative_to(trashed) for path in trashed.rglob("*")} == files
    assert set(listed(home)) == {other.id}
    assert set(index.Index(home.index, home.index_lock).read()) == {other.id}
    assert [record.id for record in viewer.records()] == [other.id]
    assert RunStore(home).restore(config.id[:8]) == paths
    assert listed(home).keys() == before.keys()
    assert RunStore(home).find(config.id).labels.name == "kept"


def test_a_running_run_is_not_removed(home: Home) -> None:
    config, paths = make_run(home.root, epochs=4, done=2)
    record = RunStore(home).find(config.id)
    with engine_lock(paths.lock), pytest.raises(BusyError, match="runs stop"):
        RunStore(home).remove(record)
    assert paths.root.is_dir()
