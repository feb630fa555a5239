"""Posts to a webhook: only to an address that may be reached, checked on the very address that is connected to.

No proxy, no redirect, no cookie; of the answer the status counts, and no more than a little of it is read.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Final

import httpx2

from swarm_core.notice.aside import aside
from swarm_core.notice.outcome import Outcome, one_line
from swarm_core.notice.targets import Address, Allowed, Target, literal, parse_target, reachable
from swarm_protocol.errors import SwarmError

_READ: Final = 4096
"""Bytes of an answer that are looked at, for the message of an error."""
_ADDRESSES: Final = 3
"""Addresses of a host that are tried."""
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Looks a host up. Raises OSError."""


async def look_up(host: str, port: int) -> list[Address]:
    """The addresses of a host, IPv4 first. Raises OSError."""
    found = await aside(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return sorted((ip_address(text) for text in texts), key=lambda address: address.version)


class Poster:
    """Posts bodies."""

    def __init__(
        self, allowed: Allowed, trust: ssl.SSLContext, *, timeout: Callable[[], float], resolve: Resolve = look_up
    ) -> None:
        """`timeout`: seconds for all of one post."""
        self._allowed = allowed
        self._trust = trust
        self._timeout = timeout
        self._resolve = resolve

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """One try."""
        try:
            async with asyncio.timeout(self._timeout()):
                target = parse_target(url, self._allowed)
                return await self._post(target, await self._addresses(target), headers, body)
        except SwarmError as error:
            return Outcome(error=one_line(error.message))
        except TimeoutError:
            return Outcome(error=f"no answer within {self._timeout():g} s")
        except (OSError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            return Outcome(error=one_line(str(error)) or type(error).__name__)

    async def _addresses(self, target: Target) -> Sequence[Address]:
        """Where to connect to. Raises SwarmError, OSError."""
        written = literal(target.host)
        found = [written] if written is not None else await self._resolve(target.host, target.port)
        return reachable(found, target, self._allowed)[:_ADDRESSES]

    async def _post(
        self, target: Target, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        async with httpx2.AsyncClient(
            verify=self._trust, trust_env=False, follow_redirects=False, timeout=None
        ) as client:
            for address in addresses[:-1]:
                try:
                    return await self._send(client, target, address, headers, body)
                except httpx2.ConnectError:
                    continue
            return await self._send(client, target, addresses[-1], headers, body)

    async def _send(
        self, client: httpx2.AsyncClient, target: Target, address: Address, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """To one address; the certificate must be the host's. Raises httpx2.HTTPError."""
        where = f"[{address}]" if address.version == 6 else str(address)
        url = f"http{'s' if target.secure else ''}://{where}:{target.port}{target.path}"
        sent = {**headers, "host": target.authority, "accept-encoding": "identity"}
        named = {"sni_hostname": target.host} if target.secure else {}
        async with client.stream("POST", url, headers=sent, content=body, extensions=named) as answer:
            return await _judged(answer)


async def _judged(answer: httpx2.Response) -> Outcome:
    status = answer.status_code
    if 200 <= status < 300:
        return Outcome(ok=True, status=status)
    if 300 <= status < 400:
        return Outcome(
            status=status, error=f"it answered {status}, and redirects are not followed: name the last address"
        )
    said = ""
    async for piece in answer.aiter_raw(_READ):
        said = one_line(piece[:_READ].decode("utf-8", "replace"), 200)
        break
    error = f"it answered {status}{f': {said}' if said else ''}"
    return Outcome(status=status, error=error, gone=status == 410, asked=_asked(answer.headers.get("retry-after", "")))


def _asked(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else None
