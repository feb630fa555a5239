"""The fixtures themselves: a database of one's own with the schema in it, an empty cache."""

import asyncpg
import redis


async def test_database_is_migrated_and_writable(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("select count(*) from migration") > 0
        await connection.execute("create table mark (a int)")
    finally:
        await connection.close()


async def test_nothing_of_another_test_is_in_it(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("select to_regclass('mark')") is None
    finally:
        await connection.close()


def test_cache_takes_a_key(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("mark", "1")
        assert client.get("mark") == b"1"


def test_cache_is_empty_again(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
