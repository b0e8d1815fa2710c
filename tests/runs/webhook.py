"""A server on this machine that receives messages about runs, and counts them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from runs.home import Home


class Webhook:
    """The server.

    Attributes:
        received: every message, as it arrived.
        answer: what it answers, or a function that decides by the number of the message; None hangs up.
        arrived: is set whenever a message has arrived.
        go_on: the answer waits until it is set.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.answer: int | Callable[[int], int | None] | None = 204
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.received.append(content | {"header": self.headers["Idempotency-Key"]})
                outer.arrived.set()
                outer.go_on.wait(30)
                code = outer.answer(len(outer.received)) if callable(outer.answer) else outer.answer
                if code is None:
                    self.connection.close()
                    return
                self.send_response(code)
                self.send_header("Location", self.path)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens, with a path that is a secret."""
        return f"http://127.0.0.1:{self._server.server_port}/services/SECRET"

    @property
    def events(self) -> list[str]:
        """The events of the messages that have arrived."""
        return [message["event"] for message in self.received]

    def close(self) -> None:
        """End the server."""
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


def configure(home: Home, table: str) -> Path:
    """Write a home's configuration file with a table of notifications, and return it."""
    home.root.mkdir(parents=True, exist_ok=True)
    file = home.root / "config.toml"
    file.write_text(f"[notify]\n{table}\n")
    return file
