"""Engines and viewers killed at random moments while messages are due: no event is ever told twice.

An event is told once, unless a process was killed in the moment between its note and the sending: then nobody sends
again, and the note says so. ``NASTUI_STORM_MESSAGES`` is the number of runs.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from runs.home import Home
from runs.notify import outbox, telling
from tests.runs.processes import python
from tests.runs.test_notify import notes
from tests.runs.webhook import Webhook, configure
from tests.storm.sizes import SEED, Account, size
from tests.synthetic import make_run

MESSAGES = size("MESSAGES", 100, 4)
VIEWERS = 2
LONGEST_SECONDS = 0.6
pytestmark = [pytest.mark.storm, pytest.mark.timeout(7200)]

# What an engine does at its end, without what it computes.
ENGINE = """
import pathlib, sys
from runs.home import RunPaths
from runs.log.event_log import EventLog
from runs.log.events import Finished, Warned
from runs.notify import outbox
from runs.notify.alarms import Alarms
from runs.notify.telling import deliver
from runs.store.lock import engine_lock
paths = RunPaths(pathlib.Path(sys.argv[1]))
with engine_lock(paths.lock):
    ending = outbox.expect_end(paths)
    print("ready", flush=True)
    alarms = Alarms(paths)
    with EventLog(paths.events, 1000) as log:
        warning = Warned("collapse", "The search collapses.")
        log.append(warning)
        alarms.notice(warning)
        alarms.wait(1.0)
        log.append(Finished())
deliver(ending, patience=30)
"""
VIEWER = """
import pathlib, sys
from runs.home import Home
from runs.notify.telling import sweep
print("ready", flush=True)
while True:
    sweep(Home(pathlib.Path(sys.argv[1])))
"""


def test_engines_and_viewers_killed_while_messages_are_due(home: Home) -> None:
    account, dice, webhook = Account("messages"), random.Random(SEED), Webhook()
    configure(home, f'webhook = "{webhook.address}"')
    webhook.answer = lambda _: time.sleep(dice.random() * 0.05) or 204
    viewers = [_started(VIEWER, home.root) for _ in range(VIEWERS)]
    unknown = 0
    for _ in range(MESSAGES):
        _, paths = make_run(home.root, epochs=4, done=2)
        threads = [_killed_later(_started(ENGINE, paths.root), dice.random() * LONGEST_SECONDS)]
        if dice.random() < 0.5:
            victim = dice.randrange(VIEWERS)
            threads.append(_killed_later(viewers[victim], dice.random() * LONGEST_SECONDS))
            viewers[victim] = _started(VIEWER, home.root)
            account.add("viewers killed")
        for thread in threads:
            thread.join()
        account.add("engines killed")
        deadline = time.monotonic() + 60
        while any(entry.run == paths.root.name for entry in outbox.entries(home)):
            assert time.monotonic() < deadline, "nobody sends what is due"
            time.sleep(0.02)
        told = Counter(message["id"] for message in webhook.received if message["run"] == paths.root.name)
        left = {f"{paths.root.name}/{key}": of["webhook 1"] for key, of in notes(paths).items() if of}
        assert set(told.values()) <= {1}, told
        for key, state in left.items():
            assert state in ("sent", "leaving")
            assert told[key] == 1 or state == "leaving"
            unknown += told[key] == 0
        assert f"{paths.root.name}/end-1" in left
        account.add("messages", len(told))
    account.add("messages whose sender was killed before the first byte", unknown)
    for viewer in viewers:
        viewer.kill()
        viewer.communicate()
    telling.sweep(home)
    assert len(webhook.received) == len({message["id"] for message in webhook.received})
    webhook.close()
    print(account)


def _started(script: str, argument: Path) -> subprocess.Popen[str]:
    process = python(script, argument)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def _killed_later(process: subprocess.Popen[str], seconds: float) -> threading.Thread:
    def kill() -> None:
        time.sleep(seconds)
        process.kill()
        process.communicate()

    thread = threading.Thread(target=kill)
    thread.start()
    return thread
