"""How fast the app responds (measured and printed, without a limit), and what it must not import to be fast."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.end_to_end.conftest import SCRIPT, Cli
from tests.end_to_end.terminal import Terminal


def median(action: Callable[[], float]) -> float:
    action()
    return statistics.median(action() for _ in range(5))


def command(cli: Cli, *words: str) -> float:
    began = time.perf_counter()
    subprocess.run([SCRIPT, *words], env=cli.environment, capture_output=True, check=True)
    return time.perf_counter() - began


def first_paint(cli: Cli) -> float:
    began = time.perf_counter()
    terminal = Terminal(cli)
    terminal.shows("nastui", "keys", seconds=10)
    taken = time.perf_counter() - began
    terminal.press("q")
    terminal.process.close(force=True)
    return taken


@pytest.mark.benchmark
def test_help_and_first_paint(cli: Cli) -> None:
    for name, taken, target in (
        ("nastui --help", median(lambda: command(cli, "--help")), 0.4),
        ("nastui runs list", median(lambda: command(cli, "runs", "list")), 0.5),
        ("first paint", median(lambda: first_paint(cli)), 1.0),
    ):
        print(f"{name}: {taken:.2f} s, median of 5 (target {target} s)")


@pytest.mark.parametrize("words", [["--help"], ["runs", "list"], ["methods"], ["search", "--help"]])
def test_the_app_never_imports_torch(cli: Cli, words: list[str]) -> None:
    script = (
        "import sys; from nastui.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'sklearn', 'engine'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *words], env=cli.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
