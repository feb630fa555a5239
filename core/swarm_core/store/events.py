"""The event stream in the database: what has changed, but for what the history of jobs tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection
from swarm_core.store.queries import load

_SQL = load("events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change of something that is not a job's state."""

    kind: str
    """`job`, `worker`, `schedule` or `image`."""
    subject: str
    """Its id; the name of an image."""
    what: str
    """What happened: `created`, `changed`, `removed`, … (docs/events.md)."""
    actor: str
    """`user:ana`, `worker:<id>`, `core:<id>`."""
    project: UUID | None = None
    """None: it belongs to the cluster."""
    detail: Mapping[str, object] = field(default_factory=dict)


async def record(connection: Connection, events: Sequence[Event]) -> None:
    """Add to the stream, in the transaction that makes the change.

    `Signals.noted` after the commit has listeners hear of it at once; else they do within a second.
    """
    columns = [(e.project, e.kind, e.subject, e.what, e.actor, _json(e.detail)) for e in events]
    if columns:
        await connection.execute(_SQL["record"], *(list(column) for column in zip(*columns, strict=True)))


def _json(detail: Mapping[str, object]) -> str | None:
    return msgspec.json.encode(detail).decode() if detail else None
