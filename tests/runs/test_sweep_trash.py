"""Sweeps in the trash: what goes there with a sweep, what keeps it from there, and what comes back."""

from __future__ import annotations

import shutil

import pytest

from runs.errors import BusyError, NotFoundError
from runs.fleet import sweep_starting, sweep_trash
from runs.home import Home
from runs.store.lock import engine_lock
from runs.store.queue import Queue
from runs.store.run_store import RunStore
from tests.runs.sweeps import created, document, runs, sweeps_of


def test_a_removed_sweep_leaves_the_queue_and_comes_back_with_the_runs_that_are_still_in_the_trash(home: Home) -> None:
    sweep = created(home)
    sweeps = sweeps_of(home)
    Queue(home).add([sweep_starting.entry(sweeps, record) for record in sweeps.records(sweep)])
    assert [record.id for record in sweep_trash.remove(sweeps, sweep)] == [member.run for member in sweep.members]
    assert runs(home) == set() and sweeps.all() == [] and Queue(home).read().entries == []
    shutil.rmtree(home.trash / sweep.members[1].run)
    assert sweep_trash.restore(sweeps, sweep.id[:4]) == (sweep, 2)
    assert [record.id for record in sweeps.records(sweep)] == [sweep.members[0].run, sweep.members[2].run]
    assert sweeps_of(home).all() == [sweep]
    with pytest.raises(NotFoundError, match="No sweep in the trash"):
        sweep_trash.restore(sweeps, sweep.id)


def test_a_sweep_has_no_run_left_if_all_are_removed_and_only_then(home: Home) -> None:
    sweep, other = created(home), created(home, 1)
    sweeps = sweeps_of(home)
    records, (single,) = sweeps.records(sweep), sweeps.records(other)
    known = [*records, single]
    assert sweep_trash.emptied(sweeps, records, known) == {sweep.id: records}
    assert sweep_trash.emptied(sweeps, [*records[1:], single], known) == {other.id: [single]}
    document(home, sweep).write_text("{")
    sweeps = sweeps_of(home)
    assert sweep_trash.emptied(sweeps, records, known) == {}, "a damaged sweep does not keep its runs from the trash"


def test_only_runs_are_restored_as_runs(home: Home) -> None:
    sweeps = sweeps_of(home)
    sweep_trash.remove(sweeps, created(home))
    for name in ("s", "sweeps"):
        with pytest.raises(NotFoundError, match="No run in the trash"):
            RunStore(home).restore(name)


def test_a_sweep_with_a_running_member_is_not_removed_and_keeps_its_places_in_the_queue(home: Home) -> None:
    sweep = created(home)
    sweeps = sweeps_of(home)
    first, *others = sweeps.records(sweep)
    Queue(home).add([sweep_starting.entry(sweeps, record) for record in others])
    with engine_lock(first.paths.lock), pytest.raises(BusyError, match="is running"):
        sweep_trash.remove(sweeps, sweep)
    assert len(runs(home)) == 3 and len(Queue(home).read().waiting) == 2 and sweeps.all() == [sweep]


def test_a_restored_run_brings_the_document_of_its_sweep_back(home: Home) -> None:
    sweep = created(home)
    sweeps = sweeps_of(home)
    sweep_trash.remove(sweeps, sweep)
    sweep_trash.restore_run(sweeps, sweep.members[1].run)
    assert [record.id for record in sweeps.records(sweeps.find(sweep.id))] == [sweep.members[1].run]
    sweep_trash.remove(sweeps, sweep)
    assert sweep_trash.restore(sweeps, sweep.id) == (sweep, 3)
