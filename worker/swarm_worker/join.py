"""Joining a swarm: the core's CA is fetched and compared with the token's fingerprint before the secret leaves.

Nothing of the token is sent to a core that can't show the CA the token was made for.
"""

import ssl
from uuid import UUID

import aiohttp
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from swarm_protocol import claims
from swarm_protocol.errors import Problem, SwarmError
from swarm_worker.api import in_words
from swarm_worker.identity import Identity, https_base, new_key, pinned_context, public_key

_TIMEOUT = aiohttp.ClientTimeout(total=20)
_MAX_CA = 64 * 1024


class _Joined(msgspec.Struct):
    worker_id: UUID
    cluster: str
    name: str = ""
    """Another than asked for where that was taken."""


async def join(url: str, token_text: str, name: str) -> Identity:
    """Join the swarm of the core at `url` with a join token. Raises SwarmError with what to do next."""
    try:
        token = claims.parse_join_token(token_text)
    except claims.JoinTokenError as error:
        hint = "copy the whole line; `swarm worker token` makes a new one"
        raise SwarmError("bad_request", str(error), hint=hint) from error
    try:
        ca_pem = await _fetch_ca(url)
        _check_fingerprint(ca_pem, token.ca_fingerprint, url)
        key = new_key()
        joined = await _send(url, ca_pem, token, key, name)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        hint = "check the address and the port (wss://host:8443), and that `swarm up` or the core runs there"
        raise SwarmError("unavailable", f"no core answers at {url}: {in_words(error)}", hint=hint) from error
    return Identity(
        worker_id=joined.worker_id, cluster=joined.cluster, name=joined.name or name, url=url, ca_pem=ca_pem, key=key
    )


async def _fetch_ca(url: str) -> str:
    # Unverified on purpose: the fingerprint in the token verifies what comes back.
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT) as session,
        session.get(f"{https_base(url)}/ca.pem", ssl=False) as answer,
    ):
        if answer.status != 200:
            raise SwarmError("unavailable", f"{url} answers {answer.status} for its CA; is that a swarm core?")
        return (await answer.content.read(_MAX_CA)).decode("ascii", "replace")


def _check_fingerprint(ca_pem: str, expected: str, url: str) -> None:
    try:
        der = x509.load_pem_x509_certificate(ca_pem.encode()).public_bytes(Encoding.DER)
    except ValueError as error:
        raise SwarmError("unavailable", f"{url} sent no certificate as its CA; is that a swarm core?") from error
    if claims.ca_fingerprint(der) != expected:
        raise SwarmError(
            "unauthenticated",
            f"the core at {url} has another CA than the join token names; the token was not sent",
            hint="check the address; if it is right, make a new token there with `swarm worker token`",
        )


async def _send(url: str, ca_pem: str, token: claims.JoinToken, key: str, name: str) -> _Joined:
    body = {"token_id": token.token_id, "secret": token.secret, "public_key": public_key(key), "name": name}
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.post(
                f"{https_base(url)}/join",
                json=body,
                ssl=pinned_context(ca_pem),
                server_hostname=claims.SERVER_NAME,
            ) as answer,
        ):
            data = await answer.read()
    except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
        raise SwarmError("unauthenticated", f"the core at {url} can't prove its certificate: {error}") from error
    if answer.status != 201:
        raise _refused(answer.status, data)
    return msgspec.json.decode(data, type=_Joined)


def _refused(status: int, data: bytes) -> SwarmError:
    try:
        error = SwarmError.from_problem(msgspec.json.decode(data, type=Problem))
    except msgspec.DecodeError:
        return SwarmError("unavailable", f"the core answers {status} to the join; look at its log")
    if error.hint is None and error.code in ("unauthenticated", "token_expired", "token_used_up"):
        error.hint = "make a new one with `swarm worker token`"
    return error
