"""Removing rows that have outlived their time, in small batches; each returns how many went."""

from swarm_core.store import usage
from swarm_core.store.database import Pool, transaction
from swarm_core.store.queries import load

_SQL = load("reclaim")


async def drop_jobs(pool: Pool, age: float, most: int, *, told: float, actor: str) -> int:
    """Jobs that ended more than `age` seconds ago, with all that is their own; what they used is kept.

    What happened to them in the last `told` seconds stays in the event stream.
    """
    async with transaction(pool) as connection:
        jobs = [row["id"] for row in await connection.fetch(_SQL["lock_jobs"], age, most)]
        if jobs:
            await usage.book(connection, jobs)
            await connection.execute(_SQL["drop_jobs"], jobs, told, actor)
    return len(jobs)


async def drop_join_tokens(pool: Pool, most: int) -> int:
    """Join tokens that expired a day ago."""
    return _count(await pool.execute(_SQL["drop_join_tokens"], most))


async def drop_login_tokens(pool: Pool, most: int) -> int:
    """Sign-ins that have expired."""
    return _count(await pool.execute(_SQL["drop_login_tokens"], most))


async def drop_sessions(pool: Pool, most: int) -> int:
    """Workers' sessions that ended a day ago and hold nothing."""
    return _count(await pool.execute(_SQL["drop_sessions"], most))


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])
