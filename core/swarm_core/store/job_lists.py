"""Lists of jobs in the database: what narrows them, their orders, and windows on them from the index that fits best."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from swarm_core.store.database import Pool
from swarm_core.store.queries import load
from swarm_protocol.states import ON_WORKER, TERMINAL, JobState

_SQL = load("job_lists")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST: Final = (datetime(3000, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_MOST_ID: Final = (1 << 63) - 1
_MOST_PRIORITY: Final = 1 << 30
_UNSUCCESSFUL: Final = TERMINAL - {JobState.SUCCEEDED}
_MERGED: Final = 8
"""Projects whose jobs are merged from the index of each; with more, those of all are walked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to: all of it fits. Empty doesn't narrow."""

    states: tuple[str, ...] = ()
    """One of them."""
    users: tuple[str, ...] = ()
    """One of them."""
    not_users: tuple[str, ...] = ()
    name: str | None = None
    texts: tuple[str, ...] = ()
    """All of them somewhere in the name or the image, in letters of either case."""
    tags: tuple[str, ...] = ()
    """All of them."""
    not_tags: tuple[str, ...] = ()
    image: str | None = None
    """A digest, a name, or a name with its tag."""
    worker: str | None = None
    """Its name or id."""
    schedule: str | None = None
    failures: tuple[str, ...] = ()
    """One of them."""
    reason: str | None = None
    """What a job waits for that has not ended, as it is told: `quarantined`."""
    before: datetime | None = None
    after: datetime | None = None
    first: int | None = None
    """The lowest id."""
    last: int | None = None
    """The highest id."""


class Order(NamedTuple):
    """An order of a list, and the statement that reads it."""

    statement: str
    falling: bool
    key: str = ""
    """What kind of key it goes by before the id: `time`, `priority`, or none."""

    @property
    def start(self) -> "Place":
        """Before the first."""
        most = {"priority": _MOST_PRIORITY, "time": _LATEST}.get(self.key, 0)
        return Place(most, _MOST_ID) if self.falling else Place(-most, 0)


class Place(NamedTuple):
    """A place in an order: a time in microseconds since the epoch, a priority with its sign turned or 0, and an id."""

    key: int
    id: int


RECENT: Final = Order("recent", True)
ORDERS: Final = {
    "-created": RECENT,
    "created": Order("oldest", False),
    "-started": Order("last_started", True, "time"),
    "started": Order("first_started", False, "time"),
    "-ended": Order("last_ended", True, "time"),
    "ended": Order("first_ended", False, "time"),
    "-priority": Order("foremost", False, "priority"),
    "priority": Order("hindmost", True, "priority"),
}
"""By the words of `sort`. By start: those that run; by end: those that have ended; by priority: those that have not."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a list."""

    ids: list[int]
    order: Order
    rows: Sequence[asyncpg.Record]

    def place(self, job: int) -> Place:
        """Where one of its jobs stands."""
        return self._place(self.ids.index(job))

    @property
    def end(self) -> Place:
        """Where its last job stands."""
        return self._place(-1)

    @property
    def last_created(self) -> datetime:
        """When its last job was submitted."""
        found: datetime = self.rows[-1]["created_at"]
        return found

    def _place(self, at: int) -> Place:
        return Place(_number(self.rows[at]["key"]) if self.order.key else 0, self.ids[at])


class Source(NamedTuple):
    """The index that a list is read from."""

    statement: str
    narrowed: str | None = None
    exact: bool = False
    """Whether all that is read there fits."""


def source(order: Order, filters: Filters, projects: int) -> Source:
    """Which index serves an order and a filter best."""
    nothing = filters == Filters()
    if order.key:
        return Source(order.statement, exact=nothing)
    if filters.name is not None:
        return Source(f"{order.statement}_named", filters.name, filters == Filters(name=filters.name))
    if len(filters.users) == 1:
        return Source(f"{order.statement}_of_person", filters.users[0], filters == Filters(users=filters.users))
    if kind := _of_states(filters):
        return Source(f"{order.statement}_{kind}")
    many = projects > _MERGED
    return Source(f"{order.statement}_of_all" if many else order.statement, exact=nothing and not many)


def _of_states(filters: Filters) -> str:
    """Which part of the jobs holds all of these states; empty: none but the whole."""
    states = set(filters.states)
    if filters.failures or (states and states <= _UNSUCCESSFUL):
        return "unsuccessful"
    if not states or states & TERMINAL:
        return ""
    return "on_workers" if states <= ON_WORKER else "unfinished"


async def window(pool: Pool, projects: Sequence[UUID], order: Order, of: Source, after: Place, most: int) -> Window:
    """At most `most` jobs after a place."""
    more: list[object] = [_key(order, after)] if order.key else [] if of.narrowed is None else [of.narrowed]
    found = await pool.fetch(_SQL[of.statement], list(projects), after.id, most, *more)
    return Window([row["id"] for row in found], order, found)


async def fits(pool: Pool, projects: Sequence[UUID], jobs: Sequence[int], most: int, want: Filters) -> list[int]:
    """The first of the jobs that fit, at most `most`."""
    rows = await pool.fetch(
        _SQL["fits"],
        list(projects),
        list(jobs),
        most,
        want.states or None,
        want.users or None,
        want.not_users or None,
        want.name,
        want.texts or None,
        want.tags or None,
        want.not_tags or None,
        want.image,
        want.worker,
        want.schedule,
        want.failures or None,
        want.reason,
        want.before,
        want.after,
        want.first,
        want.last,
    )
    return [row["id"] for row in rows]


def _key(order: Order, place: Place) -> object:
    """What a statement takes; a cursor may be anybody's."""
    if order.key == "priority":
        return max(-_MOST_PRIORITY, min(place.key, _MOST_PRIORITY))
    return moment_of(max(-_LATEST, min(place.key, _LATEST)))


def moment_of(key: int) -> datetime:
    """The time that an order by times goes by."""
    return _EPOCH + key * _MICROSECOND


def _number(key: int | datetime) -> int:
    return key if isinstance(key, int) else (key - _EPOCH) // _MICROSECOND


async def first_from(pool: Pool, projects: Sequence[UUID], job: int) -> tuple[int, datetime] | None:
    """The first job of the projects from an id on, and when it was submitted."""
    row = await pool.fetchrow(_SQL["first_from"], list(projects), job)
    return (row["id"], row["created_at"]) if row else None


async def last(pool: Pool, projects: Sequence[UUID]) -> int:
    """The highest job id of the projects; 0 without jobs."""
    return await pool.fetchval(_SQL["last"], list(projects)) or 0
