"""The system's log in the database."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection, Pool, transaction
from swarm_core.store.queries import load
from swarm_core.syslog.backlog import Kept
from swarm_core.syslog.levels import Level
from swarm_core.syslog.line import columns, storable

_SQL = load("syslog")
_TURN: Final = 0x5357_4C47
"""Key of the advisory lock under which lines are written."""
STRETCH: Final = 10_000
"""Lines that one page looks at, at most."""
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
END: Final = datetime(9999, 1, 1, tzinfo=UTC)
_SCOPE: Final = "/* scope */ {}::text is null"
_SCOPES: Final = {
    "all": _SCOPE,
    "warnings": "level >= 30 and {}::text is null",
    "job": "job_id = {}::bigint",
    "worker": "worker_id = {}::uuid",
}


class LineView(msgspec.Struct, kw_only=True, frozen=True):
    """A line as people see it. `fields` are those of its fields that are neither `job` nor `worker`."""

    id: int
    at: datetime
    core: UUID
    level: str
    module: str
    message: str
    tags: list[str]
    job: int | None
    worker: UUID | None
    fields: dict[str, bool | int | float | str | None]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted; None: any."""

    level: int = 0
    """At least."""
    module: str | None = None
    tag: str | None = None
    core: UUID | None = None
    job: int | None = None
    worker: UUID | None = None
    text: str | None = None
    """Somewhere in the message or the fields, whatever the case of its letters."""


class Place(NamedTuple):
    """Between two lines: beside the one that was said then and has that id."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when (exclusive) lines were said."""

    since: datetime = BEGINNING
    until: datetime = END


class Page(NamedTuple):
    """Lines, and where the next stretch begins; None: there is nothing more."""

    lines: list[LineView]
    following: Place | None


# Writing -------------------------------------------------------------------------------------------------


async def insert(pool: Pool, core: UUID, kept: Sequence[Kept]) -> None:
    """Add lines of a core, in their order; those that are there already stay as they are."""
    sorted_out = [columns(each.line.fields) for each in kept]
    async with transaction(pool) as connection:
        await connection.execute(_SQL["take_turn"], _TURN)
        await connection.execute(
            _SQL["insert"],
            core,
            [each.seq for each in kept],
            [each.line.at for each in kept],
            [int(each.line.level) for each in kept],
            [each.line.module for each in kept],
            [storable(each.line.message) for each in kept],
            [",".join(each.line.tags) for each in kept],
            [each.job for each in sorted_out],
            [each.worker for each in sorted_out],
            [msgspec.json.encode(each.fields).decode() for each in sorted_out],
        )


# Reading -------------------------------------------------------------------------------------------------


async def page(
    connection: Connection, wanted: Filter, span: Span, place: Place | None, most: int, *, older: bool
) -> Page:
    """Lines on one side of a place (None: from the one end), at most `most` and from a stretch of bounded length.

    Two statements see the same rows only in one snapshot: to be called in a transaction of `repeatable read`.
    """
    begin = place or (Place(END, 0) if older else Place(BEGINNING, 0))
    scope, value = _scope(wanted)
    find, last = ("older", "last_older") if older else ("newer", "last_newer")
    rows = await connection.fetch(
        _scoped(find, scope, "$13"), *astuple(wanted), span.since, span.until, *begin, STRETCH, value, most
    )
    if len(rows) == most:
        return Page([_view(row) for row in rows], Place(rows[-1]["at"], rows[-1]["id"]))
    end = await connection.fetchrow(_scoped(last, scope, "$6"), span.since, span.until, *begin, STRETCH, value)
    return Page([_view(row) for row in rows], Place(end["at"], end["id"]) if end else None)


async def head(connection: Connection) -> int:
    """The id of the line that was written last; 0 before the first."""
    found: int = await connection.fetchval(_SQL["head"])
    return found


async def written(pool: Pool, wanted: Filter, after: int, most: int) -> tuple[list[LineView], int]:
    """What fits of the next `most` lines written after one, and up to which line that was looked at."""
    end: int | None = await pool.fetchval(_SQL["stretch"], after, most)
    if end is None:
        return [], after
    rows = await pool.fetch(_SQL["written"], *astuple(wanted), after, end)
    return [_view(row) for row in rows], end


def _scope(wanted: Filter) -> tuple[str, Any]:
    """The narrowest index for a filter, and its argument."""
    if wanted.job is not None:
        return "job", wanted.job
    if wanted.worker is not None:
        return "worker", wanted.worker
    return ("warnings" if wanted.level >= Level.WARNING else "all"), None


def _scoped(name: str, scope: str, argument: str) -> str:
    return _SQL[name].replace(_SCOPE.format(argument), _SCOPES[scope].format(argument))


def _view(row: Any) -> LineView:
    values = dict(row)
    values["level"] = Level(row["level"]).word
    values["fields"] = msgspec.json.decode(row["fields"])
    return LineView(**values)


# Removing ------------------------------------------------------------------------------------------------


async def drop_old(pool: Pool, level: Level, age: float, most: int) -> int:
    """Remove lines of a level that are older than `age` seconds; how many."""
    return _count(await pool.execute(_SQL["drop_old"], int(level), age, most))


async def past_cap(pool: Pool, rows: int) -> int:
    """How many lines there are more than that."""
    found: int = await pool.fetchval(_SQL["past_cap"], rows)
    return found


async def drop_oldest(pool: Pool, most: int) -> int:
    """Remove the oldest lines, those below a warning first; how many."""
    for below in (Level.WARNING, Level.FATAL + 1):
        if gone := _count(await pool.execute(_SQL["drop_oldest"], int(below), most)):
            return gone
    return 0


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])
