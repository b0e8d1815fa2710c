"""The dashboard in a browser: who may have it, and that it comes."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time

import aiohttp
import pytest

from nastui.cli.serve import checked
from runs.errors import UsageError
from tests.end_to_end.conftest import SCRIPT, Cli

TOKEN = "0123456789abcdef"


def test_an_address_that_others_reach_needs_a_token() -> None:
    for host in ("localhost", "127.0.0.1", "::1"):
        assert checked(host, "") == host
    for host in ("0.0.0.0", "::", "192.168.1.4", "example.org"):
        with pytest.raises(UsageError, match="can be reached by others"):
            checked(host, "")
        assert checked(host, TOKEN) == host
    with pytest.raises(UsageError, match="too few"):
        checked("localhost", "short")


def test_the_page_comes_to_who_has_the_token(cli: Cli) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = cli.environment | {"NASTUI_TOKEN": TOKEN}
    server = subprocess.Popen(
        [SCRIPT, "serve", "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert asyncio.run(_visit(f"http://127.0.0.1:{port}")) == [403, 403, 403, 200, 403]
    finally:
        server.terminate()
        said = server.communicate(timeout=10)[1]
    assert f"ssh -L {port}:127.0.0.1:{port} " in said
    assert TOKEN not in said


async def _visit(address: str) -> list[int]:
    """Return the statuses of an uninvited, a wrong, a socket's, the right and a foreign site's visit; see the app."""
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
