"""Ports of this machine's loopback: free ones, and one that is kept from start to start."""

import socket
from dataclasses import dataclass
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
    """The port written in the file if it is free and no core has a claim on it, else a new one, written there."""
    try:
        port = int(file.read_text())
    except (OSError, ValueError):
        port = 0
    if not 0 < port < 65536 or not is_free(port) or _is_claimed(port):
        port = _unclaimed_port()
        file.write_text(f"{port}\n")
    return port


def _unclaimed_port() -> int:
    while _is_claimed(port := free_port()):
        pass
    return port


def _is_claimed(port: int) -> bool:
    """Whether a core that does not listen yet is to have it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return not _hold(probe, port)


@dataclass(frozen=True)
class CorePort:
    """The port of a home's core, held against other homes until `release`."""

    number: int
    claim: socket.socket
    note: str = ""
    """A line for the person when it isn't the port they expect."""

    def release(self) -> None:
        """Let others have it; also happens when this process ends in whatever way."""
        self.claim.close()


def core_port(given: int | None, remembered: int | None) -> CorePort:
    """The port of the core, free on TCP and UDP, claimed so that a home that starts now takes another.

    Raises SwarmError when the one that was asked for is taken.
    """
    wanted = given or remembered or DEFAULT_CORE_PORT
    claim = _claim(wanted)
    if claim is not None:
        return CorePort(wanted, claim)
    if given is not None:
        raise SwarmError(
            "conflict",
            f"port {given} is taken on {HOST} (the core needs it on TCP and UDP)",
            hint=f"give another with --port, leave --port out, or end what has it: `ss -tulpn 'sport = :{given}'`",
        )
    while True:
        port = free_port(udp=True)
        claim = _claim(port)
        if claim is not None:
            return CorePort(port, claim, f"port {wanted} is taken, so the core has port {port}")


def _claim(port: int) -> socket.socket | None:
    """Hold a free port's name until the core itself listens there; None where it is in use or held.

    The name is an abstract Unix socket: it lives in the same network namespace as the port, needs no folder that all
    may write to, and goes with the process.
    """
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if _hold(claim, port) and is_free(port, udp=True):
        return claim
    claim.close()
    return None


def _hold(claim: socket.socket, port: int) -> bool:
    try:
        claim.bind(f"\0swarm-sync/core-port/{port}")
    except OSError:
        return False
    return True


def _can_bind(host: str, port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:  # as servers do: connections in TIME_WAIT don't block a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
