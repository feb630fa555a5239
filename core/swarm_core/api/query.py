"""Words of a path and a query as checked values, and the cursors of lists. All raise SwarmError(bad_request)."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from swarm_core.api.body import answer
from swarm_protocol.errors import SwarmError

T = TypeVar("T")

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 500
_MAX_BIGINT: Final = (1 << 63) - 1


def text(request: HTTPConnection, name: str, most: int = 512) -> str | None:
    """A word of the query, or None where it isn't there."""
    found = request.query_params.get(name)
    if found is not None and (len(found) > most or "\0" in found):
        raise wrong(name, f"at most {most} characters, none of them zero")
    return found


def integer(request: HTTPConnection, name: str, default: int, least: int = 0, most: int = _MAX_BIGINT) -> int:
    """A whole number of the query between two bounds."""
    found = request.query_params.get(name)
    if found is None:
        return default
    return _integer(name, found, least, most)


def seconds(request: HTTPConnection, name: str, default: float, most: float) -> float:
    """A duration of the query, cut to `most`."""
    found = request.query_params.get(name)
    try:
        value = default if found is None else float(found)
    except ValueError:
        raise wrong(name, "a number of seconds") from None
    if not value >= 0:  # NaN too
        raise wrong(name, "a number of seconds, not below zero")
    return min(value, most)


def uuids(request: HTTPConnection, name: str, most: int = MAX_LIMIT) -> set[UUID]:
    """UUIDs of the query, which names each by a word of its own."""
    found = request.query_params.getlist(name)
    if len(found) > most:
        raise wrong(name, f"at most {most} UUIDs")
    try:
        return {UUID(one) for one in found}
    except ValueError:
        raise wrong(name, "a UUID") from None


def flag(request: HTTPConnection, name: str) -> bool:
    """Whether the query says 1 or true."""
    return request.query_params.get(name, "") in ("1", "true")


def moment(request: HTTPConnection, name: str) -> datetime | None:
    """A time of the query, with an offset from UTC."""
    found = request.query_params.get(name)
    if found is None:
        return None
    try:
        value = datetime.fromisoformat(found)
    except ValueError:
        value = None
    if value is None or value.tzinfo is None:
        raise wrong(name, "an RFC 3339 time with an offset, such as 2026-12-24T18:00:00Z")
    return value.astimezone(UTC)


def path_integer(request: HTTPConnection, name: str = "id") -> int:
    """A positive number in the path; jobs are named by one."""
    return _integer(name, request.path_params[name], 1, _MAX_BIGINT)


def path_uuid(request: HTTPConnection, name: str = "id") -> UUID:
    """A UUID in the path."""
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise wrong(name, "a UUID") from None


def wrong(name: str, wanted: str) -> SwarmError:
    """The error for a word that isn't what it should be."""
    return SwarmError("bad_request", f"{name}: that is not {wanted}", field=name)


def _integer(name: str, found: str, least: int, most: int) -> int:
    if not found.isascii() or not found.removeprefix("-").isdigit() or len(found) > 20:
        raise wrong(name, "a whole number")
    if not least <= int(found) <= most:
        raise wrong(name, f"a whole number from {least} to {most}")
    return int(found)


# Lists ---------------------------------------------------------------------------------------------------


class Page(NamedTuple):
    """What part of a list is asked for."""

    limit: int
    cursor: str | None


def page(request: Request) -> Page:
    """`limit` and `cursor` of the query."""
    return Page(integer(request, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT), text(request, "cursor"))


def make_cursor(key: Any) -> str:
    """An opaque cursor that holds where the next part begins."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def read_cursor(cursor: str, form: type[T], name: str = "cursor") -> T:
    """What `make_cursor` put into a cursor, which the query gives as `name`."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=form)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise wrong(name, "a cursor of this list") from None


def listing(items: Sequence[Any], cursor: str | None = None) -> Response:
    """A part of a list, with the cursor of the next."""
    return answer({"items": items, "next": cursor})
