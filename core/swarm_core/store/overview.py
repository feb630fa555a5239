"""What an overview needs of the database: counts of jobs, minutes in which they ended, and what may be wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load

_SQL = load("overview")


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """The jobs of one project that ended in one minute."""

    minute: datetime
    project: UUID
    succeeded: int
    failed: int
    timed_out: int
    cancelled: int
    waits: int
    wait_seconds: float
    wait_p50: float | None
    runs: int
    run_seconds: float
    run_p50: float | None


async def live(pool: Pool) -> dict[UUID, dict[str, int]]:
    """Jobs that have not ended, by project and state, as of one moment."""
    found: dict[UUID, dict[str, int]] = {}
    for row in await pool.fetch(_SQL["live"]):
        states = found.setdefault(row["project_id"], {})
        states[row["state"]] = states.get(row["state"], 0) + row["count"]
    return found


async def tallied(pool: Pool) -> tuple[datetime, datetime]:
    """Up to when ends are tallied, and the time."""
    row = await pool.fetchrow(_SQL["tallied"])
    assert row is not None
    return row["until"], row["now"]


async def minutes(pool: Pool, since: datetime, until: datetime) -> list[MinuteRow]:
    """What is tallied of a time, oldest first."""
    return [MinuteRow(*row.values()) for row in await pool.fetch(_SQL["minutes"], since, until)]


async def fresh(pool: Pool, since: datetime, most: int) -> list[MinuteRow]:
    """The same of ends that aren't tallied yet; waits and runs are those of the newest `most` alone."""
    return [MinuteRow(*row.values()) for row in await pool.fetch(_SQL["fresh"], since, most)]


async def day(pool: Pool, since: datetime, until: datetime) -> dict[UUID, dict[str, int]]:
    """Tallied ends of a time, by project and state."""
    rows = await pool.fetch(_SQL["day"], since, until)
    return {row["project_id"]: {name: count for name, count in row.items() if name != "project_id"} for row in rows}


async def tally_next(connection: Connection, *, settled: float, longest: float, sample: int) -> bool:
    """Tally the next minute of the last `longest` seconds in which jobs ended; False where none is left, or another
    core is at it. Waits and runs are those of about `sample` jobs.

    A minute is due `settled` seconds after its end: whoever ended a job in it has committed by then.
    """
    row = await connection.fetchrow(_SQL["lock_due"], settled, longest)
    if row is None:
        return False
    minute = row["minute"]
    if minute is not None:
        await connection.execute(_SQL["tally"], minute, sample)
    await connection.execute(_SQL["set_tallied"], row["due"] if minute is None else minute + timedelta(minutes=1))
    return minute is not None


async def forget(pool: Pool, age: float) -> None:
    """Drop minutes that are more than `age` seconds ago."""
    await pool.execute(_SQL["forget"], age)


@dataclass(frozen=True, slots=True)
class AbsentWorker:
    """A worker that no core which can be asked has connected, or that is silent."""

    id: UUID
    name: str
    seen_at: datetime | None
    core: UUID | None
    leased: bool
    condition: str
    draining: bool
    paused: bool
    running: bool


async def absent(pool: Pool, cores: Sequence[UUID]) -> list[AbsentWorker]:
    """Workers that none of these cores has connected, and those that are unreachable, without those shut out."""
    return [AbsentWorker(*row.values()) for row in await pool.fetch(_SQL["absent"], list(cores))]


@dataclass(frozen=True, slots=True)
class LastStep:
    """The state that a worker came into last."""

    at: datetime
    state: str
    reason: str


async def last_steps(pool: Pool, workers: Sequence[UUID]) -> dict[UUID, LastStep]:
    """When and why these workers came into the state in which they are."""
    rows = await pool.fetch(_SQL["last_steps"], list(workers))
    return {row["id"]: LastStep(row["at"], row["state"], row["reason"]) for row in rows}


@dataclass(frozen=True, slots=True)
class FullDisk:
    """A worker whose disk has little left, in bytes."""

    id: UUID
    name: str
    free: int
    total: int
    at: datetime | None


async def full_disks(pool: Pool, most: int) -> list[FullDisk]:
    """Workers with less than a tenth of their disk left, the fullest first."""
    return [FullDisk(*row.values()) for row in await pool.fetch(_SQL["full_disks"], most)]


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job that waits for a person."""

    id: int
    name: str | None
    project: str
    reason: str
    at: datetime | None


async def held(pool: Pool, projects: Sequence[UUID], most: int) -> list[HeldJob]:
    """Held jobs of some projects, the newest first."""
    return [HeldJob(*row.values()) for row in await pool.fetch(_SQL["held"], list(projects), most)]


@dataclass(frozen=True, slots=True)
class LateSchedule:
    """A schedule whose next occurrence should have been started."""

    id: int
    name: str
    project: str
    due_at: datetime | None
    fire_at: datetime


async def late(pool: Pool, projects: Sequence[UUID], grace: float, most: int) -> list[LateSchedule]:
    """Schedules of some projects that are more than `grace` seconds late, the latest first."""
    return [LateSchedule(*row.values()) for row in await pool.fetch(_SQL["late"], list(projects), grace, most)]
