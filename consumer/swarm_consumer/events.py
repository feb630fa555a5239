"""The event stream: what has happened, and what happens, each change once and in order."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from swarm_consumer.models import Event
from swarm_consumer.outage import Outage
from swarm_consumer.sockets import dial, hang_up
from swarm_consumer.transport import Call, Transport, unreachable
from swarm_consumer.wire import WireError
from swarm_protocol.errors import SwarmError

_PAGE = 500
_AWAY = frozenset({"unavailable", "too_many_requests"})

Away = Callable[[SwarmError], None]
"""Called once when the core has gone away; the stream goes on when it is back."""
Back = Callable[[], None]
"""Called when the core is heard for the first time, and again when it is back."""


class _Page(msgspec.Struct):
    items: list[Event]
    next: str
    more: bool = False


_decoder = msgspec.json.Decoder(_Page)


@dataclass(frozen=True)
class EventFilter:
    """Which changes; empty fields don't narrow."""

    kinds: Sequence[str] = ()
    """`job`, `worker`, `schedule`, `image`."""
    jobs: Sequence[int] = ()
    worker: str | None = None
    """Of this worker, by id or name, and of jobs on it."""
    project: str | None = None
    """Of another project than the one in use; `*` for all of one's own."""

    def query(self) -> list[tuple[str, str]]:
        """The words that ask the core for these."""
        named = [("worker", self.worker), ("project", self.project)]
        return [
            *(("kind", kind) for kind in self.kinds),
            *(("job", str(job)) for job in self.jobs),
            *((name, value) for name, value in named if value is not None),
        ]


class Events:
    """The verbs about events. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def past(self, which: EventFilter, after: str | None, since: datetime | None) -> AsyncIterator[Event]:
        """What has happened up to now."""
        begin, more = _begin(after, since), True
        while more:
            query = [*which.query(), *begin, ("limit", str(_PAGE))]
            page = await self._transport.get(_Page, Call("GET", "/events", query))
            begin, more = _begin(page.next, None), page.more
            for event in page.items:
                yield event

    async def follow(
        self,
        which: EventFilter,
        after: str | None,
        since: datetime | None,
        *,
        patience: float,
        away: Away,
        back: Back = lambda: None,
    ) -> AsyncIterator[Event]:
        """What happens from there on, without end; goes on after a lost connection where it was.

        Raises SwarmError, also where the core does not come back within `patience` seconds.
        """
        stand = _Stand(_begin(after, since))
        outage = Outage(self._transport, patience)
        while True:
            try:
                async with aclosing(self._connection(which, stand)) as pages:
                    async for page in pages:
                        outage.over()
                        if stand.heard():
                            back()
                        for event in page.items:
                            yield event
                        stand.begin = _begin(page.next, None)
                lost = WireError("the connection was closed", sent=True)
            except WireError as error:
                lost = error
            except SwarmError as error:
                lost = stand.judge(error)
            stand.losses += 1
            if stand.losses == 1:  # taken up again at once, as where a token has run out
                outage.over()
            elif stand.losses == 2:
                away(unreachable(self._transport.credentials.url, lost))
            await outage.pause(lost)

    async def _connection(self, which: EventFilter, stand: "_Stand") -> AsyncGenerator[_Page, None]:
        """One connection's pages, until it closes. Raises WireError, SwarmError."""
        from websockets.exceptions import ConnectionClosed

        socket = await dial(self._transport, f"/ws/events?{urlencode([*which.query(), *stand.begin])}")
        try:
            async for frame in socket:
                yield _decode(frame)
        except ConnectionClosed as error:
            raise WireError(str(error), sent=True) from error
        finally:
            await hang_up(socket)


@dataclass
class _Stand:
    """Where a listener is."""

    begin: list[tuple[str, str]]
    losses: int = 0
    """One after another."""
    refused: bool = False
    """The token was, and was renewed since."""
    told: bool = False
    """That the core is there."""

    def heard(self) -> bool:
        """The core gave a sign; whether it had been away, or is heard for the first time."""
        anew = not self.told or self.losses > 1
        self.losses, self.refused, self.told = 0, False, True
        return anew

    def judge(self, error: SwarmError) -> WireError:
        """What to wait out. Raises what waiting doesn't mend."""
        if error.status == 401 and not self.refused:
            self.refused = True
        elif error.code not in _AWAY:
            raise error
        return WireError(error.message, sent=True)


def _begin(after: str | None, since: datetime | None) -> list[tuple[str, str]]:
    if after is not None:
        return [("after", after)]
    return [] if since is None else [("since", since.isoformat())]


def _decode(frame: str | bytes) -> _Page:
    try:
        return _decoder.decode(frame)
    except msgspec.DecodeError as error:
        raise SwarmError("internal", f"the core's events can't be read: {error}") from None
