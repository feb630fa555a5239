"""Asking to be less than one is: what `Swarm-Role` does to every route, and how the SDK sends it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core, problem
from tests.integration.core.test_authorization_matrix import doors, knock

from swarm_consumer import Client, SwarmError, SyncClient
from swarm_consumer import credentials as files
from swarm_consumer.session import sign_in
from swarm_core.api.auth import ROLES

BY_PROJECT = {
    ("DELETE", "/api/v1/projects/{name}/members/{user}"),
    ("PUT", "/api/v1/projects/{name}/members/{user}"),
}
"""Where the role counts that one has in the project of the path: tried in test_projects.py."""
READING = {("POST", "/api/v1/jobs/wait"), ("POST", "/api/v1/schedules/preview")}
"""What changes nothing though it is posted: the question needs a body."""


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path) as made:
        yield made


async def admins(core: LiveCore) -> dict[str, str]:
    """All ways in which an administrator may come."""
    signed_in = await core.token_of(await core.person("ada", "admin"))
    made = await core.call("POST", "/api/v1/tokens", signed_in, json={"name": "ci", "role": "admin"})
    return {"a sign-in": signed_in, "an API token": made.json()["token"]}


async def test_an_observing_admin_changes_nothing(core: LiveCore) -> None:
    ways, passed, tried = await admins(core), [], 0
    for door in doors(core.parts.app.routes):
        if (
            door.access.role is not None
            and door.method not in ("GET", "WS")
            and (door.method, door.path) not in READING
        ):
            tried += 1
            for way, token in ways.items():
                if (status := await knock(core, door, token, at_most="observer")) != 403:
                    passed.append((door, way, status))
    assert tried > 40
    assert {(door.method, door.path) for door, _, _ in passed} == BY_PROJECT
    assert not await core.database.api.fetchval("select count(*) from audit where action <> 'add_token'")


async def test_who_asks_to_be_less_sees_what_that_role_sees(core: LiveCore) -> None:
    token, wrong = (await admins(core))["a sign-in"], []
    for door in doors(core.parts.app.routes):
        if door.access.role is None or door.access.own:
            continue
        for role in ROLES:
            allowed = ROLES.index(role) >= ROLES.index(door.access.role)
            if ((status := await knock(core, door, token, at_most=role)) not in (401, 403)) is not allowed:
                wrong.append((door, role, status))
    assert wrong == []


async def test_nobody_becomes_more_by_asking(core: LiveCore) -> None:
    token, wrong = await core.token_of(await core.person("ben", "observer")), []
    for door in doors(core.parts.app.routes):
        if (
            door.access.role not in (None, "observer")
            and (status := await knock(core, door, token, at_most="admin")) != 403
        ):
            wrong.append((door, status))
    assert wrong == []


async def test_what_is_asked_for_is_told_and_must_be_a_role(core: LiveCore) -> None:
    for way, token in (await admins(core)).items():
        answer = await core.call("GET", "/api/v1/whoami", token, headers={"Swarm-Role": "observer"})
        found = answer.json()
        assert (found["user"], found["role"], found["own_role"], found["terminals"]) == (
            "ada",
            "observer",
            "observer",
            False,
        ), way
        refused = problem(await core.call("GET", "/api/v1/whoami", token, headers={"Swarm-Role": "root"}))
        assert (refused.code, refused.field) == ("bad_request", "Swarm-Role")


async def contents(core: LiveCore) -> dict[str, str]:
    """All tables, each row of them, as digests."""
    pool = core.database.api
    names = [row["name"] for row in await pool.fetch("select relname as name from pg_stat_user_tables")]
    digest = "select md5(coalesce(string_agg(r::text, ',' order by r::text), '')) from {} r"
    return {name: await pool.fetchval(digest.format(name)) for name in names}


async def test_looking_leaves_no_trace(core: LiveCore) -> None:
    """Not a row: neither of what is looked at nor of who looked."""
    await core.worker("w")
    token = (await admins(core))["a sign-in"]
    await core.call("GET", "/api/v1/events", token)  # the stream of a new database begins with who asks first
    before = await contents(core)
    assert len(before) > 20
    looked = [
        await knock(core, door, token, at_most="observer")
        for door in doors(core.parts.app.routes)
        if door.access.role == "observer" and (door.method in ("GET", "WS") or (door.method, door.path) in READING)
    ]
    assert looked.count(200) > 8
    assert looked.count(101) > 0
    assert await contents(core) == before


# The SDK -------------------------------------------------------------------------------------------------


@pytest.fixture
async def saved(core: LiveCore, tmp_path: Path) -> Path:
    """The sign-in of an administrator, whose access token has run out."""
    await core.person("ada", "admin")
    url = f"https://127.0.0.1:{core.server.port}"
    held = await sign_in(url, "ada", PASSWORD, ca_pem=core.cluster.authority.pem, client_name="test")
    held.access_token = None
    return files.save(held, tmp_path / "home" / "credentials.json")


async def test_a_client_that_observes(core: LiveCore, saved: Path) -> None:
    async with Client.from_credentials(saved, role="observer") as client:
        assert (await client.whoami()).role == "observer"
        for attempt in (client.join_token(), client.users.all(), client.tokens.add("more"), client.cancel(1)):
            with pytest.raises(SwarmError) as refused:
                await attempt
            assert (refused.value.code, refused.value.hint) == ("forbidden", "ask without Swarm-Role")
        with pytest.raises(SwarmError) as refused:
            async with client.terminal(1):
                pass
        assert refused.value.code == "forbidden"
    async with Client.from_credentials(saved) as client:  # what it renewed is an ordinary token
        assert (await client.whoami()).role == "admin"


async def test_it_goes_on_observing_past_its_access_token(core: LiveCore, saved: Path) -> None:
    async with Client.from_credentials(saved, role="observer") as client:
        for _ in range(2):
            client.credentials.expires_at = 0
            assert (await client.whoami()).role == "observer"
    traces = await core.database.api.fetch("select action from audit where actor = 'user:ada'")
    assert [row["action"] for row in traces] == ["login"]


async def test_without_await(core: LiveCore, saved: Path) -> None:
    def look() -> str:
        with SyncClient.from_credentials(saved, role="observer") as client:
            return client.whoami().role

    assert await asyncio.to_thread(look) == "observer"
