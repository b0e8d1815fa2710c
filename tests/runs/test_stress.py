"""Many processes on one store, some of them killed: nothing is lost and nothing becomes unreadable."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

from runs.configuration import Draft, resolve
from runs.errors import NotFoundError
from runs.home import Home
from runs.store.labels import Labels
from runs.store.record import Record
from runs.store.run_store import RunStore

PROCESSES = 8
UPDATES = 100
KILLS = 100

spawning = multiprocessing.get_context("spawn")


def create(store: RunStore) -> str:
    config = resolve(Draft(method="drnas", preset="quick"))
    store.create(config, Labels())
    return config.id


def count_up(labels: Labels) -> None:
    labels.note = str(int(labels.note or 0) + 1)


class Worker:
    """Does random updates to runs of its own and to two shared ones, and records the expected state."""

    def __init__(self, root: Path, shared: str, tossed: str, seed: int) -> None:
        self.store = RunStore(Home(root))
        self.shared, self.tossed = shared, tossed
        self.generator = random.Random(seed)
        self.own: dict[str, Labels] = {}
        self.trash: set[str] = set()
        self.counted = 0

    def step(self) -> None:
        kept = sorted(set(self.own) - self.trash)
        if not kept:
            self.own[create(self.store)] = Labels()
            return
        action = self.generator.choice(
            [self.tag, self.tag, self.note, self.rename, self.remove, self.create, self.list, self.count, self.toss]
        )
        action(self.generator.choice(kept))

    def find(self, run: str) -> Record:
        return self.store.find(run)

    def create(self, _: str) -> None:
        self.own[create(self.store)] = Labels()

    def tag(self, run: str) -> None:
        word = f"t{self.generator.randrange(20)}"
        self.own[run].tags = sorted({*self.own[run].tags, word})
        self.store.label(self.find(run), lambda labels: labels.tags.append(word))

    def note(self, run: str) -> None:
        self.own[run].note = text = "n" * self.generator.randrange(1000)
        self.store.label(self.find(run), lambda labels: setattr(labels, "note", text))

    def rename(self, run: str) -> None:
        self.own[run].name = text = "🙂" * self.generator.randrange(20)
        self.store.label(self.find(run), lambda labels: setattr(labels, "name", text))

    def remove(self, run: str) -> None:
        self.store.remove(self.find(run))
        self.trash.add(run)
        if self.generator.random() < 0.7:
            self.store.restore(run)
            self.trash.remove(run)

    def list(self, _: str) -> None:
        seen = {record.id for record in self.store.records()}
        assert set(self.own) - self.trash <= seen
        assert not self.trash & seen
        assert not set(self.own) & set(self.store.unreadable), "those of others may come back while they are looked for"

    def count(self, _: str) -> None:
        self.store.label(self.find(self.shared), count_up)
        self.counted += 1

    def toss(self, _: str) -> None:
        """Remove or restore a run that others remove and restore at the same time; some always come too late."""
        with contextlib.suppress(NotFoundError):
            self.store.remove(self.find(self.tossed))
        with contextlib.suppress(NotFoundError):
            self.store.restore(self.tossed)


def work(root: Path, shared: str, tossed: str, seed: int, account: Path) -> None:
    worker = Worker(root, shared, tossed, seed)
    for _ in range(UPDATES):
        worker.step()
    own = {run: vars(labels) for run, labels in worker.own.items()}
    account.write_text(json.dumps({"own": own, "trash": sorted(worker.trash), "counted": worker.counted}))


def test_many_processes_lose_nothing(home: Home, tmp_path: Path) -> None:
    store = RunStore(home)
    shared, tossed = create(store), create(store)
    accounts = [tmp_path / f"account-{seed}.json" for seed in range(PROCESSES)]
    workers = [
        spawning.Process(target=work, args=(home.root, shared, tossed, seed, account))
        for seed, account in enumerate(accounts)
    ]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"{PROCESSES} processes x {UPDATES} updates: {time.perf_counter() - started:.1f} s")
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES

    told = [json.loads(account.read_text()) for account in accounts]
    own = {run: Labels(**labels) for account in told for run, labels in account["own"].items()}
    trash = {run for account in told for run in account["trash"]}
    with contextlib.suppress(NotFoundError):
        store.restore(tossed)
    for viewer in (RunStore(home), store):
        found = {record.id: record for record in viewer.records()}
        assert viewer.unreadable == {}
        assert set(found) == (set(own) - trash) | {shared, tossed}
        assert found.pop(shared).labels.note == str(sum(account["counted"] for account in told))
        found.pop(tossed)
        assert {run: record.labels for run, record in found.items()} == {run: own[run] for run in found}
    assert {entry.name for entry in home.trash.iterdir()} == trash


def update_until_killed(root: Path, done: int) -> None:
    """Create, label, list, remove and restore; write each finished run to ``done``."""
    store = RunStore(Home(root))
    while True:
        run = create(store)
        os.write(done, f"created {run}\n".encode())
        store.label(store.find(run), lambda labels: labels.tags.append("tagged"))
        os.write(done, f"tagged {run}\n".encode())
        store.records()
        store.remove(store.find(run))
        store.restore(run)


def kill_again_and_again(root: Path) -> None:
    """Fork updaters, kill each in the middle, and check the store after each kill."""
    resolve(Draft(method="drnas"))  # so that every child starts with all caches filled
    generator = random.Random(0)
    created: set[str] = set()
    tagged: set[str] = set()
    for _ in range(KILLS):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            update_until_killed(root, writing)
        os.close(writing)
        time.sleep(generator.uniform(0.005, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(reading) as said:
            for event, run in map(str.split, said):
                (created if event == "created" else tagged).add(run)
        store = RunStore(Home(root))
        records = {record.id: record for record in store.records()}
        assert store.unreadable == {}
        missing = created - set(records)
        assert len(missing) <= 1, "at most the run that was in the trash when its process died"
        for run in missing:
            records[run] = store.find(store.restore(run).root.name)
        assert all(records[run].labels.tags == ["tagged"] for run in tagged)
    assert created
    assert tagged


def test_killing_an_update_never_leaves_an_unreadable_store(home: Home) -> None:
    started = time.perf_counter()
    killer = spawning.Process(target=kill_again_and_again, args=(home.root,))
    killer.start()
    killer.join()
    print(f"{KILLS} kills among {len(RunStore(home).records())} runs: {time.perf_counter() - started:.1f} s")
    assert killer.exitcode == 0
