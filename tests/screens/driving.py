"""Driving the dashboard in tests: runs as engines leave them, key presses, and the displayed text."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot, WaitForScreenTimeout
from textual.screen import Screen
from textual.widgets import Static

from runs.configuration import Draft, RunConfig, resolve
from runs.home import Home, RunPaths
from runs.log.event_log import EventLog
from runs.log.events import Entry, Event, encode
from runs.store.labels import Labels
from runs.store.run_store import RunStore
from screens.pictures import screen_strips
from screens.run.screen import RunScreen
from screens.widgets.header import Header
from screens.widgets.lines import Lines
from tests.synthetic import course, make_run

BEGAN = 1_767_225_600.0  # 2026-01-01 00:00 UTC
_PATIENCE_SECONDS = 30.0


async def until(pilot: Pilot[Any], reached: Callable[[], object], state: Callable[[], object] | None = None) -> None:
    """Wait until a condition holds.

    Args:
        pilot: of the app.
        reached: the condition.
        state: what a failure tells; by default what the screen shows.

    Raises:
        AssertionError: it does not hold in time.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not happen: {state()}" if state else "\n".join(rows(pilot.app)))
        await pilot.pause(0.02)


NOTIFIED: list[str] = []
"""The messages of all notifications in the current test; a fixture records them."""


def toasts() -> str:
    """Return the messages of the notifications so far."""
    return "\n".join(NOTIFIED)


def rows(app: App[Any]) -> list[str]:
    """Return the characters of the current screen, row by row."""
    return [strip.text for strip in screen_strips(app)]


def static(screen: Screen[Any], selector: str) -> str:
    """Return the text of a static widget; empty before it is mounted."""
    return "".join(str(found.content) for found in screen.query(selector).results(Static))


def text(screen: Screen[Any], kind: type[Lines[Any]]) -> str:
    """Return all lines of a widget."""
    return screen.query_one(kind).text


async def opened(pilot: Pilot[Any]) -> RunScreen:
    """Return the Run screen after it has read its run."""
    await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    await until(pilot, lambda: screen.record is not None and bool(screen.query_one(Header).text))
    await pilot.pause()
    return screen


@contextlib.contextmanager
def engine(paths: RunPaths) -> Iterator[None]:
    """Hold the lock of a run, as its engine does."""
    with paths.lock.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def append(paths: RunPaths, *events: Event) -> None:
    """Append events to the log of a run."""
    with EventLog(paths.events, 1000) as journal:
        for event in events:
            journal.append(event)


def frozen_run(home: Home, epochs: int, done: int) -> RunConfig:
    """Create a run that depends neither on the date nor on the machine."""
    draft = Draft(method="drnas", preset="quick", device="cpu", seed=2, options={"epochs": epochs})
    update = {"id": "a3f9c0de-drnas-nasbench201", "created": "2026-01-01T00:00:00.000+00:00"}
    config = resolve(draft).model_copy(update=update)
    paths = RunStore(home).create(config, Labels())
    events = course(epochs, done, ended=False)
    lines = (encode(Entry(BEGAN + 2 * number, number, event)) for number, event in enumerate(events, start=1))
    paths.events.write_text("\n".join(lines) + "\n")
    return config


def written_run(home: Home, events: list[Event]) -> str:
    """Create such a run with a log of these events, and return its id."""
    config = frozen_run(home, 30, 1)
    lines = (encode(Entry(1.8e9 + number, number, event)) for number, event in enumerate(events, start=1))
    home.run(config.id).events.write_text("\n".join(lines) + "\n")
    return config.id


def future_runs(root: Path) -> None:
    """Create four runs dated in the future, whose age is always shown as zero."""
    for index, (name, tags, epochs, done) in enumerate(
        (
            ("", [], 600, 117),
            ("first try", [], 5, 5),
            ("[kl] regulariser", ["kl", "seed-3"], 30, 30),
            ("", ["paper"], 9, 0),
        )
    ):
        _, paths = make_run(root, name=name, tags=tags, epochs=epochs, done=done)
        raw = json.loads(paths.config.read_text())
        paths.config.write_text(json.dumps(raw | {"created": f"2999-01-0{index + 1}T00:00:00+00:00", "device": "cpu"}))


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until every widget has processed its messages, however slow the machine is.

    Raises:
        AssertionError: a widget is stuck: half a minute has not moved it from where it waits.
    """
    before: dict[str, str] = {}
    while True:
        try:
            await pilot.pause()
        except WaitForScreenTimeout:
            stuck = _waiting(pilot.app)
            same = [f"{name}\n{where}" for name, where in stuck.items() if before.get(name) == where]
            assert not same, "stuck:\n" + "\n".join(same)
            before = stuck
        else:
            return


def _waiting(app: App[Any]) -> dict[str, str]:
    """Return where each widget waits that has messages to process."""
    found = {}
    for widget in (app, *app.screen.walk_children(with_self=True)):
        if widget._message_queue.qsize():
            stack = io.StringIO()
            if widget._task is None:
                stack.write(f"no task, {widget._message_queue.qsize()} messages")
            else:
                widget._task.print_stack(file=stack)
            found[f"{widget!r} at {id(widget):x}"] = stack.getvalue()
    return found
