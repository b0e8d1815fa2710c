"""Which runs of a sweep are started, and what their statuses and the time left say of it."""

from __future__ import annotations

import pytest

from runs.fleet import queueing, sweep_starting
from runs.fleet.sweep_results import results
from runs.fleet.sweep_store import SweepStore
from runs.home import Home
from runs.log.events import Entry, encode
from runs.store.groups import grouped, sweep_of
from runs.store.queue import Queue
from runs.store.run_store import RunStore
from tests.runs.sweeps import created
from tests.synthetic import course


def statuses(store: RunStore) -> dict[str, str]:
    return {record.id: str(record.status) for record in store.records()}


def finish(home: Home, run: str) -> None:
    """Write what a run has left that nobody runs any more and that the queue has forgotten."""
    paths = home.run(run)
    paths.lock.touch()
    lines = [encode(Entry(float(at), at, event)) for at, event in enumerate(course(3, 3), start=1)]
    paths.events.write_text("\n".join(lines) + "\n")
    Queue(home).remove({run})


def test_a_member_that_was_taken_out_of_the_queue_is_unstarted_until_the_sweep_is_resumed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "ensure_dispatcher", lambda *_: False)
    sweep, store = created(home), RunStore(home)
    sweeps = SweepStore(store)
    first, second, third = (member.run for member in sweep.members)
    assert sweep_starting.resume(sweeps, sweep) == (3, 0)
    finish(home, first)
    assert statuses(store) == {first: "finished", second: "queued", third: "queued"}
    took = store.find(first).summary.seconds
    assert results(sweep, store.records(), store.queue.read()).seconds_left() == 2 * took > 0
    store.queue.remove({second})
    assert statuses(store) == {first: "finished", second: "unstarted", third: "queued"}
    (group,) = grouped(store.records(), sweep_of)
    assert results(sweep, store.records(), store.queue.read()).seconds_left() == group.seconds_left == took
    assert sweep_starting.resume(sweeps, sweep) == (1, 0)
    assert statuses(store) == {first: "finished", second: "queued", third: "queued"}
