"""The event stream in the database: history and events as one, in the order of (transaction id, id)."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from swarm_core.store.database import Pool
from swarm_core.store.queries import load

_SQL = load("stream")


class Place(NamedTuple):
    """A place in the stream: after the row of this transaction and id. Compares in the stream's order."""

    xact: int
    id: int


@dataclass(frozen=True, slots=True)
class Row:
    """One change."""

    place: Place
    at: datetime
    project: UUID | None
    project_name: str | None
    kind: str
    subject: str
    what: str
    actor: str
    detail: str | None
    """JSON."""


@dataclass(frozen=True, slots=True)
class Part:
    """What comes after a place."""

    era: str
    """Of the database as it is."""
    begun: bool
    """Whether the stream is of that era; else it has to begin anew."""
    expired: bool
    """What came after the place was forgotten."""
    horizon: int
    """The oldest transaction that still runs: from it on nothing was read."""
    held: bool
    """Something is there that can't be read yet."""
    full: bool
    last: Place | None
    """Of the last row that was looked at."""
    rows: list[Row]


async def page(pool: Pool, after: Place, most: int) -> Part:
    """At most `most` rows after a place."""
    found = await pool.fetch(_SQL["page"], str(after.xact), after.id, most)
    head = found[0]
    there = sorted((_row(row) for row in found if row["id"] is not None), key=lambda row: row.place)
    return Part(
        era=head["era"],
        begun=head["era"] == head["stored"],
        expired=head["expired"],
        horizon=int(head["horizon"]),
        held=head["held"],
        full=len(there) == most,
        last=there[-1].place if there else None,
        rows=[row for row in there if row.place.id > head["origin"]],
    )


def _row(row: "asyncpg.Record") -> Row:
    return Row(
        Place(int(row["xact"]), row["id"]),
        row["at"],
        row["project_id"],
        row["project"],
        row["kind"],
        row["subject"],
        row["what"],
        row["actor"],
        row["detail"],
    )


@dataclass(frozen=True, slots=True)
class Now:
    """Where the stream stands."""

    era: str
    begun: bool
    floor: Place
    """What is told begins after it."""
    horizon: int


async def now(pool: Pool) -> Now:
    """Where the stream stands."""
    row = await pool.fetchrow(_SQL["now"])
    assert row is not None  # the migration made it
    return Now(row["era"], row["era"] == row["stored"], Place(int(row["floor"]), row["floor_id"]), int(row["horizon"]))


async def first_from(pool: Pool, xact: int) -> datetime | None:
    """When the first row from a transaction on was written; None where there is none."""
    found: datetime | None = await pool.fetchval(_SQL["first_from"], str(xact))
    return found


async def begin_era(pool: Pool) -> None:
    """The stream is of the database as it is."""
    await pool.execute(_SQL["begin_era"])


async def forget(pool: Pool, seconds: float, most: int) -> int:
    """Forget events older than that; how many went."""
    found: int = await pool.fetchval(_SQL["forget"], seconds, most)
    return found


async def forget_progress(pool: Pool, seconds: float, most: int) -> int:
    """Forget what jobs said of their progress that long ago; how many went."""
    return int((await pool.execute(_SQL["forget_progress"], seconds, most)).rpartition(" ")[2])
