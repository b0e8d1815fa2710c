"""Every signal that announces an end is a request to stop, and no helper process dies of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.core.stop_signals import STOP_SIGNALS

ENGINE = """
import multiprocessing, subprocess, sys, threading, time
from engine.core import stop_signals

stop_signals.block()
stop = stop_signals.StopRequest()
stop.listen(lambda: print("gave up at once", flush=True))
helper = subprocess.Popen(["sleep", "600"])
what = sys.argv[1]
if what != "starts":
    patience = 600.0 if what == "works" else 0.1
    stop.wait_for_units(lambda: patience, lambda: print("gave up", helper.poll(), flush=True))
print("ready", flush=True)
while what != "works":
    threading.Event().wait()  # inside a library that does not return
while not stop.requested:
    time.sleep(0.01)
stop.claim_end()
print("stopped", helper.poll(), flush=True)
helper.kill()
"""


@contextmanager
def engine(what: str) -> Iterator[subprocess.Popen[str]]:
    """Yield an engine that works, waits for ever, or starts; it leads a process group with a helper."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", ENGINE, what], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("number", STOP_SIGNALS, ids=lambda number: number.name)
def test_to_the_whole_process_group(number: signal.Signals) -> None:
    with engine("works") as process:
        os.killpg(process.pid, number)
        os.killpg(process.pid, number)  # some batch systems say it twice
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped None\n"


def test_an_engine_that_waits_for_ever_gives_up_after_its_patience() -> None:
    with engine("waits") as process:
        os.kill(process.pid, signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == "gave up None\n"
        assert process.wait(60) == 0


def test_an_engine_that_starts_has_nothing_to_wait_for() -> None:
    with engine("starts") as process:
        os.kill(process.pid, signal.SIGUSR1)
        assert process.stdout is not None
        assert process.stdout.readline() == "gave up at once\n"
        assert process.wait(60) == 0
