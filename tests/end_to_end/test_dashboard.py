"""The dashboard in a real terminal: controlled only by keys, and when the connection is lost."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pexpect
import pytest

from tests.end_to_end.conftest import Cli, set_traps
from tests.end_to_end.terminal import CTRL_S, ENTER, LEFT, Terminal


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals, closed at the end."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.process.close(force=True)


# On a fast machine the run may have finished meanwhile, but it must not be `lost`.
GOES_ON = ("running", "finished")


def epoch(shown: str) -> int:
    found = re.search(r"epoch (\d+)/30", shown)
    return int(found[1]) if found else 0


def test_start_watch_scrub_lose_the_line_and_come_back(cli: Cli, terminals: list[Terminal]) -> None:
    cli.environment["OMP_NUM_THREADS"] = "1"
    first = Terminal(cli)
    terminals.append(first)
    first.shows("No runs yet", "? keys")
    first.press("n")
    first.shows("new run", "quick", "ctrl+s start")
    first.press(CTRL_S)
    first.until(lambda shown: epoch(shown) >= 3 and "running" in shown)
    moving = first.shows("[1] accuracy", "[3] cell", "out")
    first.press("4")
    first.shows("none", "skip", "3 ◂ 2")
    first.press("3")
    first.shows("[3] cell")
    first.press(LEFT)
    first.until(lambda shown: re.search(r"[◂<].*epoch \d+", shown.splitlines()[-2]) is not None)
    run = cli.json("runs", "list")[0]["id"]

    first.hang_up()
    assert first.is_gone()
    assert cli.status(run) in GOES_ON

    second = Terminal(cli)
    terminals.append(second)
    second.shows(run[:8], "1 run")
    second.press(ENTER)
    second.until(lambda shown: epoch(shown) > epoch(moving) or "finished" in shown)
    second.press("q")
    second.shows("↓age")
    second.press("q")
    assert second.is_gone()
    assert cli.status(run) in GOES_ON
    cli("runs", "stop", run)


def test_a_hostile_folder_changes_nothing(cli: Cli, terminals: list[Terminal]) -> None:
    set_traps(cli.folder)
    terminal = Terminal(cli)
    terminals.append(terminal)
    terminal.shows("No runs yet")


@pytest.mark.parametrize("term", ["xterm-16color", "screen-256color"])
def test_it_leaves_the_terminal_as_it_was(cli: Cli, terminals: list[Terminal], term: str) -> None:
    terminal = Terminal(cli, term=term)
    terminals.append(terminal)
    terminal.shows("No runs yet")
    terminal.press("q")
    terminal.process.expect("\x1b\\[\\?1049l")
    assert terminal.is_gone()


def test_it_refuses_what_is_no_terminal(cli: Cli) -> None:
    done = cli(code=2)
    assert "needs a terminal" in done.stderr
    assert "nastui runs follow --plain" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


# Hangs up once more at one line of those that run while a hang-up is handled, each in a process of its own: the lines
# inside a lock are among them. A process that waits for itself is killed by its alarm.
INTERRUPTED = """
import os, signal, sys
from nastui import terminal

def interrupted_at(number):
    left, lines = [], iter(range(number))
    def trace(frame, event, arg):
        if event == "line" and next(lines, None) is None:
            sys.settrace(None)
            os.kill(os.getpid(), signal.SIGHUP)
            return None
        return trace
    signal.alarm(10)
    terminal.GRACE_SECONDS = 20
    with terminal.leaving_with_the_terminal(left.append):
        sys.settrace(trace)
        os.kill(os.getpid(), signal.SIGHUP)
        sys.settrace(None)
    os._exit(0 if left == [129] else 1)

children = [os.fork() or interrupted_at(number) for number in range(12)]
print("ended with", [os.waitpid(child, 0)[1] for child in children])
"""


def test_a_hang_up_may_interrupt_the_handling_of_another() -> None:
    process = pexpect.spawn(sys.executable, ["-c", INTERRUPTED], timeout=60, encoding="utf-8")
    process.expect_exact(f"ended with {[0] * 12}")
    process.close(force=True)
