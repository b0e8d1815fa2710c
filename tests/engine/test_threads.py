"""The number of CPU threads of a run that leaves it open: chosen once, by the idle cores and by what pays."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core import threads
from engine.core.threads import Threads, choose, threads_of, useful_threads
from runs.configuration import Draft, RunConfig, resolve
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import Started
from runs.machine import cores
from runs.store.core_shares import Shares
from runs.store.labels import Labels
from runs.store.lock import engine_lock, note_threads, owner_threads
from runs.store.run_store import RunStore

LARGE = {"batch_size": 64, "channels": 32, "image_size": 64}


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(cores, "allowed", lambda: 8)
    monkeypatch.setattr(cores, "present", lambda: 8)


def config(device: str = "cpu", method: str = "drnas", **options: Any) -> RunConfig:
    found = resolve(Draft(method=method, preset="quick", device="cpu", options=options))
    return found.model_copy(update={"device": device})


def test_a_configured_number_is_kept_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert choose(config(threads=64), busy=8.0, others=Shares(8)) == Threads(64)
    assert choose(config(threads=8), processes=2) == Threads(4), "the processes of a run share its threads"


@pytest.mark.parametrize(("value", "number"), [("3", 3), ("2,4", 2), (" 1 ", 1)])
def test_the_number_of_a_batch_system_is_honoured(monkeypatch: pytest.MonkeyPatch, value: str, number: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert choose(config(**LARGE), busy=7.0) == Threads(number, "OMP_NUM_THREADS")
    assert choose(config("cuda:0")).number == number


@pytest.mark.parametrize("value", ["", "0", "-1", "many"])
def test_nonsense_of_a_batch_system_is_ignored(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert choose(config(**LARGE)).number == 8


def test_on_a_gpu_the_number_is_small_and_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose(config("cuda:0", **LARGE), busy=8.0, others=Shares(100)) == Threads(2, "the GPU computes")
    assert choose(config("cuda:0"), processes=8).number == 1
    monkeypatch.setattr(cores, "allowed", lambda: 1)
    assert choose(config("cuda:0")).number == 1


def test_small_networks_get_one_thread_however_many_cores_are_idle() -> None:
    assert choose(config()) == Threads(1, "more do not pay for a network this small")


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({"batch_size": 96, "channels": 36, "image_size": 32}, 6),
        ({"batch_size": 64, "channels": 16, "image_size": 32}, 2),
        ({"batch_size": 16, "channels": 36, "image_size": 32}, 1),
        ({"batch_size": 64, "channels": 8, "image_size": 8}, 1),
        ({"batch_size": 64, "channels": 16, "image_size": 0}, 2),  # the size of the data set, 32 x 32
    ],
)
def test_the_largest_feature_map_decides_what_pays(options: dict[str, int], number: int) -> None:
    assert useful_threads(config(**options)) == number


def test_a_search_without_a_network_of_its_own_gets_one_thread() -> None:
    assert useful_threads(config(method="random_search")) == 1


def test_the_idle_cores_are_used_as_far_as_it_pays() -> None:
    large = config(**LARGE)
    assert choose(large) == Threads(8, "8 of 8 cores idle")
    assert choose(large, busy=2.6) == Threads(5, "5 of 8 cores idle")
    assert choose(large, others=Shares(6)) == Threads(2, "2 of 8 cores idle")
    assert choose(large, busy=8.0, others=Shares(9)) == Threads(1, "0 of 8 cores idle")
    assert choose(config(**LARGE | {"image_size": 32})) == Threads(4, "more do not pay for a network of this size")


def test_engines_that_start_together_share_the_idle_cores() -> None:
    large = config(**LARGE)
    assert choose(large, others=Shares(undecided=1)) == Threads(4, "8 of 8 cores idle, shared by 2 runs that start")
    assert choose(large, busy=2.0, others=Shares(2, undecided=1)).number == 2
    assert choose(large, others=Shares(undecided=20)).number == 1


def test_a_quota_bounds_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "allowed", lambda: 3)
    assert choose(config(**LARGE), busy=4.0) == Threads(3, "3 of 3 cores idle")
    assert choose(config(**LARGE), others=Shares(2)) == Threads(1, "1 of 3 cores idle")


# Recording


def created(home: Home, **options: Any) -> tuple[RunConfig, RunPaths]:
    made = config(**options)
    return made, RunStore(home).create(made, Labels())


def test_two_searches_that_start_at_once_each_get_half(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_load", lambda others: 0.0)
    runs = [created(home, **LARGE) for _ in range(2)]
    (first, one), (second, other) = runs
    with engine_lock(one.lock), engine_lock(other.lock):
        assert threads_of(first, one, None).number == 4
        assert owner_threads(one.lock) == 4
        assert threads_of(second, other, None).number == 4, "the first has noted its number, the second takes the rest"
    with engine_lock(one.lock):
        note_threads(one.lock, 8)
        with engine_lock(other.lock):
            assert threads_of(second, other, None).number == 1


def test_a_resumed_run_uses_the_number_of_its_first_start(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    made, paths = created(home, **LARGE)
    with engine_lock(paths.lock):
        assert threads_of(made, paths, None).number == 5
        with EventLog(paths.events) as event_log:
            event_log.append(Started({"threads": 3}))
            event_log.append(Started({"threads": 4}))
        assert threads_of(made, paths, None) == Threads(3, "as at its first start")
        assert owner_threads(paths.lock) == 3


def test_a_resumed_run_of_an_older_version_keeps_its_configured_number(home: Home) -> None:
    made, paths = created(home, threads=6)
    with EventLog(paths.events) as event_log:
        event_log.append(Started({"threads": 3}))
    with engine_lock(paths.lock):
        assert threads_of(made, paths, None, processes=2) == Threads(3)
        assert owner_threads(paths.lock) == 6, "those of all its processes"
