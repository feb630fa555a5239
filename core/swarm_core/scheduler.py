"""Scheduler: picks the next jobs and claims them for the free capacity of this core's workers.

It asks only for shapes that are known to wait (`hot`): those of new jobs, those other cores told of, and, once a
second, whatever the queue really holds. One claim is one transaction: lock candidates, place them (pure) within the
limits of their projects, write the attempts. An idle core asks nothing but that once a second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID

from swarm_core.allowance import Allowance, narrowed, within
from swarm_core.module import Log
from swarm_core.placement import Room, Shape, place, wants
from swarm_core.queues import QueueDepth
from swarm_core.sending import Sendable, sendable
from swarm_core.session import Session
from swarm_core.store import attempts, jobs, limits
from swarm_core.store.attempts import Assignment, Picked
from swarm_core.store.database import CONFLICT, LOST, Connection, Database, transaction

CLAIM: Final = 500
"""Jobs in one claim at most: past this, batches gain nothing (performance.md)."""
POLL: Final = 1.0
BACKLOG: Final = 4 * CLAIM
"""Outcomes that may wait to be written before claims pause: what ends must not fall behind what begins."""

CaughtUp = Callable[[int], Awaitable[None]]
"""Waits until at most that many outcomes wait to be written."""


class Workers(Protocol):
    """What the Scheduler needs of the Dispatcher."""

    def rooms(self) -> list[Room]: ...
    def sessions(self) -> list[Session]: ...
    def dispatch(self, jobs: Iterable[Sendable]) -> None: ...


class Limiting(Protocol):
    """What the Scheduler needs of the limits of projects."""

    async def limited(self, shapes: Iterable[Shape]) -> set[UUID]: ...
    async def allowances(self, connection: Connection, projects: Collection[UUID]) -> dict[UUID, Allowance]: ...


class Scheduler:
    """The claim loop of one core."""

    name = "scheduler"

    def __init__(
        self, database: Database, workers: Workers, log: Log, limits: Limiting, *, core: UUID, caught_up: CaughtUp
    ) -> None:
        self._database = database
        self._limits = limits
        self._caught_up = caught_up
        self._workers = workers
        self._log = log
        self._actor = f"core:{core}"
        self._wake = asyncio.Event()
        self._shapes: dict[int, Shape] = {}
        self._firsts: dict[str, int] = {}
        """The first shape of each set of demands: workers are looked at once for all projects that have it."""
        self._hot: dict[int, int] = {}
        self._turn = 0

    def wake(self, shapes: Iterable[int] = ()) -> None:
        """Jobs of these shapes were queued, or room became free."""
        self._turn += 1
        for shape in shapes:
            self._hot[shape] = self._turn
        self._wake.set()

    def queue_depths(self) -> list[QueueDepth]:
        """Shapes that are known to wait for a claim; how many jobs wait is in the database."""
        return [QueueDepth(name="shapes to claim", depth=len(self._hot))]

    async def shape(self, number: int) -> Shape | None:
        """An interned shape by id."""
        if number not in self._shapes:
            await self._learn()
        return self._shapes.get(number)

    async def run(self) -> None:
        """Claim whenever woken, and look into the queue once a second."""
        while True:
            try:
                async with asyncio.timeout(POLL):  # not wait_for, which can lose a cancel in Python 3.11
                    await self._wake.wait()
            except TimeoutError:
                await self._look()
            self._wake.clear()
            await self._claim_all()

    async def _look(self) -> None:
        """Find what a lost wake-up left behind."""
        try:
            self.wake(await attempts.queued_shapes(self._database.hot))
        except LOST as error:
            self._log.warning("can't look into the queue", error=str(error))

    async def _claim_all(self) -> None:
        while self._hot:
            await self._caught_up(BACKLOG)
            try:
                if not await self._claim():
                    return
            except CONFLICT:
                continue
            except LOST as error:
                self._log.warning("a claim failed; trying again", error=f"{type(error).__name__}: {error}")
                return

    async def _claim(self) -> bool:
        """One claim; whether another one may find more."""
        rooms = self._workers.rooms()
        if not rooms:
            return False
        asked = dict(self._hot)
        if any(number not in self._shapes for number in asked):
            await self._learn()
        shapes = [self._shapes[number] for number in asked if number in self._shapes]
        wanted = wants(rooms, shapes, CLAIM)
        if not wanted:
            return False
        limited = await self._limits.limited(self._shapes[number] for number in wanted)
        async with transaction(self._database.hot) as connection:
            left = await self._limits.allowances(connection, limited) if limited else {}
            wanted = narrowed(wanted, self._shapes, limited, left)
            picked, sent = await self._commit(connection, wanted, rooms, left) if wanted else ([], [])
        self._workers.dispatch(sent)
        if picked:
            self._log.debug("jobs were claimed", found=len(picked), placed=len(sent))
        self._cool(asked, wanted, picked)
        return bool(sent)

    async def _commit(
        self, connection: Connection, wanted: dict[int, int], rooms: list[Room], left: Mapping[UUID, Allowance]
    ) -> tuple[list[Picked], list[Sendable]]:
        """Jobs that were locked, and what goes to workers once it is committed."""
        picked = (await attempts.pick(connection, wanted))[:CLAIM]
        if not picked:
            return picked, []
        assignments = self._place(within(picked, self._shapes, left), rooms)
        moved = await attempts.assign(connection, assignments, self._actor) if assignments else set()
        by_job = {item.job: item for item in picked}
        made = [item for item in assignments if item.job in moved]
        if left:
            counted = [(by_job[item.job].project, item.job, item.attempt) for item in made]
            await limits.use(connection, [each for each in counted if each[0] in left])
        return picked, [sendable(item, by_job[item.job], self._shapes) for item in made]

    def _place(self, picked: list[Picked], rooms: list[Room]) -> list[Assignment]:
        numbers = {item.job: item.attempt + 1 for item in picked}
        placed = place(((item.job, self._shapes[item.shape]) for item in picked), rooms)
        sessions = {session.worker: session.id for session in self._workers.sessions()}
        return [Assignment(job, numbers[job], worker, sessions[worker]) for job, worker in placed if worker in sessions]

    def _cool(self, asked: dict[int, int], wanted: dict[int, int], picked: list[Picked]) -> None:
        """Forget shapes of which there was less than asked for, unless somebody named them meanwhile."""
        found: dict[int, int] = {}
        for item in picked:
            found[item.shape] = found.get(item.shape, 0) + 1
        if len(picked) >= CLAIM:
            return
        for shape, turn in asked.items():
            if shape in wanted and found.get(shape, 0) < wanted[shape] and self._hot.get(shape) == turn:
                del self._hot[shape]

    async def _learn(self) -> None:
        last = max(self._shapes, default=0)
        for shape in await jobs.shapes_after(self._database.hot, last):
            demands = repr(replace(shape, id=0, project=None))
            self._shapes[shape.id] = replace(shape, first=self._firsts.setdefault(demands, shape.id))
