"""Attempts in the database: claims, starts, outcomes and reconciling, in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from swarm_core.policy import Facts, Verdict
from swarm_core.store import deliveries
from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_protocol.messages import Artifact, Finished

_SQL = load("attempts")


@dataclass(frozen=True, slots=True)
class Picked:
    """A job locked for a claim."""

    job: int
    shape: int
    attempt: int
    """Number of its last attempt."""
    project: UUID
    image_digest: str
    spec: str
    project_name: str
    trace: UUID | None
    trace_from: str | None


async def pick(connection: Connection, wants: dict[int, int]) -> list[Picked]:
    """Lock the best jobs of each shape (shape → how many), best first over all shapes."""
    rows = await connection.fetch(_SQL["pick"], list(wants), list(wants.values()))
    return [_picked(row, row["attempt"]) for row in rows]


def _picked(row: asyncpg.Record, attempt: int) -> Picked:
    return Picked(
        row["job_id"],
        row["shape_id"],
        attempt,
        row["project_id"],
        row["image_digest"],
        row["spec"],
        row["project_name"],
        row["trace"],
        row["trace_from"],
    )


@dataclass(frozen=True, slots=True)
class Assignment:
    """A new attempt for a worker."""

    job: int
    attempt: int
    worker: UUID
    session: UUID


async def assign(connection: Connection, assignments: Sequence[Assignment], actor: str) -> set[int]:
    """Make the attempts; returns the jobs that really moved (their session was still open)."""
    rows = await connection.fetch(
        _SQL["assign"],
        [a.job for a in assignments],
        [a.attempt for a in assignments],
        [a.worker for a in assignments],
        [a.session for a in assignments],
        actor,
    )
    return {row["id"] for row in rows}


async def queued_shapes(pool: Pool) -> list[int]:
    """Shapes that have jobs in the queue."""
    return [row["shape_id"] for row in await pool.fetch(_SQL["queued_shapes"])]


Step = tuple[int, int, UUID]
"""(job, attempt, worker)"""


async def start(connection: Connection, steps: Sequence[Step], actor: str) -> None:
    """Note containers that run. Stale ones change nothing."""
    await connection.execute(_SQL["start"], *_columns(steps), actor)


async def harvest(connection: Connection, steps: Sequence[Step], actor: str) -> None:
    """Note containers that have ended while their outputs are on the way."""
    await connection.execute(_SQL["harvest"], *_columns(steps), actor)


def _columns(steps: Sequence[Step]) -> tuple[list[int], list[int], list[UUID]]:
    return [s[0] for s in steps], [s[1] for s in steps], [s[2] for s in steps]


@dataclass(frozen=True, slots=True)
class Current:
    """A job and its newest attempt, under the job's lock."""

    job: int
    attempt: int
    state: str
    project: UUID
    shape: int
    worker: UUID
    ended: bool
    facts: Facts


async def lock(connection: Connection, jobs: Sequence[int]) -> dict[int, Current]:
    """Lock jobs, in the order of their ids so that two batches can't wait for one another."""
    rows = await connection.fetch(_SQL["lock"], jobs)
    return {
        row["id"]: Current(
            row["id"],
            row["attempt"],
            row["state"],
            row["project_id"],
            row["shape_id"],
            row["worker_id"],
            row["ended"],
            Facts(
                row["cancelling"],
                row["at_most_once"],
                row["started"],
                row["retries"],
                row["infra_retries"],
                row["own_failures"],
                row["infra_failures"],
                row["workers_lost"],
            ),
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Settled:
    """A verdict to be written, with what the worker reported."""

    current: Current
    verdict: Verdict
    report: Finished
    timings: str | None
    """As JSON."""
    actor: str
    reported: bool
    """By its worker; else it is the core's finding, and nobody knows how long the log is."""
    ran: bool = False
    """Its start came in the same batch and is written with its end."""

    @property
    def message(self) -> str:
        """One line for a person."""
        parts = (self.report.message, self.verdict.reason)
        return "; ".join(part for part in parts if part)


async def settle(connection: Connection, settled: Sequence[Settled]) -> list[tuple[int, int, str]]:
    """Write verdicts, and whom to tell of a job's end; returns (job, shape, new state)."""
    rows = await connection.fetch(
        _SQL["settle"],
        [s.current.job for s in settled],
        [s.current.attempt for s in settled],
        [s.current.state for s in settled],
        [str(s.verdict.state) for s in settled],
        [s.verdict.failure and str(s.verdict.failure) for s in settled],
        [s.report.exit_code for s in settled],
        [s.report.oom for s in settled],
        [s.message for s in settled],
        [s.timings for s in settled],
        [s.report.stdout if s.reported else None for s in settled],
        [s.report.stderr if s.reported else None for s in settled],
        [s.report.log_truncated for s in settled],
        [s.verdict.attempt_state for s in settled],
        [s.verdict.delay for s in settled],
        [s.verdict.own for s in settled],
        [s.verdict.infra for s in settled],
        [s.verdict.lost for s in settled],
        [s.actor for s in settled],
        [s.ran for s in settled],
    )
    if tells := [row["id"] for row in rows if row["tells"]]:
        await deliveries.tell_ends(connection, tells)
    return [(row["id"], row["shape_id"], row["state"]) for row in rows]


async def add_artifacts(connection: Connection, files: Sequence[tuple[int, int, Artifact]]) -> int:
    """Insert (job, attempt, file) rows; returns how many were accepted: fewer means that a blob is missing."""
    rows = await connection.fetch(
        _SQL["add_artifacts"],
        [job for job, _, _ in files],
        [attempt for _, attempt, _ in files],
        [file.name for _, _, file in files],
        [file.digest for _, _, file in files],
        [file.size for _, _, file in files],
        [file.mode for _, _, file in files],
    )
    return len(rows)


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt that a worker should hold."""

    job: int
    attempt: int
    state: str
    newest: int
    cancelling: bool
    shape: int


async def open_of_worker(connection: Connection, worker: UUID) -> list[OpenAttempt]:
    """The open attempts of a worker, over all its sessions."""
    rows = await connection.fetch(_SQL["open_of_worker"], worker)
    return [
        OpenAttempt(row["job_id"], row["attempt"], row["state"], row["newest"], row["cancelling"], row["shape_id"])
        for row in rows
    ]


async def move_to_session(connection: Connection, refs: Sequence[tuple[int, int]], session: UUID) -> None:
    """After a re-attach: these attempts now live by this session's lease."""
    await connection.execute(_SQL["move_to_session"], [job for job, _ in refs], [no for _, no in refs], session)


async def count_artifacts(connection: Connection, job: int, attempt: int) -> int:
    """How many output files an attempt has."""
    found: int = await connection.fetchval(_SQL["count_artifacts"], job, attempt)
    return found


async def untold(
    pool: Pool, sessions: dict[UUID, UUID], known: set[tuple[int, int]]
) -> list[tuple[Assignment, Picked]]:
    """Attempts of these sessions (worker → session) that are not among the `known`: their worker was never told."""
    rows = await pool.fetch(_SQL["open_of_sessions"], list(sessions), list(sessions.values()))
    found: list[tuple[Assignment, Picked]] = []
    for row in rows:
        if (row["job_id"], row["attempt"]) not in known:
            job = await pool.fetchrow(_SQL["sendable_again"], row["job_id"])
            if job is not None:
                made = Assignment(row["job_id"], row["attempt"], row["worker_id"], row["session_id"])
                found.append((made, _picked(job, row["attempt"] - 1)))
    return found


async def ended_by_worker(
    connection: Connection, worker: UUID, refs: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Of these attempts, those that have ended with an outcome of that worker."""
    rows = await connection.fetch(_SQL["ended_by_worker"], worker, [job for job, _ in refs], [no for _, no in refs])
    return [(row["job_id"], row["attempt"]) for row in rows]
