"""How a core answers at its address, by the standard library alone: `swarm doctor` asks on every side."""

import asyncio
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import msgspec

from swarm_protocol.checkup import Answer
from swarm_protocol.claims import SERVER_NAME

T = TypeVar("T")
_SECONDS: Final = 5.0
_MOST: Final = 256 * 1024


class _Health(msgspec.Struct):
    """What `/health` says, as far as it is of interest here."""

    version: str
    modules: dict[str, dict[str, Any]] = {}


async def meet(host: str, port: int, ca_pem: str) -> Answer:
    """The answer of a core that must show a certificate of this CA. Never raises for what goes wrong over there."""
    return await in_thread(lambda: _meet(host, port, ca_pem))


def _meet(host: str, port: int, ca_pem: str) -> Answer:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=ca_pem)
        with socket.create_connection((host, port), _SECONDS) as plain:
            plain.settimeout(_SECONDS)
            with context.wrap_socket(plain, server_hostname=SERVER_NAME) as secure:
                return _ask(secure, context, address)
    except ssl.SSLCertVerificationError as error:
        return Answer(address=address, untrusted=error.verify_message)
    except (OSError, http.client.HTTPException, msgspec.DecodeError, ValueError) as error:
        return Answer(address=address, error=getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _ask(secure: ssl.SSLSocket, context: ssl.SSLContext, address: str) -> Answer:
    began = time.time()
    secure.sendall(b"GET /health HTTP/1.1\r\nHost: core\r\nConnection: close\r\n\r\n")
    response = http.client.HTTPResponse(secure)
    response.begin()
    health = msgspec.json.decode(response.read(_MOST), type=_Health)
    shown = secure.getpeercert() or {}
    return Answer(
        address=address,
        begins_at=float(ssl.cert_time_to_seconds(str(shown["notBefore"]))),
        ends_at=_ends(shown),
        ca_ends_at=min(map(_ends, context.get_ca_certs()), default=None),
        ahead=_ahead(response.headers.get("Date"), (began + time.time()) / 2),
        version=health.version,
        down=[name for name, module in health.modules.items() if module.get("state") != "running"],
    )


def _ends(certificate: Any) -> float:
    return float(ssl.cert_time_to_seconds(certificate["notAfter"]))


def _ahead(date: str | None, at: float) -> float | None:
    """By how much the other clock is ahead. Its date has whole seconds, so it is half a second later on average."""
    return None if date is None else parsedate_to_datetime(date).timestamp() + 0.5 - at


async def in_thread(work: Callable[[], T]) -> T:
    """What blocks, in a thread that a caller who has lost patience may leave behind: it does not hold up the end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            _tell(loop, done.set_exception, error, done)
        else:
            _tell(loop, done.set_result, result, done)

    threading.Thread(target=run, daemon=True).start()
    return await done


def _tell(
    loop: asyncio.AbstractEventLoop, settle: Callable[[Any], None], value: object, done: "asyncio.Future[Any]"
) -> None:
    def once() -> None:
        if not done.done():
            settle(value)

    try:
        loop.call_soon_threadsafe(once)
    except RuntimeError:  # nobody waits any more, and the loop has been closed
        return
