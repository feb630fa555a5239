"""Progress of attempts in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from swarm_core.store import events
from swarm_core.store.database import Connection
from swarm_core.store.events import Event
from swarm_core.store.queries import load

_SQL = load("progress")


@dataclass(frozen=True, slots=True)
class Line:
    """What an attempt says of itself, by its worker."""

    job: int
    attempt: int
    worker: UUID
    fraction: float
    text: str


async def keep(connection: Connection, lines: Sequence[Line]) -> list[int]:
    """Keep what is said of attempts that are still their jobs' newest, with an event each; the jobs that it changed."""
    rows = await connection.fetch(
        _SQL["keep"],
        [line.job for line in lines],
        [line.attempt for line in lines],
        [line.worker for line in lines],
        [line.fraction for line in lines],
        [line.text for line in lines],
    )
    workers = {line.job: line.worker for line in lines}
    await events.record(
        connection,
        [
            Event(
                kind="job",
                subject=str(row["job_id"]),
                what="progress",
                actor=f"worker:{workers[row['job_id']]}",
                project=row["project_id"],
                detail={"attempt": row["attempt"], "fraction": row["fraction"], "text": row["text"]},
            )
            for row in rows
            if row["runs"]
        ],
    )
    return [row["job_id"] for row in rows]
