"""The audit in the database: reading it, and removing what has outlived its time. `keys.audit` adds to it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load

_SQL = load("audit")
STRETCH: Final = 10_000
"""Entries that one page looks at, at most."""
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
END: Final = datetime(9999, 1, 1, tzinfo=UTC)
_SCOPE: Final = "/* scope */ {}::text is null"


class AuditView(msgspec.Struct, kw_only=True, frozen=True):
    """Who did what. `detail` is what else was noted: old and new values, roles, times."""

    id: int
    at: datetime
    actor: str
    """`user:ana`, `worker:<id>` or `core:<id>`."""
    action: str
    subject: str
    """What it was done to: a name or an id."""
    project: str | None
    """Null: it belongs to none, or its project is gone."""
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are wanted; None: any."""

    actor: str | None = None
    actions: tuple[str, ...] | None = None
    subject: str | None = None
    project: UUID | None = None
    since: datetime = BEGINNING
    until: datetime = END


class Place(NamedTuple):
    """Before the entry that was noted then and has that id."""

    at: datetime
    id: int


class Page(NamedTuple):
    """Entries, and where the next stretch begins; None: there is nothing more."""

    entries: list[AuditView]
    following: Place | None


async def page(connection: Connection, wanted: Filter, place: Place | None, most: int) -> Page:
    """Entries before a place, newest first, at most `most` and from a stretch of bounded length.

    Two statements see the same rows only in one snapshot: to be called in a transaction of `repeatable read`.
    """
    begin, (scope, value) = place or Place(END, 0), _scope(wanted)
    span = (wanted.since, wanted.until, *begin, STRETCH, value)
    actions = list(wanted.actions) if wanted.actions else None
    narrow = (wanted.actor, actions, wanted.subject, wanted.project)
    rows = await connection.fetch(_scoped("page", scope, "$10"), *narrow, *span, most)
    entries = [_view(row) for row in rows]
    if len(rows) == most:
        return Page(entries, Place(rows[-1]["at"], rows[-1]["id"]))
    end = await connection.fetchrow(_scoped("last", scope, "$6"), *span)
    return Page(entries, Place(end["at"], end["id"]) if end else None)


async def project_id(pool: Pool, name: str) -> UUID | None:
    """The id of a project, None where there is none of that name."""
    found: UUID | None = await pool.fetchval(_SQL["project"], name)
    return found


async def drop_old(pool: Pool, age: float, most: int) -> int:
    """Remove what is older than `age` seconds; how many."""
    return int((await pool.execute(_SQL["drop_old"], age, most)).rsplit(" ", 1)[-1])


def _scope(wanted: Filter) -> tuple[str, Any]:
    """The narrowest index for a filter, and its argument."""
    if wanted.subject is not None:
        return "subject = {}::text", wanted.subject
    if wanted.actions is not None and len(wanted.actions) == 1:
        return "action = {}::text", wanted.actions[0]
    if wanted.actor is not None:
        return "actor = {}::text", wanted.actor
    if wanted.project is not None:
        return "project_id = {}::uuid", wanted.project
    return _SCOPE, None


def _scoped(name: str, scope: str, argument: str) -> str:
    return _SQL[name].replace(_SCOPE.format(argument), scope.format(argument))


def _view(row: Any) -> AuditView:
    values = dict(row)
    values["detail"] = msgspec.json.decode(row["detail"]) if row["detail"] else {}
    return AuditView(**values)
