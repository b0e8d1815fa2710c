"""``nastui serve``: the dashboard in a browser."""

from __future__ import annotations

import getpass
import importlib.util
import ipaddress
import shlex
import socket
import sys
from typing import Annotated

import typer

from runs.errors import BusyError, EnvironmentLacksError, UsageError

_LEAST_TOKEN = 16


def checked(host: str, token: str) -> str:
    """Return the address to listen on.

    Raises:
        UsageError: the address can be reached from outside and there is no token, or the token is too short.
    """
    if token and len(token) < _LEAST_TOKEN:
        raise UsageError(
            f"The token has {len(token)} characters, too few.",
            f"Give {_LEAST_TOKEN} at least: `openssl rand -hex 16` makes one.",
        )
    if token or _is_loopback(host):
        return host
    raise UsageError(
        f"'{host}' can be reached by others, and who reaches the page can start and stop runs.",
        "Leave --host out and use a tunnel (ssh -L), or set a token with --token.",
    )


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on; others than the loopback's need a token.")] = (
        "localhost"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
    token: Annotated[
        str, typer.Option(envvar="NASTUI_TOKEN", help="What a visitor must know; better set in NASTUI_TOKEN.")
    ] = "",
    readonly: Annotated[bool, typer.Option("--readonly", help="Visitors may look only.")] = False,
) -> None:
    """Show the dashboard in a browser, on this machine's loopback: from afar, through an ssh tunnel."""
    from nastui.cli import output

    host = checked(host, token)
    if importlib.util.find_spec("textual_serve") is None:
        raise EnvironmentLacksError("textual-serve is not installed.", "pip install 'nastui[serve]'")
    if _is_taken(host, port):
        raise BusyError(f"Port {port} of '{host}' is taken.", "Name another with --port.")
    from nastui.serving import DashboardServer

    asked = "?token=..." if token else ""
    output.say(f"Open http://{host}:{port}/{asked}")
    if _is_loopback(host):
        output.say(
            f"From your own machine, first: ssh -L {port}:{host}:{port} {getpass.getuser()}@{socket.gethostname()}"
        )
        if not token:
            output.say("Whoever has an account on this machine can open it too; --token keeps them out.")
    else:
        output.say("What is sent is not encrypted: a tunnel (ssh -L) is safer.")
    output.say("Ctrl+C ends it; runs go on.")
    command = [sys.executable, "-P", "-m", "nastui", *(["--readonly"] if readonly else [])]
    DashboardServer(shlex.join(command), host, port, token).serve()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_taken(host: str, port: int) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        raise UsageError(f"There is no address '{host}': {error.strerror}.") from error
    except OSError:
        return True
    return False
