"""Sweeps on disk: damaged documents, full disks, several processes at once, the trash, plug-ins that are gone."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from pathlib import Path

import pytest

from runs.configuration import Draft
from runs.errors import BusyError, EnvironmentLacksError, NastuiError, NotFoundError, UsageError
from runs.fleet import queueing
from runs.fleet.results import results
from runs.fleet.sweep import Sweep, SweepStore
from runs.home import Home
from runs.log.events import Entry, encode
from runs.store.groups import grouped, sweep_of
from runs.store.lock import engine_lock
from runs.store.queue import Queue
from runs.store.run_store import RunStore
from runs.store.store_lock import store_lock
from tests.synthetic import course

DRAFT = Draft(method="drnas", preset="quick")


def sweeps_of(home: Home) -> SweepStore:
    return SweepStore(RunStore(home))


def created(home: Home, seeds: int = 3, draft: Draft = DRAFT) -> Sweep:
    sweeps = sweeps_of(home)
    return sweeps.create(sweeps.plan(draft, range(seeds), {}))


def runs(home: Home) -> set[str]:
    return {path.name for path in home.runs.iterdir()}


def statuses(store: RunStore) -> dict[str, str]:
    return {record.id: str(record.status) for record in store.records()}


def finish(home: Home, run: str) -> None:
    """Write what a run has left that nobody runs any more and that the queue has forgotten."""
    paths = home.run(run)
    paths.lock.touch()
    lines = [encode(Entry(float(at), at, event)) for at, event in enumerate(course(3, 3), start=1)]
    paths.events.write_text("\n".join(lines) + "\n")
    Queue(home).remove({run})


def document(home: Home, sweep: Sweep) -> Path:
    return home.sweeps / sweep.id / "sweep.json"


# Damaged documents


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "\0" * 50, "[" * 10**5, '{"id": "x"}', '{"draft": 3}', "folder", "another sweep", "no method"],
)
def test_a_damaged_sweep_is_skipped_and_named(home: Home, content: str) -> None:
    damaged, whole = created(home, 1), created(home, 1)
    path = document(home, damaged)
    raw = json.loads(path.read_text())
    if content == "folder":
        path.unlink()
        path.mkdir()
    elif content == "another sweep":
        shutil.copyfile(document(home, whole), path)
    else:
        path.write_text(json.dumps(raw | {"draft": {}}) if content == "no method" else content)
    sweeps = sweeps_of(home)
    assert [sweep.id for sweep in sweeps.all()] == [whole.id]
    assert list(sweeps.unreadable) == [damaged.id]
    with pytest.raises(UsageError, match=r"sweep\.json"):
        sweeps.find(damaged.id)
    assert len(RunStore(home).records()) == 2


@pytest.mark.parametrize("run", ["../../elsewhere", "/tmp/elsewhere", "", ".", "a\0b", "a/b"])
def test_a_member_outside_of_the_home_is_damage(home: Home, run: str) -> None:
    sweep = created(home, 1)
    raw = json.loads(document(home, sweep).read_text())
    raw["members"][0]["run"] = run
    document(home, sweep).write_text(json.dumps(raw))
    assert sweeps_of(home).all() == []


def test_a_sweep_whose_plug_in_is_gone_can_be_shown_and_its_missing_runs_are_one_sentence(home: Home) -> None:
    sweep = created(home)
    raw = json.loads(document(home, sweep).read_text())
    raw["draft"]["method"] = "method_of_a_plug_in"
    document(home, sweep).write_text(json.dumps(raw))
    shutil.rmtree(home.run(sweep.members[1].run).root)
    sweeps = sweeps_of(home)
    found = sweeps.find(sweep.id)
    assert len(sweeps.records(found)) == 2
    with pytest.raises(NastuiError, match="method_of_a_plug_in"):
        sweeps.complete(found)
    assert len(runs(home)) == 2


# Disks


def test_a_disk_that_is_full_between_two_runs_leaves_a_sweep_that_can_be_completed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = sweeps_of(home)
    plan = sweeps.plan(DRAFT, range(5), {})
    write, left = type(plan.configs[0]).write, [2]

    def full(config: object, path: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(config, path)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(type(plan.configs[0]), "write", full)
        with pytest.raises(EnvironmentLacksError) as failed:
            sweeps.create(plan)
    sentence = str(failed.value)
    assert sentence.startswith(f"2 of 5 runs of sweep {plan.sweep.id} were created.")
    assert "No space left on device" in sentence and f"nastui sweep resume {plan.sweep.id}" in sentence
    assert len(runs(home)) == 2  # and nothing half-built
    assert sweeps.complete(sweeps.find(plan.sweep.id)) == 3
    assert runs(home) == {member.run for member in plan.sweep.members}


def test_a_sweep_that_cannot_be_written_leaves_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    sweeps = sweeps_of(home)
    plan = sweeps.plan(DRAFT, range(2), {})

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("runs.fleet.sweep.replace_text", read_only)
    with pytest.raises(EnvironmentLacksError, match="Read-only file system"):
        sweeps.create(plan)
    assert sweeps.all() == []
    assert runs(home) == set()


def test_what_a_killed_process_left_half_built_is_not_in_the_way(home: Home) -> None:
    sweep = created(home)
    run = sweep.members[0].run
    home.run(run).root.rename(home.runs / f".{run}")
    assert sweeps_of(home).complete(sweep) == 1
    assert runs(home) == {member.run for member in sweep.members}


# Bad labels


@pytest.mark.parametrize(
    "draft", [DRAFT.model_copy(update={"tags": ("a b",)}), DRAFT.model_copy(update={"name": "\1"})]
)
def test_bad_labels_are_refused_before_anything_is_created(home: Home, draft: Draft) -> None:
    with pytest.raises(UsageError):
        sweeps_of(home).plan(draft, range(2), {})
    assert not home.sweeps.exists()


# Several at once


def test_of_two_that_complete_a_sweep_at_once_one_creates_what_is_missing(home: Home) -> None:
    sweep = created(home, 12)
    for member in sweep.members[2:]:
        shutil.rmtree(home.run(member.run).root)
    numbers: list[int] = []
    threads = [threading.Thread(target=lambda: numbers.append(sweeps_of(home).complete(sweep))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [0, 0, 10]
    assert runs(home) == {member.run for member in sweep.members}


def test_seeds_that_two_processes_add_at_once_are_all_there(home: Home) -> None:
    sweep = created(home, 1)
    sweeps = sweeps_of(home)
    sweeps.add_seeds(sweep, [5])
    again = sweeps_of(home)
    changed = again.add_seeds(sweep, [6])  # with what it had read before
    assert [member.seed for member in changed.members] == [0, 5, 6]
    with pytest.raises(UsageError, match="already has the seed 5"):
        sweeps.add_seeds(sweep, [5])


def test_who_waits_too_long_for_another_process_is_told_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = created(home, 1)
    monkeypatch.setattr("runs.store.store_lock.store_lock", lambda path, _: store_lock(path, 0.0))
    with store_lock(home.sweeps / ".lock"), pytest.raises(BusyError, match="Another process is creating"):
        sweeps_of(home).complete(sweep)


# The trash


def test_a_removed_sweep_leaves_the_queue_and_comes_back_with_the_runs_that_are_still_in_the_trash(home: Home) -> None:
    sweep = created(home)
    sweeps = sweeps_of(home)
    Queue(home).add([sweeps.entry(record) for record in sweeps.records(sweep)])
    assert [record.id for record in sweeps.remove(sweep)] == [member.run for member in sweep.members]
    assert runs(home) == set() and sweeps.all() == [] and Queue(home).read().entries == []
    shutil.rmtree(home.trash / sweep.members[1].run)
    assert sweeps.restore(sweep.id[:4]) == (sweep, 2)
    assert [record.id for record in sweeps.records(sweep)] == [sweep.members[0].run, sweep.members[2].run]
    assert sweeps_of(home).all() == [sweep]
    with pytest.raises(NotFoundError, match="No sweep in the trash"):
        sweeps.restore(sweep.id)


def test_a_sweep_has_no_run_left_if_all_are_removed_and_only_then(home: Home) -> None:
    sweep, other = created(home), created(home, 1)
    sweeps = sweeps_of(home)
    records, (single,) = sweeps.records(sweep), sweeps.records(other)
    known = [*records, single]
    assert sweeps.emptied(records, known) == {sweep.id: records}
    assert sweeps.emptied([*records[1:], single], known) == {other.id: [single]}
    (home.sweeps / sweep.id / "sweep.json").write_text("{")
    assert sweeps_of(home).emptied(records, known) == {}, "a damaged sweep does not keep its runs from the trash"


def test_only_runs_are_restored_as_runs(home: Home) -> None:
    sweeps = sweeps_of(home)
    sweeps.remove(created(home))
    for name in ("s", "sweeps"):
        with pytest.raises(NotFoundError, match="No run in the trash"):
            RunStore(home).restore(name)


def test_a_sweep_with_a_running_member_is_not_removed_and_keeps_its_places_in_the_queue(home: Home) -> None:
    sweep = created(home)
    sweeps = sweeps_of(home)
    first, *others = sweeps.records(sweep)
    Queue(home).add([sweeps.entry(record) for record in others])
    with engine_lock(first.paths.lock), pytest.raises(BusyError, match="is running"):
        sweeps.remove(sweep)
    assert len(runs(home)) == 3 and len(Queue(home).read().waiting) == 2 and sweeps.all() == [sweep]


def test_a_restored_run_brings_the_document_of_its_sweep_back(home: Home) -> None:
    sweep = created(home)
    sweeps = sweeps_of(home)
    sweeps.remove(sweep)
    sweeps.restore_run(sweep.members[1].run)
    assert [record.id for record in sweeps.records(sweeps.find(sweep.id))] == [sweep.members[1].run]
    sweeps.remove(sweep)
    assert sweeps.restore(sweep.id) == (sweep, 3)


# Runs that were taken out of the queue


def test_a_member_that_was_taken_out_of_the_queue_is_unstarted_until_the_sweep_is_resumed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "ensure_dispatcher", lambda *_: False)
    sweep, store = created(home), RunStore(home)
    sweeps = SweepStore(store)
    first, second, third = (member.run for member in sweep.members)
    assert sweeps.resume(sweep) == (3, 0)
    finish(home, first)
    assert statuses(store) == {first: "finished", second: "queued", third: "queued"}
    took = store.find(first).summary.seconds
    assert results(sweep, store.records(), store.queue.read()).seconds_left() == 2 * took > 0
    store.queue.remove({second})
    assert statuses(store) == {first: "finished", second: "unstarted", third: "queued"}
    (group,) = grouped(store.records(), sweep_of)
    assert results(sweep, store.records(), store.queue.read()).seconds_left() == group.seconds_left == took
    assert sweeps.resume(sweep) == (1, 0)
    assert statuses(store) == {first: "finished", second: "queued", third: "queued"}
