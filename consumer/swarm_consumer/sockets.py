"""Websockets to a core: signed in, trusted by the pinned CA, errors as SwarmError or WireError."""

from typing import TYPE_CHECKING, Any

from swarm_consumer.transport import Call, Transport, error_of
from swarm_consumer.trust import is_loopback
from swarm_consumer.wire import Answer, WireError
from swarm_protocol.claims import SERVER_NAME

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_MAX_MESSAGE = 4 * 1024 * 1024
_QUIET = 60.0
"""Seconds without any word, pings included, after which a connection counts as lost."""


async def dial(transport: Transport, path: str) -> "ClientConnection":
    """Open a websocket at a path, such as `/ws/jobs/7/logs?stdout=0`.

    Raises WireError, and SwarmError where the core refuses; a token that it refused is renewed for the next try.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidStatus

    transport.check_open()
    token = await transport.tokens.access()
    url = transport.credentials.url
    options: dict[str, Any] = {"ssl": transport.context, "server_hostname": SERVER_NAME}
    try:
        return await connect(
            f"wss{url.removeprefix('https')}{path}",
            additional_headers=transport.signature(token),
            compression=None,
            max_size=_MAX_MESSAGE,
            max_queue=4,
            proxy=None if is_loopback(url) else True,
            ping_timeout=_QUIET,
            **options,
        )
    except InvalidStatus as error:
        if error.response.status_code == 401:
            transport.tokens.refused(token)
        answer = Answer(error.response.status_code, {}, bytes(error.response.body or b""))
        raise error_of(answer, Call("GET", path.partition("?")[0])) from None
    except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
        untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
        raise WireError(str(error) or type(error).__name__, sent=False, untrusted=untrusted) from error


async def hang_up(socket: "ClientConnection") -> None:
    """Close a websocket. Nothing of it is left open, also where the close itself is cut off."""
    try:
        await socket.close()
    finally:
        socket.transport.abort()
