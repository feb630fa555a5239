"""Signing in: the CA certificate first, compared before a password is sent; then the password."""

from dataclasses import dataclass

import msgspec

from swarm_consumer.credentials import Credentials
from swarm_consumer.lean import LeanWire
from swarm_consumer.retry import RetryPolicy
from swarm_consumer.transport import API, Call, Transport, error_of, unreachable
from swarm_consumer.trust import blind_context, fingerprint, normal_url, same_fingerprint
from swarm_consumer.wire import HttpxWire, Wire, WireError
from swarm_protocol.errors import SwarmError


class _SignedIn(msgspec.Struct):
    refresh_token: str
    access_token: str
    expires_in: float
    user: str
    project: str = ""
    role: str = ""


@dataclass(frozen=True)
class Found:
    """The core at an address, not yet trusted."""

    url: str
    ca_pem: str
    fingerprint: str


async def find_core(url: str) -> Found:
    """The CA certificate that a core shows, for a person or a fingerprint to vouch for. Raises SwarmError."""
    from swarm_consumer.lean import lean_will_do

    address = normal_url(url)
    wire: Wire = (LeanWire if lean_will_do(address) else HttpxWire)(address, blind_context())
    call = Call("GET", "/ca.pem", signed=False)
    try:
        answer = await wire.send("GET", f"{API}/ca.pem", {}, None, 10.0)
    except WireError as error:
        raise unreachable(address, error) from None
    finally:
        await wire.close()
    if answer.status != 200:
        raise error_of(answer, call)
    ca_pem = answer.body.decode("ascii", "replace")
    return Found(address, ca_pem, fingerprint(ca_pem))


def must_match(found: Found, given: str) -> None:
    """Raises SwarmError where the core's certificate is not the one a person named."""
    if not same_fingerprint(given, found.fingerprint):
        message = f"the core at {found.url} shows the fingerprint {found.fingerprint}, not {given}"
        hint = "ask whoever runs it for the fingerprint; someone may stand in between"
        raise SwarmError("unauthenticated", message, hint=hint)


async def sign_in(
    url: str,
    user: str,
    password: str,
    *,
    ca_pem: str,
    client_name: str,
    wire: Wire | None = None,
    policy: RetryPolicy | None = None,
) -> Credentials:
    """Trade a password for a sign-in. Raises SwarmError(unauthenticated)."""
    address = normal_url(url)
    nobody = Credentials(url=address, user=user, ca_pem=ca_pem, refresh_token="")
    transport = Transport(nobody, wire=wire, policy=policy)
    body = {"user": user, "password": password, "client": client_name}
    call = Call("POST", "/login", json=body, signed=False, repeatable=True)
    try:
        answer = await transport.get(_SignedIn, call)
    finally:
        await transport.close()
    return Credentials(
        url=address,
        user=answer.user,
        ca_pem=ca_pem,
        refresh_token=answer.refresh_token,
        access_token=answer.access_token,
        expires_at=transport.clock.now() + answer.expires_in,
    )
