"""A plain HTTP/1.1 client on one TLS connection: as little as will do, for it shares the machine with the core."""

import asyncio
import re
import ssl
from typing import Final

from swarm_protocol.claims import SERVER_NAME

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection:
    """One kept-alive connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader = reader
        self._writer = writer
        self._head = f"HTTP/1.1\r\nHost: core\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"

    @classmethod
    async def open(cls, host: str, port: int, context: ssl.SSLContext, token: str) -> "Connection":
        """Connect; requests carry the token. Raises OSError."""
        reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=SERVER_NAME)
        return cls(reader, writer, token)

    async def post(self, path: str, body: bytes) -> bytes:
        """The body of the answer to a POST. Raises RuntimeError where it isn't 201, OSError and EOFError."""
        head = f"POST {path} {self._head}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(answer)
        content = await self._reader.readexactly(int(found[1]) if found else 0)
        if not answer.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(f"POST {path}: {answer[:40]!r} {content[:500]!r}")
        return content

    def close(self) -> None:
        """Close it; idempotent."""
        self._writer.close()
