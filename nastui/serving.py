"""The dashboard as a web page: textual-serve, behind checks of its own, as it has none."""

from __future__ import annotations

import hmac
import html
import re
from collections.abc import Awaitable, Callable
from typing import cast
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

_PLACE = "http://nastui.invalid"
_COOKIE = "nastui-token"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# The page names a font of another server; a box without a way out would wait for it.
# Keys go to the terminal at once, without a click on it.
_FOCUS = """<script>addEventListener("load", () => setTimeout(
  () => document.querySelector(".xterm-helper-textarea")?.focus(), 300))</script></body>"""
_FOREIGN = re.compile(r'<link\s[^>]*href="https?://[^"]*"[^>]*/?>')
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refusal(request: web.Request, token: str) -> str:
    """Return why a request is refused; empty where it may pass.

    Without a token the page answers to names of the loopback alone, so that no other site's name can be pointed at it;
    a browser's page of another origin is refused in any case.
    """
    name = re.sub(r":\d+$", "", request.host)
    if token:
        given = request.query.get("token") or request.cookies.get(_COOKIE, "")
        if not hmac.compare_digest(given.encode(), token.encode()):
            return "The token is missing or wrong: open the address with ?token=..."
    elif name not in _LOOPBACK_NAMES:
        return "This page answers to 'localhost' alone."
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return "This page answers to no other site."
    return ""


class DashboardServer(Server):
    """Serves the dashboard; each visitor has an app process of their own, on the same runs.

    Args:
        command: starts the app, as a line of the shell.
        host: the address to listen on.
        port: its port.
        token: what a visitor must know; empty for nothing.
    """

    def __init__(self, command: str, host: str, port: int, token: str) -> None:
        super().__init__(command, host, port, title="nastui", public_url=_PLACE)
        self._token = token

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
        """Return the page, with addresses as the visitor sees them: a tunnel may have another port."""
        page = cast(web.Response, await super().handle_index(request))
        scheme = "wss" if request.scheme == "https" else "ws"
        text = (page.text or "").replace(_PLACE.replace("http", "ws", 1), f"{scheme}://{html.escape(request.host)}")
        page.text = _FOREIGN.sub("", text.replace(_PLACE, "")).replace("</body>", _FOCUS)
        if self._token:
            page.set_cookie(_COOKIE, self._token, httponly=True, samesite="Strict")
        return page

    def initialize_logging(self) -> None:
        """Log nothing: what went wrong with an app is told in the app."""

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: the command has said where it listens."""
