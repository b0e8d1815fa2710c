"""The dashboard in a browser: who can open it, and what it shows."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from nastui.cli.serve import checked
from nastui.serving import bounded
from runs.errors import UsageError
from tests.end_to_end.conftest import SCRIPT, Cli

TOKEN = "0123456789abcdef"
_BINARY = 2
# How much longer an end may take while the machine is busy with other tests.
_SLACK = 3
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_an_address_reachable_from_other_machines_needs_a_token() -> None:
    for host in ("localhost", "127.0.0.1", "::1"):
        assert checked(host, "") == host
    for host in ("0.0.0.0", "::", "192.168.1.4", "example.org"):
        with pytest.raises(UsageError, match="reachable from other machines"):
            checked(host, "")
        assert checked(host, TOKEN) == host
    with pytest.raises(UsageError, match="at least 16 characters, got 5"):
        checked("localhost", "short")
    for blank in (" " * 40, "\t" * 16, f"{' ' * 30}x"):
        with pytest.raises(UsageError, match=r"at least 16 characters, got [01]\."):
            checked("localhost", blank)


@pytest.mark.parametrize(
    ("claimed", "given"),
    [
        ((99_999_999, 24), (1000, 24)),
        ((80, 10**12), (80, 500)),
        ((0, -5), (1, 1)),
        (("wide", None), (80, 24)),
        ((2.5, []), (80, 24)),
    ],
)
def test_a_visitor_cannot_claim_any_size(claimed: tuple[object, object], given: tuple[int, int]) -> None:
    assert bounded(*claimed) == given


def test_the_server_ends_soon_and_its_apps_with_it(cli: Cli) -> None:
    with served(cli, NASTUI_TOKEN=TOKEN) as (port, server):
        apps = asyncio.run(_stay(f"http://127.0.0.1:{port}", server))
    assert apps
    assert not any(psutil.pid_exists(app) for app in apps)


@contextlib.contextmanager
def served(cli: Cli, **environment: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Serve the dashboard on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [SCRIPT, "serve", "--host", "127.0.0.1", "--port", str(port)],
        env=cli.environment | environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield port, server
    finally:
        server.terminate()
        server.wait(timeout=10)


def test_only_visitors_with_the_token_get_the_page(cli: Cli) -> None:
    with served(cli, NASTUI_TOKEN=TOKEN) as (port, server):
        assert asyncio.run(_visit(f"http://127.0.0.1:{port}")) == [403, 403, 403, 200, 403]
    assert server.stderr is not None
    printed = server.stderr.read()
    assert f"ssh -L {port}:127.0.0.1:{port} " in printed
    assert TOKEN not in printed


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_a_browser_shows_runs_and_takes_keys(cli: Cli, tmp_path: Path) -> None:
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    flags.append(f"--user-data-dir={tmp_path}")
    with served(cli) as (port, _):
        browser = subprocess.Popen([str(CHROMIUM), *flags, "about:blank"], stderr=subprocess.DEVNULL)
        try:
            asyncio.run(_browse(tmp_path / "DevToolsActivePort", f"http://127.0.0.1:{port}/"))
        finally:
            browser.terminate()
            browser.wait(timeout=10)


async def _browse(port_file: Path, address: str) -> None:
    """Open the page through the browser's debugging port, press a key, and check what the page receives."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while not port_file.exists() or not port_file.read_text():
            await asyncio.sleep(0.1)
        devices = f"http://127.0.0.1:{port_file.read_text().split()[0]}/json"
        async with session.get(devices) as answer:
            pages = [page for page in await answer.json() if page["type"] == "page"]
        async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as browser:
            numbers = itertools.count(1)

            async def call(method: str, **parameters: object) -> None:
                await browser.send_json({"id": next(numbers), "method": method, "params": parameters})

            async def sent(words: bytes) -> None:
                shown = b""
                while words not in shown:
                    event = json.loads((await browser.receive()).data)
                    if event.get("method") == "Network.webSocketFrameReceived":
                        frame = event["params"]["response"]
                        shown += base64.b64decode(frame["payloadData"]) if frame["opcode"] == _BINARY else b""

            await call("Network.enable")
            await call("Page.navigate", url=address)
            await sent(b"No runs yet")
            await call("Input.dispatchKeyEvent", type="keyDown", key="?", text="?")
            await sent(b"next theme")


async def _stay(address: str, server: subprocess.Popen[str]) -> list[int]:
    """Misbehave as a visitor with the token, then end the server; return the processes that it had started."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as visitor:
        await _answers(visitor, address)
        async with asyncio.timeout(60):
            raw_reader, raw = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
            raw.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: nastui-token=\xff\xe9\r\n\r\n")
            assert b" 403 " in await raw_reader.readline()
            raw.close()
        async with visitor.get(f"{address}/?token={TOKEN}") as answer:
            assert answer.status == 200
        async with visitor.ws_connect(f"{address}/ws?width=99999999&height=24") as line:
            shown = b""
            while b"No runs yet" not in shown:
                shown += await line.receive_bytes(timeout=30)
            await line.send_json(["resize", {"width": 10**9, "height": "tall"}])
            for nonsense in ("no JSON", "[]", "{}", '["stdin"]', '["stdin", 5]', '["resize", 5]', "[" * 100_000):
                await line.send_str(nonsense)
            await line.send_json(["stdin", "?"])
            while b"next theme" not in shown:
                shown += await line.receive_bytes(timeout=30)
            apps = psutil.Process(server.pid).children(recursive=True)
            for app in apps:
                assert "NASTUI_TOKEN" not in app.environ()
                assert app.memory_info().rss < 300_000_000
            began = time.monotonic()
            server.terminate()
            # The visitor answers nothing any more.
            await asyncio.to_thread(server.wait, 20)
            took = time.monotonic() - began
            print(f"the server ended in {took:.1f} s")
            assert took < 2 * _SLACK
    return [app.pid for app in apps]


async def _answers(visitor: aiohttp.ClientSession, address: str) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            async with visitor.get(address):
                return
        except aiohttp.ClientConnectionError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)


async def _visit(address: str) -> list[int]:
    """Return the HTTP statuses without a token, with a wrong one, on the socket, with the token, and of a foreign site.

    With the token, the dashboard must appear.
    """
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as visitor:

        async def status(path: str, **headers: str) -> int:
            async with visitor.get(address + path, headers=headers) as answer:
                return answer.status

        deadline = time.monotonic() + 30
        while True:
            try:
                seen = [await status("/")]
                break
            except aiohttp.ClientConnectionError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.2)
        seen += [await status("/?token=wrong"), await status("/ws")]
        async with visitor.get(f"{address}/?token={TOKEN}") as answer:
            seen.append(answer.status)
            page = await answer.text()
            assert f'data-session-websocket-url="ws://{address.removeprefix("http://")}/ws"' in page
            assert "/static/css/xterm.css" in page
            assert "googleapis" not in page
        seen.append(await status("/ws", Origin="http://evil.example"))
        async with visitor.ws_connect(f"{address}/ws?width=80&height=24") as line:
            shown = b""
            while b"No runs yet" not in shown:
                shown += await line.receive_bytes(timeout=30)
            await line.send_json(["stdin", "?"])
            while b"next theme" not in shown:
                shown += await line.receive_bytes(timeout=30)
    return seen
