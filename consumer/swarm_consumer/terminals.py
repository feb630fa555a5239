"""A terminal: a command in the container of a running job, or what is typed for the job itself.

async with client.terminal(7, ["sh", "-c", "ls /in"]) as terminal:
    async for stream, data in terminal:
        ...
    print(terminal.exit_code)
"""

from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import msgspec

from swarm_consumer.sockets import dial
from swarm_consumer.transport import Transport, unreachable
from swarm_consumer.wire import WireError
from swarm_protocol import terminal as t
from swarm_protocol.errors import SwarmError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(t.ToPerson)
_PIECE: Final = 32 * 1024


class Terminal:
    """One of them, open as long as its `async with`. What it writes is read with `async for`, to its end."""

    def __init__(
        self, transport: Transport, job: int, command: Sequence[str], tty: bool, stdin: bool, size: tuple[int, int]
    ) -> None:
        self._transport = transport
        self._job = job
        self._open = t.Open(command=list(command), tty=tty, stdin=stdin, rows=size[0], columns=size[1])
        self._connected: ClientConnection | None = None
        self.attempt = 0
        """The job's attempt that it is on."""
        self.worker = ""
        self.exit_code: int | None = None
        """The command's, once it has ended; None for a terminal on the job itself."""

    async def __aenter__(self) -> Self:
        """Open it. Raises SwarmError: not_found, forbidden, conflict (it doesn't run or reads nothing), unavailable."""
        try:
            self._connected = await self._dial()
            await self._socket.send(_encode(self._open))
            word = await self._next()
        except WireError as error:
            raise unreachable(self._transport.credentials.url, error) from None
        except BaseException:
            await self._close()
            raise
        if isinstance(word, t.Opened):
            self.attempt, self.worker = word.attempt, word.worker
            return self
        await self._close()
        raise _refusal(word)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def write(self, data: bytes) -> None:
        """Type it. Waits while the command doesn't read; passes over what comes after its end."""
        from websockets.exceptions import ConnectionClosed

        try:
            for at in range(0, len(data), _PIECE):
                await self._socket.send(_encode(t.Input(data=data[at : at + _PIECE])))
        except ConnectionClosed:
            return

    async def end_input(self) -> None:
        """There is no more to read."""
        await self._say(t.Input(data=b""))

    async def resize(self, rows: int, columns: int) -> None:
        """The window has another size."""
        await self._say(t.Size(rows=rows, columns=columns))

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        """Pieces of (stream, bytes) to the end; with a tty all are of stream 1. Raises SwarmError where it breaks."""
        while True:
            word = await self._next()
            if isinstance(word, t.Output):
                yield word.stream, word.data
            elif isinstance(word, t.Ended) and not word.message:
                self.exit_code = word.exit_code
                return
            elif word is not None:
                raise _refusal(word)

    @property
    def _socket(self) -> "ClientConnection":
        if self._connected is None:
            raise RuntimeError("a terminal is open within its `async with` only")
        return self._connected

    async def _dial(self) -> "ClientConnection":
        path = f"/ws/jobs/{self._job}/terminal"
        try:
            return await dial(self._transport, path)
        except SwarmError as error:
            if error.status != 401:
                raise
        return await dial(self._transport, path)

    async def _say(self, word: t.FromPerson) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(_encode(word))
        except ConnectionClosed:
            return

    async def _next(self) -> t.ToPerson | None:
        """The next word; None for one of a later version. Raises SwarmError where the connection broke."""
        from websockets.exceptions import ConnectionClosed

        try:
            frame = await self._socket.recv()
        except ConnectionClosed as error:
            reason = error.rcvd.reason if error.rcvd is not None and error.rcvd.reason else "the connection was cut"
            raise SwarmError("unavailable", f"the terminal is gone: {reason}", hint=_goes_on(self._job)) from None
        try:
            return _decoder.decode(frame) if isinstance(frame, bytes) else None
        except msgspec.DecodeError:
            return None

    async def _close(self) -> None:
        if self._connected is not None:
            await self._connected.close()


def _refusal(word: t.ToPerson | None) -> SwarmError:
    if isinstance(word, t.Refused):
        return SwarmError(word.code, word.message, hint=word.hint)
    if isinstance(word, t.Ended):
        return SwarmError("conflict", f"the terminal has ended: {word.message or 'the job has'}")
    return SwarmError("internal", "the core did not say whether the terminal is open", hint="is it of another version?")


def _goes_on(job: int) -> str:
    return f"the job goes on: `swarm show {job}`"
