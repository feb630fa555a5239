"""Parts of a file: the header Range (RFC 9110 section 14) with one range of bytes, and the answers to it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

_RANGE: Final = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")
Open = Callable[[int, int], Awaitable[AsyncIterator[bytes]]]
"""Opens the bytes from a start up to an end."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end) of what is asked for; None for all of it, also where the header isn't understood.

    Raises ValueError for a range that holds no byte of the file.
    """
    found = _RANGE.match((header or "").replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
        if found[2] and int(found[2]) < start:
            return None
    if start >= end:
        raise ValueError(f"no byte of {size} is in {header}")
    return start, end


async def ranged(
    request: Request, digest: str, size: int, open_range: Open, headers: dict[str, str], media_type: str
) -> Response:
    """The file, or the part that is asked for; its digest is its ETag. Raises SwarmError(not_found)."""
    etag = f'"{digest}"'
    common = {"Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "private, no-cache", **headers}
    if _names(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=common)
    valid = request.headers.get("if-range", etag) == etag
    try:
        part = parse_range(request.headers.get("range") if valid else None, size)
    except ValueError:
        return Response(status_code=416, headers={**common, "Content-Range": f"bytes */{size}"})
    start, end = part or (0, size)
    common["Content-Length"] = str(end - start)
    if part:
        common["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    body = await open_range(start, end)
    return StreamingResponse(body, 206 if part else 200, common, media_type)


def _names(header: str | None, etag: str) -> bool:
    return header is not None and (header.strip() == "*" or etag in [item.strip() for item in header.split(",")])
