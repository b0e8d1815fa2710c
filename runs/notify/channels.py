"""The ways in which a message leaves: each sends it once, and says what became of it."""

from __future__ import annotations

import json
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from runs.notify.settings import NotifySettings

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
COMMAND_SECONDS = 30.0
_WAIT = (429, 503)  # too many requests, unavailable: the server has not accepted the message

Message = Mapping[str, Any]


class Undelivered(Exception):
    """A message was not accepted, for a reason that may pass: it can be sent again."""


class Refused(Exception):
    """A message was refused, or it is not known whether it was accepted: it is not sent again."""


class Channel(ABC):
    """A way to send messages.

    Attributes:
        name: how users and files call it. An address may be secret, so it is not in the name.
    """

    name: str

    @abstractmethod
    def send(self, message: Message, before: Callable[[], None]) -> None:
        """Send a message.

        Args:
            message: the keys that `docs/notifications.md` describes.
            before: called when the message is about to leave. If this process dies after that, nobody knows whether
                it was accepted.

        Raises:
            Undelivered, Refused: it was not accepted.
        """


class Webhook(Channel):
    """Posts the message as JSON. Redirects are not followed; proxies are taken from the environment."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self._address = address

    def send(self, message: Message, before: Callable[[], None]) -> None:
        """Send a message; see :meth:`Channel.send`."""
        import http.client

        connection, target = _connection(self._address)
        try:
            try:
                connection.connect()
            except (OSError, http.client.HTTPException) as error:
                raise Undelivered(self._reason(error)) from error
            if connection.sock is not None:
                connection.sock.settimeout(ANSWER_SECONDS)
            before()
            headers = {
                "Content-Type": "application/json",
                "User-Agent": "nastui",
                "Idempotency-Key": str(message["id"]),
            } | _authorisation(self._address)
            try:
                connection.request("POST", target, json.dumps(message).encode(), headers)
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException) as error:
                raise Refused(f"it is not known whether it arrived ({self._reason(error)})") from error
        finally:
            connection.close()
        if status in _WAIT:
            raise Undelivered(f"the server answered {status}")
        if not 200 <= status < 300:
            raise Refused(f"the server answered {status}")

    def _reason(self, error: Exception) -> str:
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        for secret in (self._address, urlsplit(self._address).path):
            text = text.replace(secret, "...") if len(secret) > 1 else text
        return text[:200]


class Command(Channel):
    """Runs a program: the message is JSON on its standard input, and in variables such as ``NASTUI_EVENT``."""

    name = "command"

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words

    def send(self, message: Message, before: Callable[[], None]) -> None:
        """Send a message; see :meth:`Channel.send`."""
        variables = {f"NASTUI_{key.upper()}": _variable(value) for key, value in message.items() if key != "content"}
        before()
        try:
            done = subprocess.run(
                self._words,
                input=json.dumps(message).encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | variables,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Refused(f"it was ended after {COMMAND_SECONDS:.0f} s") from None
        except OSError as error:
            raise Refused(f"it cannot be started: {error.strerror}") from error
        if done.returncode:
            raise Refused(f"it ended with code {done.returncode}")


class Apprise(Channel):
    """Hands the message to Apprise, which knows some hundred services."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self._address = address

    def send(self, message: Message, before: Callable[[], None]) -> None:
        """Send a message; see :meth:`Channel.send`."""
        import apprise

        service = apprise.Apprise()
        if not service.add(self._address):
            raise Refused("Apprise does not understand the address")
        before()
        try:
            accepted = service.notify(body=message["text"], title=f"nastui: {message['event']}")
        except Exception as error:  # a plug-in of Apprise may raise anything
            raise Refused(type(error).__name__) from error
        if not accepted:
            raise Refused("the service did not accept it")


def channels(settings: NotifySettings) -> list[Channel]:
    """Return the configured channels, in the order of the settings."""
    return [
        *(Webhook(f"webhook {number}", address) for number, address in enumerate(settings.webhooks, start=1)),
        *([Command(settings.command)] if settings.command else []),
        *(Apprise(f"apprise {number}", address) for number, address in enumerate(settings.apprise, start=1)),
    ]


def _connection(address: str) -> tuple[Any, str]:
    """Return a connection that is not open yet, and what to ask for on it."""
    import http.client
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(address)
    host, secure = parts.hostname or "", parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or (443 if secure else 80)
    make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    proxy = "" if proxy_bypass(host) else getproxies().get(parts.scheme, "")
    if not proxy:
        return make(host, port, timeout=CONNECT_SECONDS), target
    through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = make(through.hostname or "", through.port or 80, timeout=CONNECT_SECONDS)
    if secure:
        connection.set_tunnel(host, port, _authorisation(proxy, "Proxy-Authorization"))
        return connection, target
    return connection, f"http://{host}:{port}{target}"


def _authorisation(address: str, header: str = "Authorization") -> dict[str, str]:
    import base64
    from urllib.parse import unquote

    parts = urlsplit(address)
    if parts.username is None:
        return {}
    words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {header: f"Basic {base64.b64encode(words.encode()).decode()}"}


def _variable(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\0", "").encode("utf-8", "replace").decode()
