"""Files that a deck gives to its browser: offered by a key, then read piece by piece while somebody fetches them."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from textual_serve.download_manager import DOWNLOAD_CHUNK_SIZE, DownloadManager

from swarm_protocol.errors import SwarmError

if TYPE_CHECKING:
    from textual_serve.app_service import AppService

_Meta = dict[str, str | int | bool | None]
MOST: Final = 20
"""Files on offer at a time; the oldest goes for the newest."""
PIECE_SECONDS: Final = 30.0
"""How long a deck may take for one piece."""


@dataclass(slots=True)
class _Offer:
    deck: "AppService"
    file_name: str
    name: str | None
    pieces: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(1))


class Offers(DownloadManager):
    """One deck's files. Other than the library's: bounded, and a file that stops halfway doesn't look whole."""

    def __init__(self) -> None:
        super().__init__()
        self._offers: dict[str, _Offer] = {}

    async def create_download(
        self, *, app_service: "AppService", delivery_key: str, file_name: str, name: str | None = None, **_: Any
    ) -> None:
        """Take a file on offer."""
        self._offers[delivery_key] = _Offer(app_service, file_name, name)
        while len(self._offers) > MOST:
            del self._offers[next(iter(self._offers))]

    async def chunk_received(self, delivery_key: str, chunk: bytes | str) -> None:
        """Take a piece that was asked for."""
        offer = self._offers.get(delivery_key)
        if offer is not None and not offer.pieces.full():
            offer.pieces.put_nowait(chunk.encode() if isinstance(chunk, str) else chunk)

    async def cancel_app_downloads(self, app_service_id: str) -> None:
        """The deck has ended."""
        self._offers.clear()

    def file_name(self, key: str) -> str | None:
        """What an offered file is called; None where none is offered by this key."""
        offer = self._offers.get(key)
        return offer.file_name if offer else None

    async def read(self, key: str) -> AsyncGenerator[bytes, None]:
        """The file, once. Raises SwarmError(unavailable) where it ends before its end."""
        offer = self._offers[key]
        request: _Meta = {"type": "deliver_chunk_request", "key": key, "size": DOWNLOAD_CHUNK_SIZE, "name": offer.name}
        while key in self._offers and await offer.deck.send_meta(request):
            try:
                piece = await asyncio.wait_for(offer.pieces.get(), PIECE_SECONDS)
            except TimeoutError:
                break
            if not piece:
                self._offers.pop(key, None)
                return
            yield piece
        raise SwarmError("unavailable", "the deck ended, or did not go on, before the file was whole")
