"""Messages about real runs: one per event, over kills of engines and viewers; a failing channel fails no run."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.end_to_end.conftest import COMMAND, Cli
from tests.end_to_end.terminal import Terminal
from tests.runs.webhook import Webhook, configure


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    server = Webhook()
    yield server
    server.close()


def test_a_run_tells_its_end_itself_and_a_failing_channel_does_not_fail_it(cli: Cli, webhook: Webhook) -> None:
    configure(cli.home, f'webhook = "{webhook.address}"\ncommand = ["true"]')
    webhook.answer = 500
    run = cli.search(epochs=1)["id"]
    cli.until(run, lambda _: not list(cli.home.outbox.iterdir()))
    assert cli.wait(run, "finished", "failed", "lost") == "finished"
    assert webhook.events == ["finished"]
    cli.until(run, lambda follower: any(entry.event.type == "warning" for entry in follower.update()))
    (warning,) = cli("runs", "events", run, "--type", "warning").stdout.splitlines()
    assert "'finished' was not delivered by webhook 1: the server answered 500" in warning
    assert cli.status(run) == "finished"
    assert len(webhook.received) == 1


def test_a_killed_engine_is_told_of_once_by_whoever_sees_it_first(
    cli: Cli, webhook: Webhook, eventually: Callable[..., None]
) -> None:
    configure(cli.home, f'webhook = "{webhook.address}"\ndesktop = true')
    run = cli.search(epochs=100_000)["id"]
    with contextlib.ExitStack() as stack:
        terminals = [Terminal(cli) for _ in range(2)]
        for terminal in terminals:
            stack.callback(terminal.process.close, force=True)
            terminal.shows(run[:8])
        webhook.go_on.clear()
        cli.kill(run)
        assert webhook.arrived.wait(60)
        for _ in range(2):
            assert cli.status(run) == "lost"
        terminals[0].process.kill(9)
        webhook.go_on.set()
        told = f"\x1b]777;notify;nastui;Run {run[:8]}, drnas on digits, was lost".encode()

        def is_shown() -> bool:
            terminals[1].read()
            return told in terminals[1].received

        eventually(is_shown)
        assert b"\a\x1b]9;Run" in terminals[1].received
        assert terminals[1].received.count(told) == 1
    cli("runs", "list")
    assert webhook.events == ["lost"]
    assert list(cli.home.outbox.iterdir()) == []


def test_a_wrong_table_is_refused_and_the_test_reports_each_channel(cli: Cli, webhook: Webhook) -> None:
    configure(cli.home, 'webhook = "nowhere"')
    for words in (("search", "drnas", "--preset", "quick", "--detach"), ("notify", "test")):
        refused = cli(*words, code=2)
        assert refused.stderr.count("\n") == 1 and "'webhook' must be an address" in refused.stderr
    assert cli.json("runs", "list") == []
    assert "configures no messages" in configured_with(cli, "", code=2)
    assert configured_with(cli, f'webhook = "{webhook.address}"', code=0) == "webhook 1: accepted\n"
    webhook.answer = 410
    said = configured_with(cli, f'webhook = "{webhook.address}"\ncommand = ["true"]', code=1)
    assert said == "webhook 1: the server answered 410\ncommand: accepted\n"
    assert webhook.events == ["test", "test"]


def configured_with(cli: Cli, table: str, code: int) -> str:
    """Return what `notify test` prints with this table."""
    configure(cli.home, table)
    done = cli("notify", "test", code=code)
    return done.stdout or done.stderr


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_tmux_passes_the_message_on_to_the_terminal_around_it(cli: Cli, tmp_path: Path) -> None:
    configure(cli.home, "desktop = true")
    (tmp_path / "tmux.conf").write_text("set -g allow-passthrough on\nset -g status off\n")
    words = ["-S", str(tmp_path / "socket"), "-f", str(tmp_path / "tmux.conf")]
    environment = cli.environment | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    environment.pop("TMUX", None)
    outside = pexpect.spawn(
        "tmux", [*words, "new-session", *COMMAND, "notify", "test"], env=environment, dimensions=(24, 80), timeout=60
    )
    try:
        outside.expect_exact(b"\x1b]9;This is a test message.\a")
        outside.expect_exact(b"\x1b]777;notify;nastui;This is a test message.\a")
    finally:
        pexpect.run(f"tmux {' '.join(words[:2])} kill-server")
        outside.close(force=True)
