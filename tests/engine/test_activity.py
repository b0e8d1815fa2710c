"""What an engine says of itself: what it has begun, how long that usually takes, and when it is far too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core import activity
from runs.store.activity import Activity, read

MINUTE = 60.0


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of a new reporter."""
    clock = Clock()
    monkeypatch.setattr(activity.time, "monotonic", clock)
    monkeypatch.setattr(activity, "_reporter", activity._Reporter())
    monkeypatch.delenv(activity.VARIABLE, raising=False)
    return clock


@pytest.fixture
def file(clock: Clock, tmp_path: Path) -> Path:
    path = tmp_path / "activity.json"
    activity.open_file(path)
    return path


def now(file: Path) -> Activity:
    found = read(file)
    assert found is not None
    return found


def do(clock: Clock, doing: str, seconds: float) -> None:
    """Begin something that takes so long."""
    activity.begin(doing)
    clock.now += seconds


def test_nothing_is_known_of_what_is_done_for_the_first_time(file: Path, clock: Clock) -> None:
    assert now(file).doing == "starting"
    assert now(file).usual is None
    assert now(file).limit == 30 * MINUTE


def test_units_of_five_minutes_have_fifty(file: Path, clock: Clock) -> None:
    for _ in range(3):
        do(clock, activity.UNIT, 5 * MINUTE)
        assert now(file).limit in (30 * MINUTE, 50 * MINUTE)
    assert now(file).usual == 5 * MINUTE


def test_short_units_have_the_least_time(file: Path, clock: Clock) -> None:
    for _ in range(30):
        do(clock, activity.UNIT, 0.2)
    assert now(file).limit == 5 * MINUTE


def test_each_kind_of_work_has_its_own_usual_length(file: Path, clock: Clock) -> None:
    for _ in range(5):
        do(clock, activity.UNIT, 1)
        do(clock, "a stage transition", 20 * MINUTE)
    activity.begin(activity.UNIT)
    assert now(file).limit == 5 * MINUTE
    activity.begin("a stage transition")
    assert now(file).limit == 200 * MINUTE


def test_one_suspension_does_not_count_and_units_that_are_sometimes_long_do(file: Path, clock: Clock) -> None:
    for _ in range(50):
        do(clock, activity.UNIT, 1)
    do(clock, activity.UNIT, 600 * MINUTE)
    activity.begin(activity.UNIT)
    assert activity.usual_seconds() == 1
    clock.now += 2 * MINUTE
    activity.begin(activity.UNIT)
    assert activity.usual_seconds() == 2 * MINUTE


def test_a_change_of_work_is_written_at_once_and_more_of_the_same_every_second(file: Path, clock: Clock) -> None:
    do(clock, activity.UNIT, 0.1)
    began = now(file).monotonic
    do(clock, activity.UNIT, 0.1)
    assert now(file).monotonic == began
    activity.begin("writing a checkpoint")
    assert now(file).doing == "writing a checkpoint"
    clock.now += 2
    activity.begin("writing a checkpoint")
    assert now(file).monotonic == clock.now


def test_what_was_done_before_goes_on_after_a_block(file: Path, clock: Clock) -> None:
    activity.begin(activity.UNIT)
    with activity.during("waiting for a helper", at_most=10):
        clock.now += 7
        wait = activity.current_wait()
        assert wait == activity.Wait("waiting for a helper", 7, 10)
    assert now(file).doing == activity.UNIT
    assert activity.current_wait() is None


@pytest.mark.parametrize(("given", "seconds"), [("20", 20), ("0", 300), ("-1", 300), ("soon", 300), ("nan", 300)])
def test_the_least_time_is_a_setting(monkeypatch: pytest.MonkeyPatch, clock: Clock, given: str, seconds: float) -> None:
    monkeypatch.setenv(activity.VARIABLE, given)
    assert activity.least_seconds() == seconds
