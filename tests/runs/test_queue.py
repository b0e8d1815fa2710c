"""The queue: its order, and the dispatcher that starts its runs, however often that is killed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from runs.configuration import Draft, resolve
from runs.cost import measurements
from runs.cost.measurements import Measurement
from runs.detached import Detached
from runs.errors import EnvironmentLacksError, NastuiError, NotFoundError
from runs.fleet import queueing, sweep_planning
from runs.fleet.dispatcher import Dispatcher
from runs.fleet.queueing import entry, ordinal, waits
from runs.fleet.sweep_store import SweepStore
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import EpochEnded, Finished, Progress, Started, Stopped
from runs.machine import cores
from runs.machine.devices import Gpu
from runs.store.lock import engine_lock
from runs.store.queue import Entry, Queue
from runs.store.run_store import RunStore
from runs.store.status import Status
from tests.runs.fake_nvml import Driver


class Engines:
    """Stand-ins for engine processes: each holds the lock of its run and writes its log."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.started: list[str] = []
        self.given: dict[str, dict[str, Any]] = {}
        self._running: dict[str, contextlib.ExitStack] = {}

    def launch(self, paths: RunPaths, **given: Any) -> None:
        stack = contextlib.ExitStack()
        stack.enter_context(engine_lock(paths.lock))
        self._log(paths, Started({"host": platform.node(), "device": "cuda:0", "device_name": "card 0"}))
        self.started.append(paths.root.name)
        self.given[paths.root.name] = given
        self._running[paths.root.name] = stack

    def end(self, run: str, event: Any = None) -> None:
        if event is not None:
            self._log(self.home.run(run), event)
        self._running.pop(run).close()

    def end_all(self) -> None:
        for run in list(self._running):
            self.end(run, Finished())

    @property
    def running(self) -> list[str]:
        return list(self._running)

    @staticmethod
    def _log(paths: RunPaths, event: Any) -> None:
        with EventLog(paths.events) as log:
            log.append(event)


@pytest.fixture
def engines(home: Home) -> Any:
    engines = Engines(home)
    yield engines
    engines.end_all()


def queued(home: Home, number: int, *, per_device: int = 1, **draft: Any) -> list[str]:
    """Create runs and put them into the queue, without a dispatcher; return their ids in order."""
    store = RunStore(home)
    sweeps = SweepStore(store)
    plan = sweep_planning.plan(store, Draft(method="drnas", preset="quick", **draft), range(number), {})
    sweep = sweeps.create(plan)
    ids = [member.run for member in sweep.members]
    Queue(home).add(
        [
            entry(home.run(run), config, any_gpu=True, per_device=per_device)
            for run, config in zip(ids, plan.configs, strict=True)
        ]
    )
    return ids


def dispatcher(home: Home, engines: Engines, cards: tuple[Gpu, ...] = ()) -> Dispatcher:
    return Dispatcher(home, lambda: cards, engines.launch)


def slots(home: Home, number: int) -> None:
    with Queue(home).change() as document:
        document.cpu_slots = number


# Order


def test_runs_wait_in_the_order_in_which_they_came(home: Home) -> None:
    ids = queued(home, 3)
    assert [waiting.run for waiting in Queue(home).read().waiting] == ids
    assert [str(waits(Queue(home).read())[run]) for run in ids] == ["queued 1st", "queued 2nd", "queued 3rd"]


def test_a_run_is_moved_to_a_place(home: Home) -> None:
    first, second, third = queued(home, 3)
    Queue(home).move(third, 1)
    assert [waiting.run for waiting in Queue(home).read().waiting] == [third, first, second]
    with pytest.raises(NotFoundError, match="is not waiting"):
        Queue(home).move("another", 1)


def test_a_run_that_waits_keeps_its_place_when_it_is_queued_again(home: Home) -> None:
    first, second = queued(home, 2)
    Queue(home).add([Entry(run=first)])
    assert [waiting.run for waiting in Queue(home).read().waiting] == [first, second]


DAMAGED = ["", "{", "[]", '{"entries": [{"run": 3}]}', '{"entries": [{"run": "../home"}]}', "\0" * 100, "[" * 10**5]


def damage(path: Path, content: str | None) -> None:
    """Put something else in the place of a file; None removes it, and ``folder`` and ``pipe`` are what they say."""
    path.unlink()
    if content == "folder":
        path.mkdir()
    elif content == "pipe":
        os.mkfifo(path)
    elif content is not None:
        path.write_text(content)


@pytest.mark.parametrize("content", [*DAMAGED, None, "folder", "pipe"])
def test_a_damaged_queue_loses_no_run(home: Home, engines: Engines, content: str | None) -> None:
    ids = queued(home, 3)
    Queue(home).move(ids[2], 1)
    damage(home.queue_file, content)
    found = Queue(home).read()
    assert [waiting.run for waiting in found.waiting] == [ids[2], *ids[:2]]
    assert "3 runs recovered" in found.damage
    slots(home, 1)
    mended = Queue(home)
    assert [waiting.run for waiting in mended.read().waiting] == [ids[2], *ids[:2]]
    assert mended.read().damage == ""
    assert len(mended.damaged_files()) == (0 if content is None else 1)
    dispatcher(home, engines).step()
    assert engines.started == [ids[2]]


def test_of_two_damaged_files_every_whole_entry_is_recovered(home: Home) -> None:
    ids = queued(home, 4)
    whole = home.queue_file.read_text()
    home.queue_file.write_text(whole.replace(ids[1], "\0\1"))
    (home.queue / "queue.copy.json").write_text(whole[: whole.index(ids[3])])
    assert [waiting.run for waiting in Queue(home).read().waiting] == ids


def test_a_queue_that_somebody_else_owns_is_not_overwritten(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(home, 2)
    before = home.queue_file.read_text()

    def refuse(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("runs.store.queue.read_regular", refuse)
        with pytest.raises(EnvironmentLacksError, match="Permission denied"):
            Queue(home).add([Entry(run="another")])
    assert home.queue_file.read_text() == before


def test_a_run_that_occurs_twice_waits_once(home: Home) -> None:
    (run,) = queued(home, 1)
    document = json.loads(home.queue_file.read_text())
    home.queue_file.write_text(json.dumps(document | {"entries": document["entries"] * 2}))
    assert [waiting.run for waiting in Queue(home).read().waiting] == [run]


def test_places_are_written_as_people_do() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]
    )


# Starting


def test_as_many_runs_start_as_there_are_slots_and_the_next_when_one_ends(home: Home, engines: Engines) -> None:
    ids = queued(home, 4)
    slots(home, 2)
    work = dispatcher(home, engines)
    assert work.step()
    assert engines.running == ids[:2]
    assert work.step()
    assert engines.running == ids[:2]
    engines.end(ids[0], Finished())
    work.step()
    assert engines.running == ids[1:3]
    engines.end_all()
    assert not work.step()
    assert engines.started == ids
    engines.end_all()
    work.step()
    assert Queue(home).read().entries == []


def test_slots_share_out_the_cores(home: Home, engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "numbers", lambda: [0, 1, 2, 3, 8, 9])
    ids = queued(home, 3)
    slots(home, 3)
    dispatcher(home, engines).step()
    assert [engines.given[run]["cores"] for run in ids] == [{0, 1}, {2, 3}, {8, 9}]


def test_a_new_dispatcher_starts_no_run_again(home: Home, engines: Engines) -> None:
    ids = queued(home, 5)
    slots(home, 2)
    while len(engines.started) < len(ids) or engines.running:
        dispatcher(home, engines).step()  # each is killed after one step
        if engines.running:
            engines.end(engines.running[0], Finished())
    assert engines.started == ids


def test_a_dispatcher_killed_before_it_launched_leaves_the_run_to_the_next(home: Home, engines: Engines) -> None:
    (run,) = queued(home, 1)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Dispatcher(home, lambda: (), killed).step()
    assert Queue(home).read().placed
    following = dispatcher(home, engines)
    assert following.has_work()
    assert not following.step()
    assert engines.started == [run]


def test_a_dispatcher_killed_before_it_launched_is_replaced(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = queued(home, 1)
    with Queue(home).change() as document:
        document.replace(run, placed=("cpu:0",))
    monkeypatch.setattr(queueing, "start_detached", lambda *_, **__: Detached(0, None))
    assert queueing.ensure_dispatcher(home)
    with Queue(home).change() as document:
        document.replace(run, launched=True)
    assert not queueing.ensure_dispatcher(home)


def test_a_run_whose_engine_does_not_start_is_held_with_the_reason(home: Home, engines: Engines) -> None:
    first, second = queued(home, 2)
    slots(home, 1)

    def broken(paths: RunPaths, **given: Any) -> None:
        if paths.root.name == first:
            raise NastuiError("The engine ended at once: no torch.")
        engines.launch(paths, **given)

    work = Dispatcher(home, lambda: (), broken)
    work.step()
    work.step()
    assert engines.running == [second]
    (waiting,) = Queue(home).read().waiting
    assert (waiting.run, waiting.held, waiting.reason) == (first, True, "The engine ended at once: no torch.")


def test_a_run_started_by_hand_leaves_the_queue(home: Home, engines: Engines) -> None:
    first, second = queued(home, 2)
    engines.launch(home.run(second))
    slots(home, 1)
    dispatcher(home, engines).step()
    assert engines.started == [second, first]
    assert [found.run for found in Queue(home).read().entries] == [first]


def test_a_removed_run_leaves_the_queue(home: Home, engines: Engines) -> None:
    (run,) = queued(home, 1)
    store = RunStore(home)
    store.remove(store.find(run))
    assert not dispatcher(home, engines).step()
    assert engines.started == []


def test_a_run_on_any_gpu_sees_only_the_one_it_was_given(
    home: Home, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = tuple(Gpu(index, "A card", 0, 80 * 10**9, 0) for index in range(2))
    monkeypatch.setattr("runs.machine.devices.gpus", lambda: list(cards))
    ids = queued(home, 2, device="auto")
    dispatcher(home, engines, cards).step()
    assert [engines.given[run]["gpus"] for run in ids] == [(0,), (1,)]
    assert [engines.given[run]["cores"] for run in ids] == [None, None]


# GPUs of given memory, as the driver reports them

GB = 10**9


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Two empty GPUs of 80 GB."""
    driver = Driver([0, 0], 80 * GB)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return driver


class Allocating(Engines):
    """Engines that allocate this much on the GPU that they were given, and say so."""

    def __init__(self, home: Home, cards: Driver, bytes_: int) -> None:
        super().__init__(home)
        self.cards, self.bytes = cards, bytes_

    def launch(self, paths: RunPaths, **given: Any) -> None:
        super().launch(paths, **given)
        self._log(paths, EpochEnded(epoch=1, epochs=2, seconds=1.0))
        self.grow(paths.root.name, self.bytes)

    def grow(self, run: str, bytes_: int) -> None:
        (gpu,) = self.given[run]["gpus"]
        self.cards.used[gpu] += bytes_
        self._log(self.home.run(run), Progress(memory=self.cards.used[gpu]))

    def on(self, gpu: int) -> list[str]:
        return [run for run in self.running if self.given[run]["gpus"] == (gpu,)]


def measured(home: Home, memory: int) -> None:
    """Store what `nastui profile` would have measured for the runs of :func:`queued`."""
    config = resolve(Draft(method="drnas", preset="quick"))
    what = {name: getattr(config, name) for name in ("method", "space", "preset", "dataset", "options")}
    where = {"device": "cuda:0", "device_name": "card 0", "host": platform.node(), "threads": 1}
    speed = {"units": 1, "unit_seconds": 1.0, "images_per_second": 1.0, "units_per_epoch": 1, "start_seconds": 1.0}
    times = {"measured": "2026-01-01T00:00:00+00:00", "epochs": config.options["epochs"], "estimated_seconds": 60.0}
    measurements.keep(home, Measurement(**what, **where, **speed, **times, memory=memory, stored=1))


def test_three_runs_share_a_gpu_where_their_estimates_fit(home: Home, cards: Driver) -> None:
    measured(home, 20 * GB)
    queued(home, 8, per_device=3)
    engines = Allocating(home, cards, 20 * GB)
    Dispatcher(home, launch=engines.launch).step()
    assert (len(engines.on(0)), len(engines.on(1))) == (3, 3)
    seventh, eighth = Queue(home).read().waiting
    assert seventh.reason == "waits for a GPU (cuda:0: 3 of 3 runs)"
    assert eighth.reason == f"waits behind {seventh.run[:8]}"
    engines.end_all()


def test_fewer_share_it_where_the_estimates_are_larger(home: Home, cards: Driver) -> None:
    measured(home, 30 * GB)
    queued(home, 5, per_device=3)
    engines = Allocating(home, cards, 30 * GB)
    Dispatcher(home, launch=engines.launch).step()
    assert (len(engines.on(0)), len(engines.on(1))) == (2, 2)
    (waiting,) = Queue(home).read().waiting
    assert waiting.reason.startswith("waits for a GPU (cuda:0: needs 33.5 GB, free 1")
    engines.end_all()


def test_a_run_that_outgrows_its_estimate_does_not_take_the_next_one_down(home: Home, cards: Driver) -> None:
    measured(home, 20 * GB)
    first, second, third, fourth = queued(home, 4, per_device=3)
    engines = Allocating(home, cards, 20 * GB)
    with Queue(home).change() as document:
        for run in (third, fourth):
            document.replace(run, held=True)
    work = Dispatcher(home, launch=engines.launch)
    work.step()
    assert (engines.on(0), engines.on(1)) == ([first], [second])
    engines.grow(first, 45 * GB)
    Queue(home).hold({third, fourth}, held=False)
    work.step()
    assert (engines.on(0), engines.on(1)) == ([first], [second, third, fourth])
    engines.end_all()


def test_the_memory_of_other_users_counts(home: Home, cards: Driver) -> None:
    measured(home, 20 * GB)
    cards.used[0] = 70 * GB
    (run,) = queued(home, 1)
    engines = Allocating(home, cards, 20 * GB)
    Dispatcher(home, launch=engines.launch).step()
    assert engines.on(1) == [run]
    engines.end_all()


def test_later_members_of_a_sweep_know_what_the_first_took(home: Home, cards: Driver) -> None:
    first, second, third = queued(home, 3, per_device=2)
    cards.used = [0, 80 * GB]
    engines = Allocating(home, cards, 5 * GB)
    work = Dispatcher(home, launch=engines.launch)
    work.step()
    assert engines.on(0) == [first, second]  # each was taken to need its share of the GPU
    cards.used[0] += 40 * GB
    engines.end(first, Finished())
    cards.used[0] -= 5 * GB
    work.step()
    assert engines.on(0) == [second, third]
    engines.end_all()


# What lists show


def test_a_lost_run_that_waits_is_listed_as_queued(home: Home, engines: Engines) -> None:
    (run,) = queued(home, 1)
    dispatcher(home, engines).step()
    engines.end(run)
    dispatcher(home, engines).step()
    store = RunStore(home)
    assert [record.status for record in store.records()] == [Status.LOST]
    Queue(home).add([Entry(run=run, starts=1)])
    store.look(1.0)
    assert [record.status for record in store.known()] == [Status.QUEUED]
    dispatcher(home, engines).step()
    assert engines.started == [run, run]
    engines.end(run, Stopped())
    store.look(1.0)
    assert [record.status for record in store.known()] == [Status.STOPPED]


def test_reading_the_queue_of_a_new_home_creates_nothing(home: Home) -> None:
    assert Queue(home).read().entries == []
    assert not Path(home.root).exists()
