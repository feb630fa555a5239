"""Conversations: what a worker and its core said to one another, and what was said about one job.

The newest messages are in the memory of the core that has the worker, which is asked where it is another one. What no
memory has of a job is told from its history. Nothing of it is in the database, and nobody waits for it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import msgspec

from swarm_core.clock import Clock
from swarm_core.events import JobEvents
from swarm_core.interactions.record import Note, Quiet, Record, Told
from swarm_core.interactions.records import Records
from swarm_core.interactions.relay import NoAnswer, Question, Relay
from swarm_core.interactions.view import MessageView, recalled, views, without
from swarm_core.store import interactions as rows
from swarm_core.store.database import Database
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId

FOLLOWERS: Final = 64
"""Requests that may wait for messages at once."""
_TRIES: Final = 100
"""Attempts of a job that are looked at, the newest."""
_WORKERS: Final = 4
"""Workers that are asked for a job's messages: those of its newest attempts."""
_STEPS: Final = 500
_LOOK: Final = 1.0
"""Seconds after which a follower looks again: a wake-up may be lost, and what is summed up wakes nobody."""
_ASK: Final = 5.0
"""Seconds that one look for messages waits for them, at most."""
_GATHER: Final = 0.05
"""Seconds for which messages gather after the first, so that a busy worker is told in few answers."""
_EMPTY: Final = Told([], False, Quiet(0.0, 0, 0, 0), False)


class QuietView(msgspec.Struct, kw_only=True, frozen=True):
    """What goes on beside the messages: signs of life since the last of them."""

    worker: UUID
    connected: bool
    since: datetime
    beats: int
    pings: int
    leases: int


class GapView(msgspec.Struct, kw_only=True, frozen=True):
    """A worker whose messages can't be told here, and why."""

    worker: UUID
    core: UUID | None
    why: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in their order; `place` is where to go on."""

    items: list[MessageView]
    place: "Place"
    missed: bool
    """There were more before, which are gone from memory."""
    quiet: list[QuietView]
    gaps: list[GapView]


class Place(NamedTuple):
    """How far somebody has read: the newest number of a record, and the newest step of a job."""

    seq: int = 0
    step: int = 0


class Reader(Protocol):
    """Who asks."""

    @property
    def project(self) -> ProjectId: ...
    @property
    def own_role(self) -> str: ...


class Conversations:
    """Reads them."""

    def __init__(
        self, core: UUID, database: Database, records: Records, relay: Relay, events: JobEvents, clock: Clock
    ) -> None:
        self._core = core
        self._database = database
        self._records = records
        self._relay = relay
        self._events = events
        self._clock = clock
        self._followers = 0
        self._waiting: set[asyncio.Event] = set()
        self._closed = False

    def close(self) -> None:
        """The core stops: whoever follows is answered now, and goes on at another."""
        self._closed = True
        for event in self._waiting:
            event.set()

    # A worker's --------------------------------------------------------------------------------------------

    async def of_worker(self, who: Reader, worker: UUID, after: Place, within: float, most: int) -> Conversation:
        """Messages after a place, as soon as there are any; none after `within` seconds.

        Raises SwarmError: unavailable (it is at another core, which can't be asked), too_many_requests.
        """
        with self._following(within):
            try:
                told = await self._hear(worker, after.seq, self._clock.monotonic() + within)
            except NoAnswer:
                raise await self._unreachable(worker) from None
        notes = told.notes[-most:]
        place = Place(max([after.seq, *(note.seq for note in notes[-1:])]))
        missed = told.missed or len(told.notes) > most
        return Conversation(await self._seen(who, notes, worker), place, missed, [_quiet(worker, told)], [])

    async def _hear(self, worker: UUID, after: int, until: float) -> Told:
        """What comes until then. It is asked for again and again, for a worker may move to another core."""
        while True:
            left = max(0.0, until - self._clock.monotonic())
            told = await self._tell(Question(worker, after, 0, min(left, _ASK)))
            if told.notes or left <= 0 or self._closed:
                return told
            if told is _EMPTY:
                await self._clock.sleep(min(_LOOK, left))

    async def _seen(self, who: Reader, notes: list[Note], worker: UUID) -> list[MessageView]:
        """What of it the reader may know: of jobs, those of the project; operators know of all."""
        if who.own_role in ("operator", "admin"):
            return views(notes, worker)
        jobs = sorted({note.job for note in notes if note.job})
        return without(notes, worker, await rows.own(self._database.api, who.project, jobs))

    async def _unreachable(self, worker: UUID) -> SwarmError:
        core = await rows.holder(self._database.api, worker)
        text = f"that worker is connected to core {core}, which this core can't ask now"
        hint = "ask at that core (`/health` names it), or try again: between cores messages need Redis"
        return SwarmError("unavailable", text, hint=hint, retry_after=2)

    # A job's -----------------------------------------------------------------------------------------------

    async def of_job(self, job: int, after: Place, within: float, most: int) -> Conversation:
        """What was said about a job, whose reader was checked, after a place; as soon as there is any.

        Raises SwarmError(too_many_requests).
        """
        until = self._clock.monotonic() + within
        with self._following(within), self._events.watch([job]) as watch:
            while True:
                found = await self._gather(job, after, most)
                left = until - self._clock.monotonic()
                if found.items or left <= 0 or self._closed:
                    return found
                await watch.changed(min(_LOOK, left))

    async def _gather(self, job: int, after: Place, most: int) -> Conversation:
        tries = await rows.tries(self._database.api, job, _TRIES)
        workers = list(dict.fromkeys(each.worker for each in tries.values()))[:_WORKERS]
        steps = await rows.steps(self._database.api, job, after.step, _STEPS)
        told, gaps = await self._tell_all(job, workers)
        remembered = {
            (note.kind, note.attempt): datetime.fromtimestamp(note.at, UTC)
            for each in told.values()
            for note in each.notes
            if not note.refused
        }
        items = recalled(job, steps, tries, remembered)
        newest = after.seq
        for worker, each in told.items():
            items += views([note for note in each.notes if note.seq > after.seq], worker)
            newest = max([newest, *(note.seq for note in each.notes[-1:])])
        items.sort(key=lambda item: item.at)
        place = Place(newest, steps[-1].id if steps else after.step)
        quiet = [_quiet(worker, each) for worker, each in told.items()]
        return Conversation(items[-most:], place, len(items) > most or len(steps) == _STEPS, quiet, gaps)

    async def _tell_all(self, job: int, workers: list[UUID]) -> tuple[dict[UUID, Told], list[GapView]]:
        questions = [Question(worker, 0, job, 0.0) for worker in workers]
        found = await asyncio.gather(*map(self._tell, questions), return_exceptions=True)
        told: dict[UUID, Told] = {}
        gaps: list[GapView] = []
        for worker, each in zip(workers, found, strict=True):
            if isinstance(each, NoAnswer):
                core = await rows.holder(self._database.api, worker)
                gaps.append(
                    GapView(worker=worker, core=core, why="its core can't be asked now; history tells the steps")
                )
            elif isinstance(each, BaseException):
                raise each
            else:
                told[worker] = each
        return told, gaps

    # Where the messages are --------------------------------------------------------------------------------

    async def _tell(self, question: Question) -> Told:
        """What the core that has a worker remembers; else whoever does. Raises NoAnswer."""
        record = self._records.of(question.worker)
        if record is not None and record.connections:
            return await self._read(record, question)
        core = await rows.holder(self._database.api, question.worker)
        if core is not None and core != self._core:
            return await self._relay.ask(core, question)
        if record is not None:
            return await self._read(record, question)
        try:
            return await self._relay.ask(None, msgspec.structs.replace(question, wait=0.0))
        except NoAnswer:
            return _EMPTY

    async def answer(self, question: Question) -> Told | None:
        """For another core: what this one remembers of a worker; None: nothing."""
        record = self._records.of(question.worker)
        return None if record is None else await self._read(record, question)

    async def _read(self, record: Record, question: Question) -> Told:
        event, until = asyncio.Event(), self._clock.monotonic() + question.wait
        record.waiting.add(event)
        self._waiting.add(event)
        try:
            while True:
                event.clear()
                told = record.read(question.after, self._clock.time(), question.job)
                left = until - self._clock.monotonic()
                if told.notes or left <= 0 or self._closed:
                    return told
                await _pause(event, min(left, _LOOK) if record.gathers else left)
                await self._clock.sleep(_GATHER)
        finally:
            record.waiting.discard(event)
            self._waiting.discard(event)

    @contextmanager
    def _following(self, within: float) -> Iterator[None]:
        """Only who waits counts. Raises SwarmError(too_many_requests)."""
        if within > 0 and self._followers >= FOLLOWERS:
            hint = "try again, or at another core"
            raise SwarmError("too_many_requests", f"{FOLLOWERS} follow messages here", hint=hint, retry_after=2)
        self._followers += 1 if within > 0 else 0
        try:
            yield
        finally:
            self._followers -= 1 if within > 0 else 0


def _quiet(worker: UUID, told: Told) -> QuietView:
    quiet = told.quiet
    return QuietView(
        worker=worker,
        connected=told.connected,
        since=datetime.fromtimestamp(quiet.since, UTC),
        beats=quiet.beats,
        pings=quiet.pings,
        leases=quiet.leases,
    )


async def _pause(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
