"""The live link: listens to the event stream and hands what comes on in batches, and says how the line is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from swarm_commanddeck.feed import Batch, Gatherer
from swarm_consumer.clock import Clock
from swarm_consumer.events import Away, Back, EventFilter
from swarm_consumer.models import Event
from swarm_protocol.errors import SwarmError

BATCH_SECONDS: Final = 0.2
"""How long events are gathered: below what an eye would call late, and five repaints a second at most."""
_AGAIN_SECONDS: Final = 5.0
_LOST = frozenset({"cursor_expired", "cursor_invalid"})


class LineState(StrEnum):
    """How the line to the core is."""

    CONNECTING = "connecting"
    LIVE = "live"
    AWAY = "away"
    """The core doesn't answer; it is tried again."""
    REFUSED = "refused"
    """The core doesn't take this sign-in."""


@dataclass(frozen=True, slots=True)
class Line:
    """How the line is, and why."""

    state: LineState
    why: str = ""


class Source(Protocol):
    """What the link needs of the SDK's client."""

    def events(
        self,
        which: EventFilter | None = None,
        *,
        after: str | None = None,
        patience: float = 60.0,
        away: Away | None = None,
        back: Back | None = None,
    ) -> AsyncIterator[Event]: ...


class Link:
    """Runs until cancelled; `batch` and `line` are called from its task."""

    def __init__(
        self,
        source: Source,
        clock: Clock,
        *,
        project: str | None,
        batch: Callable[[Batch], None],
        line: Callable[[Line], None],
    ) -> None:
        """`project`: as in `EventFilter`."""
        self._source = source
        self._clock = clock
        self._filter = EventFilter(project=project)
        self._batch = batch
        self._line = line
        self._gathered = Gatherer()
        self._some = asyncio.Event()

    async def run(self) -> None:
        """Listen, and go on listening."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._hand_on())

    async def _listen(self) -> None:
        cursor: str | None = None
        self._line(Line(LineState.CONNECTING))
        while True:
            try:
                following = self._source.events(
                    self._filter, after=cursor, patience=float("inf"), away=self._away, back=self._back
                )
                async with aclosing(following) as events:  # type: ignore[type-var]  # an async generator
                    async for event in events:
                        cursor = event.cursor
                        self._take(event)
            except SwarmError as error:
                cursor = self._judge(error, cursor)
                await self._clock.sleep(_AGAIN_SECONDS)

    def _take(self, event: Event) -> None:
        self._gathered.take(event)
        self._some.set()

    def _away(self, error: SwarmError) -> None:
        self._line(Line(LineState.AWAY, error.message))

    def _back(self) -> None:
        """The core gave a sign: what was shown meanwhile may be old, but nothing was missed."""
        self._line(Line(LineState.LIVE))

    def _judge(self, error: SwarmError, cursor: str | None) -> str | None:
        """Where to go on after an error that the SDK does not wait out."""
        if error.code in _LOST:
            self._gathered.lost()
            self._some.set()
            return None
        refused = error.status in (401, 403)
        self._line(Line(LineState.REFUSED if refused else LineState.AWAY, error.message))
        return cursor

    async def _hand_on(self) -> None:
        while True:
            await self._some.wait()
            await self._clock.sleep(BATCH_SECONDS)
            self._some.clear()
            self._batch(self._gathered.drain())
