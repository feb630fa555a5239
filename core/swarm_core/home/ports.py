"""Ports of this machine's loopback: free ones, and one that is kept from start to start."""

import socket
from pathlib import Path
from typing import Final

from swarm_protocol.errors import SwarmError

HOST: Final = "127.0.0.1"
DEFAULT_CORE_PORT: Final = 8443


def is_free(port: int, host: str = HOST, *, udp: bool = False) -> bool:
    """Whether a server could listen there now (with `udp`, on both TCP and UDP)."""
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM) if udp else (socket.SOCK_STREAM,)
    return all(_can_bind(host, port, kind) for kind in kinds)


def free_port(*, udp: bool = False, attempts: int = 50) -> int:
    """A port that was free a moment ago. Raises OSError when none is found."""
    for _ in range(attempts):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if is_free(port, udp=udp):
            return port
    raise OSError(f"no free port on {HOST} in {attempts} attempts")


def kept_port(file: Path) -> int:
    """The port written in the file if it is free, else a new one, which is then written there."""
    try:
        port = int(file.read_text())
    except (OSError, ValueError):
        port = 0
    if not 0 < port < 65536 or not is_free(port):
        port = free_port()
        file.write_text(f"{port}\n")
    return port


def core_port(given: int | None, remembered: int | None) -> tuple[int, str]:
    """The port of the core, free on TCP and UDP, and a line for the person when it isn't the one they expect.

    Raises SwarmError when the one they asked for is taken.
    """
    if given is not None:
        if is_free(given, udp=True):
            return given, ""
        raise SwarmError(
            "conflict",
            f"port {given} is taken on {HOST} (the core needs it on TCP and UDP)",
            hint=f"give another with --port, leave --port out, or end what has it: `ss -tulpn 'sport = :{given}'`",
        )
    wanted = remembered or DEFAULT_CORE_PORT
    if is_free(wanted, udp=True):
        return wanted, ""
    port = free_port(udp=True)
    return port, f"port {wanted} is taken, so the core has port {port}"


def _can_bind(host: str, port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:  # as servers do: connections in TIME_WAIT don't block a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
