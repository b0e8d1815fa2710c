"""Sweeps and queues without engines, for tests of the screens."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runs.configuration import Draft, RunConfig
from runs.fleet import queueing, sweep_planning
from runs.fleet.sweep import Member, Sweep
from runs.fleet.sweep_store import SweepStore
from runs.home import Home
from runs.log.events import Entry as LogEntry
from runs.log.events import encode
from runs.store.lock import engine_lock
from runs.store.queue import Entry, Queue
from runs.store.run_store import RunStore
from runs.store.slurm_jobs import Entry as Job
from runs.store.slurm_jobs import SlurmJobs, State
from tests.runs.test_store_speed import copy_runs
from tests.screens.driving import BEGAN
from tests.synthetic import course

GRID = {"learning_rate": ("0.01", "0.025"), "batch_size": ("64", "128")}


def made_sweep(
    home: Home,
    done: Sequence[int] = (),
    *,
    seeds: Sequence[int] = (0, 1, 2),
    grid: Mapping[str, Sequence[Any]] = GRID,
    name: str = "lr and batch",
    epochs: int = 5,
) -> Sweep:
    """Create a sweep, dated in the future, and write the logs of its first members as far as their ``done`` epochs."""
    sweeps = SweepStore(RunStore(home))
    draft = Draft(method="drnas", preset="quick", name=name, device="cpu", options={"epochs": epochs})
    plan = sweep_planning.plan(sweeps.runs, draft, seeds, {key: tuple(values) for key, values in grid.items()})
    sweep = sweeps.create(plan)
    for number, member in enumerate(sweep.members):
        paths = home.run(member.run)
        raw = json.loads(paths.config.read_text())
        paths.config.write_text(
            json.dumps(raw | {"created": f"2999-01-01T00:{number // 60:02}:{number % 60:02}+00:00"})
        )
    for number, (member, epochs_done) in enumerate(zip(sweep.members, done, strict=False)):
        paths = home.run(member.run)
        paths.lock.touch()
        events = course(epochs, epochs_done, seed=number)
        lines = (encode(LogEntry(BEGAN + 60 * at, at, event)) for at, event in enumerate(events, start=1))
        paths.events.write_text("\n".join(lines) + "\n")
    return sweep


@contextlib.contextmanager
def queued(home: Home, sweep: Sweep, running: int = 0, reasons: Sequence[str] = ()) -> Iterator[None]:
    """Queue the members that have no log; the first ``running`` members with an incomplete one hold their locks.

    No dispatcher can start meanwhile.
    """
    home.queue.mkdir(parents=True, exist_ok=True)
    records = {record.id: record for record in RunStore(home).records()}
    members = [records[member.run] for member in sweep.members]
    live = [record for record in members if 0 < record.summary.epoch < record.summary.epochs][:running]
    waiting = [record for record in members if not record.paths.events.exists()]
    entries = [
        queueing.entry(record.paths, RunConfig.read(record.paths.config), any_gpu=False) for record in (*live, *waiting)
    ]
    for place in range(len(live)):
        entries[place] = entries[place].with_(placed=(f"cpu:{place}",), launched=True)
    for place, reason in enumerate(reasons, start=len(live)):
        entries[place] = entries[place].with_(reason=reason, held=reason == "held")
    Queue(home).add([])
    with Queue(home).change() as document:
        document.entries = entries
        document.cpu_slots = 2
    with contextlib.ExitStack() as stack:
        stack.enter_context(engine_lock(home.dispatcher))
        for record in live:
            stack.enter_context(engine_lock(record.paths.lock))
        yield


@contextlib.contextmanager
def in_slurm(home: Home, sweep: Sweep, states: Sequence[State]) -> Iterator[None]:
    """Note the first members of a sweep as jobs of an array with these states; those that run hold their locks."""
    with SlurmJobs(home).change() as document:
        for number, (member, state) in enumerate(zip(sweep.members, states, strict=False)):
            document.entries[member.run] = Job(
                run=member.run,
                submission="nastui-1",
                task=number,
                job="7",
                request={"profile": {"name": "gpus"}},
                last=state.model_copy(update={"job": f"7_{number}"}),
            )
    with contextlib.ExitStack() as stack:
        for member, state in zip(sweep.members, states, strict=False):
            if state.state == "RUNNING":
                stack.enter_context(engine_lock(home.run(member.run).lock))
        yield


def copy_sweeps(home: Home, of: int = 50) -> None:
    """Fill a store with sweeps of so many runs, copies of four; a quarter of the runs wait in the queue."""
    runs = copy_runs(home)
    waiting = []
    for first in range(0, len(runs), of):
        members = []
        for number, folder in enumerate(runs[first : first + of]):
            raw = json.loads((folder / "config.json").read_text()) | {"sweep": f"{first // of:08x}"}
            (folder / "config.json").write_text(json.dumps(raw))
            values = {"learning_rate": f"0.{number // 4 + 1}"}
            members.append(Member(run=folder.name, seed=raw["seed"], values=values))
            if (first + number) % 4 == 3:
                waiting.append(Entry(run=folder.name, starts=1, reason="waits for a slot of the CPU (2 of 2 in use)"))
        sweep = Sweep(
            id=f"{first // of:08x}",
            created="2026-01-01T00:00:00+00:00",
            draft={"method": "drnas", "device": "cpu", "source": "", "options": {}},
            seeds=tuple(range(4)),
            grid={"learning_rate": tuple(dict.fromkeys(member.values["learning_rate"] for member in members))},
            members=tuple(members),
        )
        (home.sweeps / sweep.id).mkdir(parents=True)
        (home.sweeps / sweep.id / "sweep.json").write_text(sweep.model_dump_json())
    with Queue(home).change() as document:
        document.entries = waiting
