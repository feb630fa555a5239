"""The few things a home asks of its core: readiness over HTTPS, and one-shot commands of `python -m swarm_core`."""

import http.client
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from swarm_core.home.ports import HOST
from swarm_protocol.errors import SwarmError

_CALL_SECONDS: Final = 60.0
_MOST_CA: Final = 64 * 1024
_T = TypeVar("_T")


class SignIn(msgspec.Struct):
    """What `swarm_core init --json` prints: the first administrator's sign-in."""

    user: str
    url: str
    ca_pem: str
    refresh_token: str


class JoinToken(msgspec.Struct):
    """What `swarm_core join-token --json` prints."""

    token: str


def is_ready(port: int, ca_pem: str | None = None) -> bool:
    """Whether /ready answers 200. Before the CA is known nothing is verified, and nothing secret is sent."""
    return _status(port, "/ready", 2.0, ca_pem) == 200


def answers(port: int, seconds: float) -> bool:
    """Whether a core there answers at all, be its database away: /ping needs nothing but the core's own loop."""
    return _status(port, "/ping", seconds, None) is not None


def _status(port: int, path: str, seconds: float, ca_pem: str | None) -> int | None:
    """Status of a GET, each step of which may take that long; None where no answer came."""
    link = http.client.HTTPSConnection(HOST, port, timeout=seconds, context=_context(ca_pem))
    try:
        link.request("GET", path)
        return link.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        link.close()


def shown_ca(host: str, port: int, seconds: float) -> str | None:
    """The CA that a core there shows, unverified; None where no core answers."""
    link = http.client.HTTPSConnection(host, port, timeout=seconds, context=_context(None))
    try:
        link.request("GET", "/api/v1/ca.pem")
        answer = link.getresponse()
        return answer.read(_MOST_CA).decode("ascii", "replace") if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        link.close()


def sign_in(env: Mapping[str, str], admin: str, password_file: str) -> SignIn:
    """Make the first administrator if there is none, and sign them in. Raises SwarmError."""
    printed = _call(env, ["init", "--admin", admin, "--password-file", password_file, "--json"])
    return _decode(printed, SignIn)


def join_token(env: Mapping[str, str]) -> str:
    """A token that lets one worker join within ten minutes. Raises SwarmError."""
    printed = _call(env, ["join-token", "--uses", "1", "--ttl", "600", "--json"])
    return _decode(printed, JoinToken).token


def serve_command() -> list[str]:
    """How the core is started."""
    return [sys.executable, "-m", "swarm_core", "serve"]


def _context(ca_pem: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the CA is the core's own and signs for nothing else
    if ca_pem is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=ca_pem)
    return context


def _call(env: Mapping[str, str], words: Sequence[str]) -> bytes:
    argv = [sys.executable, "-m", "swarm_core", *words]
    try:
        done = subprocess.run(argv, capture_output=True, env=dict(env), timeout=_CALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _failed(words[0], f"took longer than {_CALL_SECONDS:.0f} s") from None
    if done.returncode != 0:
        raise _failed(words[0], done.stderr.decode(errors="replace").strip()[-2000:] or f"exit {done.returncode}")
    return done.stdout


def _decode(printed: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(printed, type=kind)
    except msgspec.DecodeError as error:
        raise _failed(kind.__name__, f"printed something else than expected: {error}") from None


def _failed(what: str, why: str) -> SwarmError:
    return SwarmError("unavailable", f"the core's command {what} failed: {why}", hint="see `swarm status` and its log")
