"""The dashboard as a web page: textual-serve, behind access checks that it lacks."""

from __future__ import annotations

import hmac
import html
import re
from collections.abc import Awaitable, Callable
from typing import cast
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

_PLACEHOLDER = "http://nastui.invalid"
_COOKIE = "nastui-token"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# Focus the terminal, so that it receives keys without a click.
_FOCUS = """<script>addEventListener("load", () => setTimeout(
  () => document.querySelector(".xterm-helper-textarea")?.focus(), 300))</script></body>"""
# The page links to a font on another server; without internet access, the browser would wait for it.
_FOREIGN = re.compile(r'<link\s[^>]*href="https?://[^"]*"[^>]*/?>')
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refusal(request: web.Request, token: str) -> str:
    """Return why a request is refused; empty if it is accepted.

    Without a token, the page answers only to loopback names, so that the name of another site cannot be pointed at it.
    Requests from pages of another origin are always refused.
    """
    name = re.sub(r":\d+$", "", request.host)
    if token:
        given = request.query.get("token") or request.cookies.get(_COOKIE, "")
        if not hmac.compare_digest(given.encode(), token.encode()):
            return "The token is missing or wrong: open the address with ?token=..."
    elif name not in _LOOPBACK_NAMES:
        return "This page only answers to 'localhost'."
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        return "This page does not answer requests of other sites."
    return ""


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

    def initialize_logging(self) -> None:
        """Log nothing: errors of an app are shown in the app."""

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: the command has printed the address."""
