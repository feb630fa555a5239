"""HTTP/1.1 with the limits that Uvicorn's protocol lacks: on the head of a request, and on the rest of a body
whose answer has been given.

httptools parses: with h11 a small request over TLS costs the core twice the CPU (190 beside 94 µs).
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 15.0
"""For the head of a request, and for the first byte of a connection."""
HEAD_BYTES: Final = 64 * 1024
REST_SECONDS: Final = 15.0
"""For the rest of a body that nobody wants any more; closing at once would take the answer from the sender."""
CLOSE_SECONDS: Final = 0.5
"""For an idle peer to agree to the end of TLS while the core stops; many a client looks at its connection only when
it needs it next, and would hold the core up for as long as that may take."""


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head = 0
        self._whole = True
        """The newest request has come to its end."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(CLOSE_SECONDS, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head += len(data)
        if self._head > HEAD_BYTES:
            self.send_400_response(f"The head of a request may have {HEAD_BYTES} bytes.")

    def handle_websocket_upgrade(self) -> None:
        self._arrived()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        self._in_head, self._head, self._whole = True, 0, False
        self._expect(HEAD_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._arrived()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._head, self._whole = False, 0, True
        self._arrived()
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self._expect(HEAD_SECONDS)  # Uvicorn's own timer ended with the first byte of the rest

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._whole:
            self._expect(REST_SECONDS)

    def _expect(self, seconds: float) -> None:
        self._arrived()
        self._timer = self.loop.call_later(seconds, self._too_late)

    def _arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
