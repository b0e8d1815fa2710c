"""The application as a process: in a pseudo-terminal, without one, and when the terminal closes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from nastui import terminal
from nastui.app import NastuiApp, run_dashboard
from runs.errors import UsageError
from runs.home import Home
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from tests.screens.driving import until
from tests.synthetic import make_run

PROGRAM = (
    "import sys; from pathlib import Path; from nastui.app import run_dashboard; from runs.home import Home; "
    "sys.exit(run_dashboard(Home(Path(sys.argv[1]))))"
)
MAIN_SCREEN = "\x1b[?1049l"


def start(home: Path, *before: str, **environment: str) -> pexpect.spawn[str]:
    words = [*before, sys.executable, "-P", "-c", PROGRAM, str(home)]
    environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment}
    child = pexpect.spawn(words[0], words[1:], env=environ, dimensions=(24, 80), encoding="utf-8", timeout=20)
    child.expect("0 runs")
    return child


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"


def test_q_leaves_with_zero_and_restores_the_screen(home: Path) -> None:
    child = start(home)
    child.send("q")
    child.expect_exact(MAIN_SCREEN)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


ENDS = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2]


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_a_signal_restores_the_screen_and_ends(home: Path, number: signal.Signals) -> None:
    child = start(home)
    child.kill(number)
    child.expect_exact(MAIN_SCREEN)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 128 + number


def test_an_interrupt_in_front_of_a_form_has_its_exit_code(home: Path) -> None:
    child = start(home)
    child.send("n")
    child.expect_exact("new run")
    child.kill(signal.SIGINT)
    child.kill(signal.SIGINT)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


# Presses of ? then fail, in each of the ways in which a handler, a worker or a thread of Textual can fail.
FAILING = """
import asyncio, sys
from pathlib import Path
import nastui.app
from nastui.app import NastuiApp, run_dashboard
from runs.errors import NastuiError
from runs.home import Home

class Odd(Exception):
    pass

def fail(*_):
    raise Odd("it broke\\non two lines")

async def fail_later():
    fail()

def broken_input(driver):
    raise Odd("it broke")

def act(app, way=sys.argv[2]):
    match way:
        case "handler": fail()
        case "worker": app.run_worker(fail_later())
        case "callback": app.call_after_refresh(fail)
        case "next": app.screen.call_next(fail)
        case "timer": app.screen.set_timer(0.01, fail)
        case "render": app.screen.query_one("#counts").render = fail; app.screen.query_one("#counts").refresh()
        case "cancelled": app._task_of_app.cancel()

loop = NastuiApp._process_messages_loop

async def noted(self):
    self._task_of_app = asyncio.current_task()
    await loop(self)

NastuiApp._process_messages_loop = noted
NastuiApp.action_keys_help = act
try:
    sys.exit(run_dashboard(Home(Path(sys.argv[1]))))
except NastuiError as error:
    print(f"nastui: {error}", file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("way", ["handler", "worker", "callback", "next", "timer", "render", "cancelled"])
def test_an_unexpected_end_is_a_sentence_a_traceback_and_no_success(home: Path, way: str) -> None:
    words = ["-P", "-c", FAILING, str(home), way]
    environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    child = pexpect.spawn(sys.executable, words, env=environ, dimensions=(24, 80), encoding="utf-8", timeout=20)
    child.expect("0 runs")
    child.send("?")
    child.expect_exact(MAIN_SCREEN)
    child.expect(pexpect.EOF)
    child.close()
    said = child.before or ""
    assert child.exitstatus == 1
    assert said.count("nastui: The dashboard ended because of an error in it") == 1
    assert "Traceback" not in said
    assert "nastui.log" in said
    written = (home / "nastui.log").read_text()
    assert ("CancelledError" if way == "cancelled" else "Odd: it broke") in written


# A lead byte takes what follows it at once with it.
@pytest.mark.parametrize("typed", [b"\xff", b"\xe9!", b"\x80\x81\xc3!"], ids=repr)
def test_input_that_is_not_text_is_dropped(home: Path, typed: bytes) -> None:
    child = start(home)
    os.write(child.child_fd, typed)
    child.send("?")
    child.expect_exact("on this screen")
    child.send("?q")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


@pytest.mark.parametrize("blocked", [False, True], ids=["hang-up", "hang-up never arrives"])
def test_without_its_terminal_the_app_is_gone(home: Path, blocked: bool) -> None:
    # In a session of its own, behind a second process, the app never gets the terminal's hang-up signal.
    child = start(home, *(["setsid", "--wait"] if blocked else []))
    pids = _family(child.pid)
    os.close(child.child_fd)
    deadline = time.monotonic() + 10
    while any(_lives(pid) for pid in pids):
        assert time.monotonic() < deadline, "the app outlived its terminal"
        time.sleep(0.1)


def test_without_a_terminal_it_refuses_in_one_line(home: Path) -> None:
    with pytest.raises(UsageError) as refused:
        run_dashboard(Home(home))
    assert refused.value.exit_code == 2
    assert "nastui runs follow --plain" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("term", ["", "dumb"])
def test_a_dumb_terminal_is_refused(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    class Tty:
        def isatty(self) -> bool:
            return True

    for name in ("__stdin__", "__stdout__", "__stderr__"):
        monkeypatch.setattr(sys, name, Tty())
    terminal.check({"TERM": "xterm"})
    with pytest.raises(UsageError, match="TERM is"):
        terminal.check({"TERM": term})


@pytest.mark.parametrize(
    ("environ", "theme"),
    [
        ({"TERM": "xterm-256color"}, "nastui"),
        ({"TERM": "xterm-16color", "COLORTERM": ""}, "ansi-dark"),
        ({"TERM": "linux", "COLORTERM": ""}, "ansi-dark"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "nastui"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "ansi-dark"),
    ],
)
def test_the_theme_follows_the_terminal(
    monkeypatch: pytest.MonkeyPatch, home: Path, environ: dict[str, str], theme: str
) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert NastuiApp(Home(home)).theme == theme


def test_the_users_theme_is_kept(home: Path) -> None:
    told = "from pathlib import Path; from nastui.app import NastuiApp; from runs.home import Home; "
    told += "print(NastuiApp(Home(Path('x'))).theme)"
    environ = {**os.environ, "TEXTUAL_THEME": "nord"}
    done = subprocess.run([sys.executable, "-P", "-c", told], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "nord"


def test_no_color_sends_no_colour(home: Path) -> None:
    child = start(home, NO_COLOR="1")
    child.send("q")
    child.expect(pexpect.EOF)
    sent = (child.before or "") + str(child.buffer)
    assert "38;2;" not in sent
    assert "38;5;" not in sent


def test_the_app_imports_nothing_that_computes() -> None:
    told = "import sys, nastui.app, screens.starting.new_run, screens.run.screen; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", told], capture_output=True, text=True, check=True)
    loaded = done.stdout
    for name in ("'torch'", "'numpy'", "'engine'", "'scipy'", "'cvxpy'", "'sklearn'"):
        assert name not in loaded


async def test_a_run_may_be_opened_at_once(home: Path) -> None:
    config, _ = make_run(home)
    app = NastuiApp(Home(home), config.id)
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert isinstance(app.screen_stack[0], RunsScreen)


async def test_leaving_says_that_engines_go_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_run(home)
    app = NastuiApp(Home(home))
    told: list[Any] = []
    async with app.run_test() as pilot:
        monkeypatch.setattr(RunsScreen, "live_runs", 2)
        monkeypatch.setattr(app, "exit", lambda result=None, message=None: told.append(message))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: told)
    assert told == ["2 runs keep running."]


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
