"""The dashboard as a web page: textual-serve, behind access checks that it lacks."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import html
import os
import re
import signal
from collections.abc import Awaitable, Callable
from typing import cast
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

_PLACEHOLDER = "http://nastui.invalid"
_COOKIE = "nastui-token"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# Focus the terminal, so that it receives keys without a click.
_FOCUS = """<script>addEventListener("load", () => setTimeout(
  () => document.querySelector(".xterm-helper-textarea")?.focus(), 300))</script></body>"""
# The page links to a font on another server; without internet access, the browser would wait for it.
_FOREIGN = re.compile(r'<link\s[^>]*href="https?://[^"]*"[^>]*/?>')
# A screen of this size needs about as much memory as the rest of the dashboard.
_MOST_COLUMNS, _MOST_ROWS = 1000, 500
# The app has this long to restore what it must; then its process group is killed.
_GRACE_SECONDS = 0.8
# A visitor has this long to confirm the end of a connection.
_CLOSE_SECONDS = 0.5
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refusal(request: web.Request, token: str) -> str:
    """Return why a request is refused; empty if it is accepted.

    Without a token, the page answers only to loopback names, so that the name of another site cannot be pointed at it.
    Requests from pages of another origin are always refused.
    """
    name = re.sub(r":\d+$", "", request.host)
    if token:
        given = request.query.get("token") or request.cookies.get(_COOKIE, "")
        # What a visitor sends need not be UTF-8.
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode("utf-8", "surrogateescape")):
            return "The token is missing or wrong: open the address with ?token=..."
    elif name not in _LOOPBACK_NAMES:
        return "This page only answers to 'localhost'."
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return "This page does not answer requests of other sites."
    return ""


def bounded(width: object, height: object) -> tuple[int, int]:
    """Return a terminal size that a visitor claims, within what a dashboard can draw; 80 x 24 for what is no number."""
    columns = width if isinstance(width, int) else 80
    rows = height if isinstance(height, int) else 24
    return max(1, min(columns, _MOST_COLUMNS)), max(1, min(rows, _MOST_ROWS))


class VisitorApp(AppService):
    """The app process of one visitor. It knows no token, and ends soon after the connection does."""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment = super()._build_environment(*bounded(width, height))
        environment.pop("NASTUI_TOKEN", None)
        return environment

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_shell(
            f"exec {self.command}",
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=self._build_environment(width, height),
            start_new_session=True,  # so that a Ctrl+C for the server does not end it before it is asked to
        )
        assert self._process.stdin is not None
        self._stdin = self._process.stdin
        return self._process

    async def stop(self) -> None:
        """Ask the process to quit, and kill it if it has not after a moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await super().stop()
        self._task = None
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()


class DashboardServer(Server):
    """Serves the dashboard; each visitor has a separate app process, with the same runs.

    Args:
        command: the shell command that starts the app.
        host: the address to listen on.
        port: the port to listen on.
        token: the token that a visitor must present; empty for none.
    """

    def __init__(self, command: str, host: str, port: int, token: str) -> None:
        super().__init__(command, host, port, title="nastui", public_url=_PLACEHOLDER)
        self._token = token
        self._visitors: set[web.WebSocketResponse] = set()

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if why := refusal(request, self._token):
            raise web.HTTPForbidden(text=why)
        return await handler(request)

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Return the page with addresses as the visitor sees them, as a tunnel may use another port."""
        page = cast(web.Response, await super().handle_index(request))
        scheme = "wss" if request.scheme == "https" else "ws"
        text = (page.text or "").replace(
            _PLACEHOLDER.replace("http", "ws", 1), f"{scheme}://{html.escape(request.host)}"
        )
        page.text = _FOREIGN.sub("", text.replace(_PLACEHOLDER, "")).replace("</body>", _FOCUS)
        if self._token:
            page.set_cookie(_COOKIE, self._token, httponly=True, samesite="Strict")
        return page

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run an app for a visitor as long as the connection lasts."""
        websocket = web.WebSocketResponse(heartbeat=15, timeout=_CLOSE_SECONDS)
        await websocket.prepare(request)

        async def close() -> None:
            await websocket.close()

        app = VisitorApp(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        self._visitors.add(websocket)
        try:
            await app.start(*bounded(_number(request, "width"), _number(request, "height")))
            await self._process_messages(websocket, app)
        finally:
            self._visitors.discard(websocket)
            await app.stop()
        return websocket

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: AppService) -> None:
        """Pass a visitor's messages on to the app; what is not one of the page's messages is dropped."""
        async for message in websocket:
            if message.type is not WSMsgType.TEXT:
                continue
            with contextlib.suppress(ValueError, RecursionError):
                match message.json():
                    case ["stdin", str(typed)]:
                        await app_service.send_bytes(typed.encode("utf-8", "replace"))
                    case ["resize", {"width": width, "height": height}]:
                        await app_service.set_terminal_size(*bounded(width, height))
                    case ["ping", answer]:
                        await websocket.send_json(["pong", answer])
                    case ["blur", *_]:
                        await app_service.blur()
                    case ["focus", *_]:
                        await app_service.focus()

    async def on_shutdown(self, app: web.Application) -> None:
        """Close every connection, which ends its app."""
        await asyncio.gather(*(visitor.close() for visitor in list(self._visitors)), return_exceptions=True)

    def initialize_logging(self) -> None:
        """Log nothing: errors of an app are shown in the app."""

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: the command has printed the address."""


def _number(request: web.Request, name: str) -> int | None:
    digits = request.query.get(name, "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
