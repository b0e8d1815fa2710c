"""A clock that jumps by seconds, hours and years while engines, viewers and writers work: nothing changes but dates.

Only the clock of our copies jumps (:class:`tests.storm.copies.Faults`). ``NASTUI_STORM_JUMPS`` is the number of
engines.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runs.home import Home
from runs.store.run_store import RunStore
from runs.store.status import Status
from tests.storm.copies import Faults, command, engine, orphans, text
from tests.storm.kinds import ENGINE_SECONDS, KINDS, Undisturbed, result, undisturbed
from tests.storm.sizes import SEED, WORKERS, Account, noting, size

JUMPS = size("JUMPS", 60, 2)
SHORT_KINDS = ("gdas-nasbench201", "evolution-nasbench201")
SHIFTS = (0.0, 0.001, -0.5, 59.0, -61.0, 3600.0, -3600.0, 86_400.0, -1e7, 3e8, -1.7e9, 1e10)
SECONDS = 600
pytestmark = [pytest.mark.storm, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def ended(undisturbed_runs: Path) -> list[Undisturbed]:
    """Runs that nothing disturbs."""
    return [undisturbed(kind, undisturbed_runs) for kind in KINDS if kind.name in SHORT_KINDS]


def test_engines_and_viewers_whose_clocks_jump(ended: list[Undisturbed], tmp_path: Path) -> None:
    account, lock, dice = Account("jumping clocks"), threading.Lock(), random.Random(SEED)

    def work(number: int) -> None:
        with lock:
            whole, own = dice.choice(ended), random.Random(dice.random())
        home = Home(tmp_path / str(number))
        home.prepare()
        if (benchmarks := whole.created.parent / "benchmarks").exists():
            shutil.copytree(benchmarks, home.benchmarks)
        run = next((whole.created.parent / "runs").iterdir()).name
        paths = home.run(run)
        shutil.copytree(whole.created, paths.root)
        for kill_at in (own.randint(1, whole.operations[1]), None):
            process = engine(
                paths.root, Faults(kill_at=kill_at, clock=_shifts(own), clock_reads=own.choice((1, 7, 50)))
            )
            # Viewers and writers with other clocks look on while it works.
            for words in (("runs", "list"), ("runs", "show", run, "--json"), ("runs", "tag", run, "word")):
                printed = tmp_path / f"printed-{number}"
                printed.mkdir(exist_ok=True)
                looked = command(
                    *words,
                    home=home.root,
                    folder=tmp_path,
                    printed=printed,
                    seconds=SECONDS,
                    faults=Faults(clock=_shifts(own)),
                )
                looked.join()
                account.add("commands")
                assert looked.exitcode == 0, (words, looked.exitcode, text(printed, "stderr"))
            process.join(ENGINE_SECONDS)
            account.add("engines")
            assert process.exitcode in ((0, -9) if kill_at else (0,)), (process.exitcode, paths.log.read_text())
            moment = 1e9 + own.choice(SHIFTS[:9])  # the heartbeat of a clock that was wrong when the engine ended
            os.utime(paths.lock, (moment, moment))
            (record,) = RunStore(home).records()
            assert record.status in (Status.FINISHED, Status.LOST), record.status
        assert result(paths) == whole.result
        shutil.rmtree(home.root)

    with ThreadPoolExecutor(WORKERS) as workers:
        list(workers.map(noting(account, work), range(max(1, JUMPS // 2))))
    account.end()
    assert orphans() == []


def _shifts(dice: random.Random) -> tuple[float, ...]:
    return tuple(dice.choice(SHIFTS) for _ in range(5))
