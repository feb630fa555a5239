"""Lists of the core, which come in pages."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from swarm_consumer.transport import Call, Transport

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T]):
    """A part of a list, and where the next begins."""

    items: list[T] = []
    next: str | None = None


async def every(transport: Transport, path: str, page: type[Page[T]], which: Sequence[tuple[str, str]] = ()) -> list[T]:
    """All of a list. Raises SwarmError."""
    found: list[T] = []
    cursor: str | None = None
    while True:
        query = [*which, ("limit", "500"), *([("cursor", cursor)] if cursor else [])]
        part = await transport.get(page, Call("GET", path, query))
        found += part.items
        cursor = part.next
        if not cursor:
            return found
