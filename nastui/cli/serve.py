"""``nastui serve``: show the dashboard in a browser."""

from __future__ import annotations

import getpass
import importlib.util
import ipaddress
import shlex
import socket
from typing import Annotated

import typer

from runs.errors import BusyError, EnvironmentLacksError, UsageError

_LEAST_TOKEN = 16


def checked(host: str, token: str) -> str:
    """Return the address to listen on.

    Raises:
        UsageError: the address is reachable from other machines and there is no token, or the token is too short.
    """
    length = len(token.strip())  # blanks around it add nothing
    if token and length < _LEAST_TOKEN:
        raise UsageError(
            f"The token must have at least {_LEAST_TOKEN} characters, got {length}.",
            "Make one: openssl rand -hex 16",
        )
    if token or _is_loopback(host):
        return host
    raise UsageError(
        f"'{host}' is reachable from other machines, and anyone who opens the page can start and stop runs.",
        "Leave out --host and use an SSH tunnel (ssh -L), or set a token in NASTUI_TOKEN.",
    )


def serve(
    host: Annotated[str, typer.Option(help="Listen on this address; any but the loopback needs a token.")] = (
        "localhost"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Listen on this port.")] = 8000,
    token: Annotated[
        str,
        typer.Option(envvar="NASTUI_TOKEN", help="Require this token of every visitor; safer set in NASTUI_TOKEN."),
    ] = "",
    readonly: Annotated[
        bool, typer.Option("--readonly", help="Disable every action that starts, stops or changes a run.")
    ] = False,
) -> None:
    """Show the dashboard in a browser.

    It listens on this machine's loopback address. To reach it from another machine, use an SSH tunnel.
    """
    from nastui.cli import output
    from runs import processes

    host = checked(host, token)
    if importlib.util.find_spec("textual_serve") is None:
        raise EnvironmentLacksError("textual-serve is not installed.", "Get it: pip install 'nastui[serve]'")
    if _is_taken(host, port):
        raise BusyError(f"Port {port} of '{host}' is already in use.", "Choose another with --port.")
    from nastui.serving import DashboardServer

    asked = "?token=..." if token else ""
    output.warn(f"Open http://{host}:{port}/{asked}")
    if _is_loopback(host):
        output.say(
            f"To open it on another machine, run there first: "
            f"ssh -L {port}:{host}:{port} {getpass.getuser()}@{socket.gethostname()}"
        )
        if not token:
            output.warn("Every user of this machine can open the page. To prevent that, set a token in NASTUI_TOKEN.")
    else:
        output.warn("The connection is not encrypted. An SSH tunnel (ssh -L) is safer.")
    output.say("Press Ctrl+C to stop serving; runs continue.")
    command = processes.command("nastui", *(["--readonly"] if readonly else []))
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
        raise UsageError(
            f"'{host}' is not an address: {error.strerror}.", "Leave out --host to listen on localhost."
        ) from error
    except OSError:
        return True
    return False
