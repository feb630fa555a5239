"""The live link, on a source that is played: batches, and how the line is told to be."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.fixtures.decks import until

from swarm_commanddeck.feed import Batch
from swarm_commanddeck.link import Line, LineState, Link
from swarm_consumer.models import Event
from swarm_protocol.errors import SwarmError
from tools.stage.answers import NOW


class Clock:
    """Sleeps no longer than it takes others to run."""

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


Script = Callable[[str | None, Any, Any], AsyncIterator[Event]]


class Source:
    """Plays one script after another, each for one call of `events`, and then nothing more."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.asked: list[str | None] = []

    async def events(
        self, which: Any = None, *, after: str | None = None, patience: float = 0, away: Any = None, back: Any = None
    ) -> AsyncIterator[Event]:
        self.asked.append(after)
        if self.scripts:
            async for event in self.scripts.pop(0)(after, away, back):
                yield event
        else:
            await asyncio.Event().wait()


def event(number: int) -> Event:
    return Event(cursor=f"c{number}", at=NOW, kind="job", subject=str(number), what="state")


async def listen(source: Source, enough: Callable[[list[Batch], list[Line]], object]) -> tuple[list[Batch], list[Line]]:
    batches: list[Batch] = []
    lines: list[Line] = []
    link = Link(source, Clock(), project=None, batch=batches.append, line=lines.append)
    task = asyncio.create_task(link.run())
    await until(lambda: enough(batches, lines), "enough was told")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return batches, lines


async def test_it_is_live_when_the_core_is_heard_and_tells_when_it_is_away_and_back() -> None:
    async def script(after: str | None, away: Any, back: Any) -> AsyncIterator[Event]:
        back()
        yield event(1)
        away(SwarmError("unavailable", "no route"))
        back()
        yield event(2)
        await asyncio.Event().wait()

    source = Source(script)
    batches, lines = await listen(source, lambda found, _: sum(batch.count for batch in found) == 2)
    states = [LineState.CONNECTING, LineState.LIVE, LineState.AWAY, LineState.LIVE]
    assert [line.state for line in lines] == states
    assert lines[2].why == "no route"
    assert {subject for batch in batches for _, subject in batch.changes} == {"1", "2"}


async def test_an_expired_cursor_is_a_gap_and_it_goes_on_from_now() -> None:
    async def script(after: str | None, away: Any, back: Any) -> AsyncIterator[Event]:
        yield event(1)
        raise SwarmError("cursor_expired", "too old")

    source = Source(script)
    batches, _ = await listen(source, lambda found, _: any(batch.gap for batch in found) and len(source.asked) == 2)
    assert source.asked == [None, None]
    assert batches[-1].anew


async def test_a_refused_sign_in_is_shown_and_tried_again_where_it_was() -> None:
    async def script(after: str | None, away: Any, back: Any) -> AsyncIterator[Event]:
        yield event(1)
        raise SwarmError("unauthenticated", "signed out")

    source = Source(script)
    _, lines = await listen(source, lambda _, found: len(source.asked) == 2)
    assert lines[-1] == Line(LineState.REFUSED, "signed out")
    assert source.asked == [None, "c1"]
