"""Where webhooks may go. Pure, but for the addresses that it is handed.

By default only https to addresses of the public internet: a webhook must be no way into the network of the core. What
an operator of the core has named (`SWARM_NOTIFY_ALLOW`) may also be private, and plain http.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from swarm_protocol.errors import SwarmError

MAX_URL: Final = 2000
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.?")
_PLAIN: Final = re.compile(r"[!-~]+")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_NAT64: Final = ipaddress.ip_network("64:ff9b:1::/48")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Allowed:
    """What may be reached although it is private, or by plain http."""

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()

    def named(self, host: str, address: Address) -> bool:
        """Whether an operator has named this host, or a network that it is in."""
        return host in self.names or any(address in net for net in self.networks if net.version == address.version)


def parse_allowed(text: str) -> Allowed:
    """Networks, addresses and host names by commas. Raises SwarmError naming the one that is none."""
    networks: list[Network] = []
    names: set[str] = set()
    for word in filter(None, (part.strip().lower() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(word))
        except ValueError:
            if not _NAME.fullmatch(word) or word.replace(".", "").isdigit():
                hint = "write networks, addresses and host names by commas: 10.1.0.0/16,hooks.lan"
                raise SwarmError("bad_request", f"SWARM_NOTIFY_ALLOW: {word!r} is none", hint=hint) from None
            names.add(word)
    return Allowed(tuple(networks), frozenset(names))


@dataclass(frozen=True)
class Target:
    """A webhook's address, taken apart."""

    secure: bool
    host: str
    port: int
    path: str
    """With the query."""

    @property
    def authority(self) -> str:
        """For the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_target(url: str, allowed: Allowed) -> Target:
    """A webhook's URL. Raises SwarmError(bad_request) for one that can't be used here, with what to do."""
    if len(url) > MAX_URL or not _PLAIN.fullmatch(url):
        raise _bad(f"a URL has at most {MAX_URL} characters, all of them visible ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _bad(f"that is no URL: {error}") from None
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("https", "http") or not host:
        raise _bad("a webhook is an https:// URL, or mail:ADDRESS")
    if parts.username is not None or parts.password is not None:
        raise _bad("a URL with a password in it would be shown in listings", "receivers check the signature instead")
    if parts.fragment:
        raise _bad("nothing after # reaches a server; leave it out")
    target = Target(
        parts.scheme == "https", host, port or (443 if parts.scheme == "https" else 80), _path(parts.path, parts.query)
    )
    _check(target, allowed)
    return target


def _path(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _check(target: Target, allowed: Allowed) -> None:
    """What can be known before its name is looked up."""
    address = literal(target.host)
    if address is not None:
        reachable([address], target, allowed)
    elif not _NAME.fullmatch(target.host):
        raise _bad(f"{target.host!r} is no host name")
    elif not target.secure and target.host not in allowed.names and not allowed.networks:
        raise _bad("plain http is not allowed here", _REMEDY)


_REMEDY: Final = "use https to a public address, or have an operator of the core name it in SWARM_NOTIFY_ALLOW"


def literal(host: str) -> Address | None:
    """The address that a host is written as, if it is one."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def reachable(addresses: Iterable[Address], target: Target, allowed: Allowed) -> Sequence[Address]:
    """Those of a host's addresses that may be connected to. Raises SwarmError(bad_request) where none may."""
    seen = list(addresses)
    good = [a for a in seen if allowed.named(target.host, a) or (target.secure and is_public(a))]
    if not good:
        where = ", ".join(map(str, seen[:3])) or "no address"
        how = "" if target.secure else "http to "
        raise _bad(f"{how}{target.host} ({where}) may not be reached from here", _REMEDY)
    return good


def is_public(address: Address) -> bool:
    """Whether it is an address of the public internet, also where it holds another one inside."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address in _LOCAL_NAT64:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _bad(message: str, hint: str | None = None) -> SwarmError:
    return SwarmError("bad_request", message, hint=hint, field="url")
