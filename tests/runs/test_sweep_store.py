"""Sweeps on disk: damaged documents, full disks, several processes at once, plug-ins that are gone."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from pathlib import Path

import pytest

from runs.errors import BusyError, EnvironmentLacksError, NastuiError, UsageError
from runs.fleet.sweep_planning import plan_seeds
from runs.home import Home
from runs.store.run_store import RunStore
from runs.store.store_lock import store_lock
from tests.runs.sweeps import created, document, planned, runs, sweeps_of

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
    plan = planned(home, 5)
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
    plan = planned(home, 2)

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
    five, six = (plan_seeds(sweeps.runs, sweep, [seed]) for seed in (5, 6))
    sweeps.extend(sweep, five)
    changed = sweeps_of(home).extend(sweep, six)  # with what it had read before
    assert [member.seed for member in changed.members] == [0, 5, 6]
    with pytest.raises(UsageError, match="already has the seed 5"):
        sweeps.extend(sweep, five)


def test_who_waits_too_long_for_another_process_is_told_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = created(home, 1)
    monkeypatch.setattr("runs.store.store_lock.store_lock", lambda path, _: store_lock(path, 0.0))
    with store_lock(home.sweeps / ".lock"), pytest.raises(BusyError, match="Another process is creating"):
        sweeps_of(home).complete(sweep)
