"""Bodies: read with a limit, decoded and checked into a type, and answers encoded the same way."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from swarm_protocol.errors import SwarmError

T = TypeVar("T")

SMALL: Final = 64 * 1024
"""Limit of a body where nothing larger makes sense."""
_NO_STORE: Final = {"Cache-Control": "no-store"}
_encoder: Final = msgspec.json.Encoder()
_decoders: Final[dict[Any, "msgspec.json.Decoder[Any]"]] = {}


async def read(request: Request, limit: int = SMALL) -> bytes:
    """The whole body of at most `limit` bytes. Raises SwarmError(too_large)."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def decode(request: Request, form: type[T], limit: int = SMALL) -> T:
    """The body as JSON of a type. Raises SwarmError (too_large, bad_request with the field)."""
    return decode_bytes(await read(request, limit), form)


def decode_bytes(data: bytes, form: type[T]) -> T:
    """JSON of a type. Raises SwarmError(bad_request), with the field that is wrong."""
    try:
        return _decoder(form).decode(data)
    except msgspec.ValidationError as error:
        message, field = at_field(error)
        shown = f"{field}: {message}" if field else message
        raise SwarmError("bad_request", shown, field=field, hint="see /api/v1/openapi.json") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SwarmError("bad_request", f"the body is no JSON: {error}") from None


def at_field(error: msgspec.ValidationError) -> tuple[str, str | None]:
    """The message of a validation error, and the field it is about: `specs[3].image`."""
    message, _, path = str(error).partition(" - at `$")
    return message, path.rstrip("`").lstrip(".") or None


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Any value that msgspec knows as a JSON answer."""
    return Response(
        _encoder.encode(value), status, {**_NO_STORE, **headers} if headers else _NO_STORE, "application/json"
    )


def nothing() -> Response:
    """204 without a body."""
    return Response(status_code=204, headers=_NO_STORE)


def too_large(limit: int) -> SwarmError:
    """The error for a body over its limit."""
    return SwarmError("too_large", f"the request's body is over {limit} bytes")


def _decoder(form: type[T]) -> "msgspec.json.Decoder[T]":
    found = _decoders.get(form)
    if found is None:
        found = _decoders[form] = msgspec.json.Decoder(form)
    return found
