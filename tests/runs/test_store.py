"""The store: directories are authoritative, the index only makes listing fast, and every change is atomic."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.configuration import Draft, RunConfig, resolve
from runs.errors import BusyError, EnvironmentLacksError, NotFoundError, UsageError
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import Progress, Started, Warned
from runs.store import activity, folder_watch, index, run_states
from runs.store.activity import Activity, boot_id
from runs.store.labels import Labels
from runs.store.lock import engine_lock
from runs.store.record import Record
from runs.store.run_states import RunStates
from runs.store.run_store import RunStore
from runs.store.status import Status
from tests.runs.processes import lock_holder, output
from tests.synthetic import make_run


def new_run(home: Home, run_id: str = "", **draft: Any) -> RunPaths:
    config = resolve(Draft(method="drnas", preset="quick", **draft))
    return RunStore(home).create(config.model_copy(update={"id": run_id or config.id}), Labels())


def listed(home: Home) -> dict[str, str]:
    """Return what a new process reads of every run, in a form that can be compared."""
    fresh = RunStore(home)
    records = {record.id: repr(record) for record in fresh.records()}
    assert fresh.unreadable == {}
    return records


def counted_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list to which every log and configuration that is opened is added."""
    opened: list[Path] = []
    read_config, reader = RunConfig.read, run_states.EventLogReader

    def noting_config(path: Path) -> RunConfig:
        opened.append(path)
        return read_config(path)

    class NotingReader(reader):  # type: ignore[misc, valid-type]
        def __init__(self, path: Path, offset: int = 0) -> None:
            opened.append(path)
            super().__init__(path, offset)

    monkeypatch.setattr(RunConfig, "read", noting_config)
    monkeypatch.setattr(run_states, "EventLogReader", NotingReader)
    return opened


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


# The index


def test_a_second_listing_reads_no_run(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for done in (0, 1, 2):
        make_run(home.root, epochs=2, done=done)
    first = listed(home)
    opened = counted_reads(monkeypatch)
    written = home.index.stat().st_mtime_ns
    assert listed(home) == first
    assert opened == []
    assert home.index.stat().st_mtime_ns == written


def test_only_what_changed_is_read_and_from_where_it_changed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(home.root)
    _, paths = make_run(home.root, epochs=4, done=2)
    viewer = RunStore(home)
    viewer.records()
    with EventLog(paths.events) as event_log:
        event_log.append(Progress(epoch=3, epochs=4))
    opened = counted_reads(monkeypatch)
    viewer.records()
    assert opened == [paths.events]
    assert listed(home)[paths.root.name] == repr(viewer.find(paths.root.name))


def test_a_log_that_was_replaced_by_a_shorter_one_is_read_anew(home: Home) -> None:
    config, paths = make_run(home.root)
    viewer = RunStore(home)
    viewer.records()
    paths.events.write_bytes(paths.events.read_bytes().partition(b"\n")[0] + b"\n")
    (record,) = viewer.records()
    assert (record.summary.epoch, record.summary.lifecycle) == (0, "started")
    assert listed(home)[config.id] == repr(record)


def test_a_live_run_does_not_wear_out_the_index(home: Home) -> None:
    _, paths = make_run(home.root, epochs=4, done=2)
    viewer = RunStore(home)
    viewer.records()
    written = home.index.stat().st_mtime_ns
    with engine_lock(paths.lock), EventLog(paths.events) as event_log:
        for step in range(3):
            event_log.append(Progress(step=step))
            viewer.records()
    assert home.index.stat().st_mtime_ns == written


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(5000))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def text(content: str) -> Any:
    return lambda path: path.write_text(content)


@pytest.mark.parametrize(
    "damage",
    [
        delete,
        truncate,
        empty,
        garbage,
        a_folder,
        *map(text, ["null", "[]", "{}", "5", '{"runs": []}', '{"runs": {"1": 5}}', '{"runs": {"x": {}}}', "[" * 9999]),
        text('{"runs": {"1": {"id": "x", "schema": 4}}}'),
    ],
)
def test_a_damaged_index_is_rebuilt(home: Home, damage: Any) -> None:
    for done in (0, 2):
        make_run(home.root, epochs=2, done=done, name="kept", tags=["kept"])
    before = listed(home)
    damage(home.index)
    assert listed(home) == before
    assert listed(home) == before


def test_an_index_of_a_newer_schema_is_rebuilt(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(home.root)
    with monkeypatch.context() as newer:
        newer.setattr(index, "SCHEMA_VERSION", index.SCHEMA_VERSION + 1)
        before = listed(home)
    assert index.Index(home.index, home.index_lock).read() == {}
    assert listed(home) == before
    assert len(index.Index(home.index, home.index_lock).read()) == 1


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, str], bytes]:
    home = Home(tmp_path_factory.mktemp("damaged"))
    for done in (0, 1, 2):
        make_run(home.root, epochs=2, done=done, name="kept")
    before = listed(home)
    return home, before, home.index.read_bytes()


@settings(max_examples=60)
@given(st.data())
def test_nothing_is_lost_to_any_bytes_in_the_index(
    damaged: tuple[Home, dict[str, str], bytes], data: st.DataObject
) -> None:
    home, before, whole = damaged
    start = data.draw(st.integers(0, len(whole)), "start")
    end = data.draw(st.integers(start, min(start + 40, len(whole))), "end")
    instead = data.draw(st.binary(max_size=40) | st.text("0123456789", max_size=3).map(str.encode), "instead")
    home.index.write_bytes(whole[:start] + instead + whole[end:])
    assert listed(home) == before


@pytest.mark.parametrize("blocked", ["index", "index_lock"])
def test_listing_works_where_the_index_cannot_be_written(home: Home, blocked: str) -> None:
    make_run(home.root)
    before = listed(home)
    for path in (home.index, home.index_lock):
        path.unlink(missing_ok=True)
    getattr(home, blocked).mkdir()
    assert listed(home) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_listing_works_in_a_folder_without_write_permission(home: Home) -> None:
    make_run(home.root)
    home.root.chmod(0o500)
    assert len(listed(home)) == 1


def test_reindexing_counts_the_runs(home: Home) -> None:
    for _ in range(3):
        make_run(home.root, done=0)
    before = listed(home)
    assert RunStore(home).reindex() == 3
    assert listed(home) == before


# What cannot be read


def break_config(paths: RunPaths, content: str | None) -> str:
    if content is None:
        paths.config.unlink()
    else:
        paths.config.write_text(content)
    return paths.root.name


def without(paths: RunPaths, key: str) -> str:
    return json.dumps({name: value for name, value in json.loads(paths.config.read_text()).items() if name != key})


@pytest.mark.parametrize("content", [None, "", "garbage", "[]", "{}", "\x00"])
def test_a_run_whose_configuration_cannot_be_read_is_named_and_skipped(home: Home, content: str | None) -> None:
    good, _ = make_run(home.root)
    broken = break_config(make_run(home.root)[1], content)
    viewer = RunStore(home)
    assert [record.id for record in viewer.records()] == [good.id]
    assert set(viewer.unreadable) == {broken}
    with pytest.raises(UsageError, match=r"config\.json"):
        viewer.find(broken)


def test_a_configuration_that_lacks_a_key_is_refused_by_that_key(home: Home) -> None:
    _, paths = make_run(home.root)
    broken = break_config(paths, without(paths, "method"))
    with pytest.raises(UsageError, match="method"):
        RunStore(home).find(broken)


def test_a_configuration_of_a_newer_version_is_read(home: Home) -> None:
    _, paths = make_run(home.root)
    raw = json.loads(paths.config.read_text()) | {"version": 99, "invented": [1]}
    paths.config.write_text(json.dumps(raw))
    assert list(listed(home)) == [paths.root.name]


def test_what_is_unreadable_does_not_wear_out_the_index_and_is_forgotten_once_it_is_gone(home: Home) -> None:
    make_run(home.root)
    _, paths = make_run(home.root)
    whole = paths.config.read_text()
    break_config(paths, "garbage")
    viewer = RunStore(home)
    viewer.records()
    written = home.index.stat().st_mtime_ns
    viewer.records()
    assert home.index.stat().st_mtime_ns == written
    paths.config.write_text(whole)
    assert len(viewer.records()) == 2
    assert viewer.unreadable == {}
    break_config(paths, "garbage")
    viewer.records()
    shutil.rmtree(paths.root)
    viewer.records()
    assert viewer.unreadable == {}


def test_a_log_that_cannot_be_opened_does_not_hide_the_other_runs(home: Home) -> None:
    good, _ = make_run(home.root)
    broken, paths = make_run(home.root, done=0)
    paths.events.mkdir()
    viewer = RunStore(home)
    assert [record.id for record in viewer.records()] == [good.id]
    assert "events.jsonl" in viewer.unreadable[broken.id]


def test_a_run_that_is_removed_while_it_is_read_is_not_there(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    config, _ = make_run(home.root)
    read = RunConfig.read

    def removing(path: Path) -> RunConfig:
        shutil.rmtree(path.parent, ignore_errors=True)
        return read(path)

    monkeypatch.setattr(RunConfig, "read", removing)
    with pytest.raises(NotFoundError, match="no longer there"):
        RunStore(home).find(config.id)
    make_run(home.root)
    viewer = RunStore(home)
    assert viewer.records() == []
    assert viewer.unreadable == {}


def test_a_run_that_is_restored_while_it_is_read_is_there(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    config, paths = make_run(home.root)
    read, away = RunConfig.read, home.root / "away"
    reads: list[Path] = []

    def restored_too_late(path: Path) -> RunConfig:
        reads.append(path)
        if len(reads) > 1:
            return read(path)
        paths.root.rename(away)
        try:
            return read(path)
        finally:
            away.rename(paths.root)

    monkeypatch.setattr(RunConfig, "read", restored_too_late)
    viewer = RunStore(home)
    assert [record.id for record in viewer.records()] == [config.id]
    assert viewer.unreadable == {}


def test_strangers_among_the_runs_are_named_and_hidden_ones_ignored(home: Home) -> None:
    config, _ = make_run(home.root)
    (home.runs / "notes.txt").touch()
    (home.runs / ".DS_Store").touch()
    (home.runs / ".half-built").mkdir()
    viewer = RunStore(home)
    assert [record.id for record in viewer.records()] == [config.id]
    assert set(viewer.unreadable) == {"notes.txt"}


# Looking again and again


def looked_at(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Return two lists: the folders whose times are examined from now on, and the runs that are read."""
    glances: list[str] = []
    reads: list[str] = []
    modified, read = folder_watch.folder_time, RunStates.read

    def noting_glance(folder: str, *before: int) -> int:
        glances.append(Path(folder).name)
        return modified(folder, *before)

    def noting_read(states: RunStates, name: str, known: Record | None) -> tuple[Record, bool] | None:
        reads.append(name)
        return read(states, name, known)

    monkeypatch.setattr(folder_watch, "folder_time", noting_glance)
    monkeypatch.setattr(RunStates, "read", noting_read)
    return glances, reads


def settled(home: Home, number: int, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """Return a store of finished runs that has been listed and whose folders have not changed for long."""
    monkeypatch.setattr(folder_watch, "_UNSETTLED_NS", -(10**15))  # every time tells a change
    monkeypatch.setattr(folder_watch, "LEAST_GLANCES", 1)
    monkeypatch.setattr(folder_watch, "LEAST_READS", 0)
    for _ in range(number):
        make_run(home.root, epochs=1)
    store = RunStore(home)
    store.records()
    return store


def test_a_look_at_an_idle_store_examines_a_part_of_the_folders_and_reads_few_runs(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = settled(home, 20, monkeypatch)
    glances, reads = looked_at(monkeypatch)
    names = {record.id for record in store.known()}
    for _ in range(20):
        assert not store.look(0.5)
    assert glances.count("runs") == 20, "the folder of runs itself, at every look"
    assert all(glances.count(name) >= 1 for name in names), "every folder within ten seconds"
    assert len(glances) <= 20 + 20 + 2 * len(reads)
    assert len(reads) == 20, "one of twenty runs at each look, never fewer than one"
    assert set(reads) == names


def test_what_an_engine_or_a_user_does_is_noticed_at_the_next_look(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = settled(home, 12, monkeypatch)
    first, *others = store.known()
    new = make_run(home.root, epochs=1)[0].id
    assert store.look(0.0) and store.known()[0].id == new
    stopped, labelled, removed = others[:3]
    with engine_lock(first.paths.lock), EventLog(first.paths.events) as log:
        log.append(Started())
        assert store.look(0.0), "an engine has started"
        log.append(Warned("odd"))
        assert store.look(0.0), "a live run is read at every look"
        assert not store.look(0.0)
    RunStore(home).label(RunStore(home).find(labelled.id), lambda labels: labels.tags.append("seen"))
    assert store.look(0.0) and store.find(labelled.id).labels.tags == ["seen"]
    RunStore(home).remove(RunStore(home).find(removed.id))
    assert store.look(0.0) and removed.id not in {record.id for record in store.known()}
    RunStore(home).restore(removed.id)
    assert store.look(0.0) and len(store.known()) == 13
    assert stopped.status is Status.FINISHED


def test_a_live_run_that_stalls_and_goes_on_is_noticed_although_no_file_changes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = settled(home, 3, monkeypatch)
    paths = make_run(home.root, epochs=5, done=2, ended=False)[1]
    now = [5000.0]
    monkeypatch.setattr(activity.time, "monotonic", lambda: now[0])
    said = Activity("a unit of work", 0.0, 5000.0, boot_id() or "b", socket.gethostname(), os.getpid(), 1.0, 300.0)
    monkeypatch.setattr(activity, "boot_id", lambda: said.boot)
    paths.activity.write_bytes(said.encoded())
    with engine_lock(paths.lock):
        assert store.look(0.0) and store.known()[0].stall is None
        now[0] += 301
        assert store.look(0.0)
        record = store.known()[0]
        assert (record.status, record.shown_status) == (Status.RUNNING, Status.STALLED)
        assert record.to_json()["status"] == "running"
        assert record.to_json()["stalled"]["doing"] == "a unit of work"
        assert not store.look(0.0), "it is still stalled"
        now[0] -= 300
        assert store.look(0.0) and store.known()[0].stall is None


def test_the_end_of_a_killed_engine_is_noticed_at_the_next_look(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = settled(home, 3, monkeypatch)
    paths = make_run(home.root, epochs=5, done=2, ended=False)[1]
    with lock_holder(paths.lock) as engine:
        assert store.look(0.0) and store.known()[0].status is Status.RUNNING
        engine.kill()
        engine.wait()
        assert store.look(0.0) and store.known()[0].status is Status.LOST
    assert not store.look(0.0)


def test_a_change_that_renews_no_time_is_noticed_in_turn(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = settled(home, 10, monkeypatch)
    record = store.known()[4]
    with EventLog(record.paths.events) as log:  # as by an engine of 0.2, which renews only the time of its files
        log.append(Warned("odd"))
    looks = [store.look(folder_watch.READ_SECONDS / 10) for _ in range(10)]
    assert looks.count(True) == 1


def test_a_run_that_can_no_longer_be_read_is_named_at_the_next_look(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = settled(home, 3, monkeypatch)
    damaged, *others = store.known()
    damaged.paths.config.write_text("{")
    os.utime(home.runs)
    os.utime(damaged.paths.root)
    assert store.look(0.0)
    assert [*store.unreadable] == [damaged.id] and store.known() == others
    assert not store.look(0.0) and [*store.unreadable] == [damaged.id], "it is still there"


def test_a_folder_that_has_just_changed_is_read_again_because_its_time_may_not_tell(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = settled(home, 4, monkeypatch)
    monkeypatch.setattr(folder_watch, "_UNSETTLED_NS", 10**18)
    _, reads = looked_at(monkeypatch)
    store.look(0.0)
    assert len(reads) == 4
