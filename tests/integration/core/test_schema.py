"""The schema and the SQL that is written against it."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from tests.integration.core.schema_picture import picture

from swarm_core.store import queries
from swarm_migrations import MigrationError, migrate, migrations
from swarm_protocol.states import TERMINAL, TRANSITIONS, JobState

PICTURE = Path(__file__).parents[3] / "docs" / "schema.sql"


async def test_every_named_statement_can_be_prepared(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    prepared = 0
    for aggregate in queries.aggregates():
        for name, sql in queries.load(aggregate).items():
            try:
                await connection.prepare(sql)
            except asyncpg.PostgresError as error:
                raise AssertionError(f"{aggregate}.sql: {name}: {error}") from error
            prepared += 1
    await connection.close()
    assert prepared > 20


async def test_the_picture_is_what_the_migrations_make(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    made = await picture(connection)
    await connection.close()
    assert made == PICTURE.read_text(), "the schema has changed: `make schema` draws the picture anew"


async def test_sql_knows_the_states_and_the_ends(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    states = await connection.fetchval("select enum_range(null::job_state)::text[]")
    assert set(states) == {str(state) for state in JobState}
    trigger = await connection.fetchval("select pg_get_triggerdef(oid) from pg_trigger where tgname = 'job_terminal'")
    await connection.close()
    assert {state for state in states if f"'{state}'" in trigger} == {str(state) for state in TERMINAL}


@pytest.mark.parametrize("end", sorted(TERMINAL))
async def test_the_database_refuses_to_leave_an_end(database_url: str, end: JobState) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "insert into job (project_id, state, shape_id, priority, retries, infra_retries, at_most_once, created_at,"
        " image_digest, spec)"
        " values (gen_random_uuid(), $1::text::job_state, 1, 0, 0, 0, false, swarm_now(), '', '{}')",
        str(end),
    )
    for state in JobState:
        if state is not end and not TRANSITIONS[end]:
            with pytest.raises(asyncpg.CheckViolationError, match="never left"):
                await connection.execute("update job set state = $1::text::job_state, wake_at = now()", str(state))
    await connection.close()


async def test_migrations_run_once_even_when_cores_start_together(postgres_url: str, database_url: str) -> None:
    connections = [await asyncpg.connect(database_url) for _ in range(4)]
    await connections[0].execute("drop schema public cascade; create schema public")
    applied = await asyncio.gather(*[migrate(connection) for connection in connections])
    assert sorted(len(names) for names in applied) == [0, 0, 0, len(migrations())]
    for connection in connections:
        await connection.close()


async def test_a_changed_or_later_schema_is_refused(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("update migration set checksum = 'x' where number = 1")
    with pytest.raises(MigrationError, match="changed after"):
        await migrate(connection)
    await connection.execute("insert into migration (number, name, checksum) values (9999, 'later', 'x')")
    with pytest.raises(MigrationError, match="start the later version"):
        await migrate(connection)
    await connection.close()
