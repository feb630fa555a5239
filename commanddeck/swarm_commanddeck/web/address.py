"""Where the web face listens, and under which addresses it answers a browser. Pure."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from swarm_protocol.errors import SwarmError

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen at."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can come."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_listen(text: str) -> Listen:
    """`127.0.0.1:8900`, `[::1]:8900` or `:8900` (every address). Raises SwarmError."""
    host, colon, port = text.strip().rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535 or (":" in bare) != (bare != host):
        hint = "write it like 127.0.0.1:8900, [::1]:8900, or :8900 for every address"
        raise SwarmError("bad_request", f"--listen: {text!r} is no address", hint=hint, field="listen")
    return Listen(bare or "0.0.0.0", int(port))


def check_exposure(listen: Listen, *, tls: bool, insecure: bool) -> None:
    """Raises SwarmError where passwords would cross a network in the clear and nobody said that they may."""
    if not (listen.loopback or tls or insecure):
        message = f"at {listen} passwords and what the deck shows would cross the network unencrypted"
        hint = "give --cert and --key, or listen on loopback behind a proxy that has TLS; else --insecure-http"
        raise SwarmError("bad_request", message, hint=hint, field="listen")


@dataclass(frozen=True, slots=True)
class Site:
    """Under which origins browsers know this server.

    On loopback a page of another name may not be ours, whatever its address: a name that was made to lead here (DNS
    rebinding) is turned away. Behind a proxy `public` is the one name.
    """

    scheme: str
    """http or https, as this server speaks it."""
    loopback: bool
    public: str = ""
    """The origin that browsers see where a proxy stands before us, such as https://deck.example.org."""

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS."""
        return (self.public or self.scheme).startswith("https")

    def origin(self, host: str) -> str | None:
        """The origin of a request to this `Host`, or None where that is none of ours."""
        host = host.lower()
        if self.public:
            return self.public if host == urlsplit(self.public).netloc else None
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if not host or (self.loopback and name not in _LOOPBACK):
            return None
        return f"{self.scheme}://{host}"


def read_public(text: str) -> str:
    """`https://deck.example.org` as an origin. Raises SwarmError."""
    parts = urlsplit(text.strip().lower().rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
        hint = "the address in the browser, like https://deck.example.org, with no path"
        raise SwarmError("bad_request", f"--public-url: {text!r} is no origin", hint=hint, field="public_url")
    return f"{parts.scheme}://{parts.netloc}"
