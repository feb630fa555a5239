"""API tokens through the served core."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core, problem
from tests.integration.core.test_spine import move_clock


class Desk:
    """A core with ben, who is signed in and makes tokens."""

    def __init__(self, core: LiveCore, ben: str, ada: str) -> None:
        self.core, self.ben, self.ada = core, ben, ada

    async def call(self, token: str, method: str, path: str, **more: Any) -> httpx2.Response:
        return await self.core.call(method, f"/api/v1{path}", token, **more)

    async def make(self, name: str = "ci", status: int = 201, **more: Any) -> Any:
        answer = await self.call(self.ben, "POST", "/tokens", json={"name": name, **more})
        assert answer.status_code == status, answer.text
        return answer.json()

    async def whoami(self, token: str) -> int:
        return (await self.call(token, "GET", "/whoami")).status_code


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with live_core(database_url, tmp_path) as core:
        ben = await core.token_of(await core.person("ben", "operator"))
        yield Desk(core, ben, await core.token_of(await core.person("ada", "admin")))


async def test_a_token_from_its_making_to_its_end(desk: Desk) -> None:
    made = await desk.make(role="consumer")
    token = made["token"]
    assert token.startswith("SSAT1-")
    who = (await desk.call(token, "GET", "/whoami")).json()
    assert (who["user"], who["role"], who["project"]) == ("ben", "consumer", "default")
    [listed] = (await desk.call(desk.ben, "GET", "/tokens")).json()["items"]
    assert (listed["name"], listed["role"], listed["expired"]) == ("ci", "consumer", False)
    assert listed["used_at"]
    assert "token" not in listed
    kept = await desk.core.database.api.fetchrow("select * from api_token")
    assert token not in str(kept)
    assert token.removeprefix("SSAT1-").encode() not in bytes(kept["secret_hash"])  # type: ignore[index]
    assert (await desk.call(desk.ben, "DELETE", "/tokens/ci")).status_code == 204
    assert await desk.whoami(token) == 401
    actions = await desk.core.database.api.fetch("select action from audit order by id")
    assert [row["action"] for row in actions] == ["add_token", "remove_token"]


async def test_it_may_no_more_than_it_was_given(desk: Desk) -> None:
    token = (await desk.make(role="observer"))["token"]
    assert (await desk.call(token, "GET", "/jobs")).status_code == 200
    for method, path in (("POST", "/jobs/1/cancel"), ("POST", "/join-tokens"), ("GET", "/users")):
        assert (await desk.call(token, method, path, content=b"{}")).status_code == 403


async def test_nor_more_than_its_person(desk: Desk) -> None:
    refused = problem(await desk.call(desk.ben, "POST", "/tokens", json={"name": "ci", "role": "admin"}))
    assert (refused.code, refused.field) == ("forbidden", "role")
    token = (await desk.make(role="operator"))["token"]
    assert (await desk.call(token, "POST", "/join-tokens", json={})).status_code == 201
    assert (await desk.call(desk.ada, "PATCH", "/users/ben", json={"role": "observer"})).status_code == 200
    await desk.core.database.api.execute("select 1")
    desk.core.parts.gatekeeper.forget_programs()
    assert (await desk.call(token, "POST", "/join-tokens", json={})).status_code == 403
    await desk.call(desk.ada, "PATCH", "/users/ben", json={"disabled": True})
    desk.core.parts.gatekeeper.forget_programs()
    assert await desk.whoami(token) == 403


async def test_it_is_for_one_project(desk: Desk) -> None:
    assert (await desk.call(desk.ada, "POST", "/projects", json={"name": "lab"})).status_code == 201
    await desk.call(desk.ada, "PUT", "/projects/lab/members/ben", json={"role": "consumer"})
    in_lab = {"Swarm-Project": "lab"}
    made = await desk.call(desk.ben, "POST", "/tokens", json={"name": "lab-ci"}, headers=in_lab)
    token = made.json()["token"]
    assert (await desk.call(token, "GET", "/whoami")).json()["project"] == "lab"
    assert (await desk.call(token, "GET", "/jobs", headers=in_lab)).status_code == 200
    assert (await desk.call(token, "GET", "/jobs", headers={"Swarm-Project": "default"})).status_code == 404
    await desk.call(desk.ada, "DELETE", "/projects/lab/members/ben")
    desk.core.parts.gatekeeper.forget_programs()
    assert await desk.whoami(token) == 401


async def test_a_token_makes_no_tokens_and_no_passwords(desk: Desk) -> None:
    token = (await desk.make(role="operator"))["token"]
    for method, path, body in (
        ("POST", "/tokens", {"name": "more"}),
        ("POST", "/tokens/ci/rotate", None),
        ("DELETE", "/tokens/ci", None),
        ("POST", "/password", {"old": PASSWORD, "new": "another good one"}),
    ):
        assert (await desk.call(token, method, path, **({"json": body} if body else {}))).status_code == 403, path


async def test_another_secret(desk: Desk) -> None:
    old = (await desk.make())["token"]
    assert await desk.whoami(old) == 200
    new = (await desk.call(desk.ben, "POST", "/tokens/ci/rotate")).json()["token"]
    assert (await desk.whoami(old), await desk.whoami(new)) == (401, 200)


async def test_it_ends_with_its_time(desk: Desk, database_url: str) -> None:
    token = (await desk.make(ttl=3600))["token"]
    assert await desk.whoami(token) == 200
    await move_clock(database_url, "2 hours")
    desk.core.parts.gatekeeper.forget_programs()
    assert await desk.whoami(token) == 401


async def test_bad_input(desk: Desk) -> None:
    await desk.make()
    await desk.make(status=409)
    for body in ({"name": "a b"}, {"name": "x", "role": "king"}, {"name": "x", "ttl": 1}, {"name": "x", "ttl": 1e9}):
        answer = await desk.call(desk.ben, "POST", "/tokens", json=body)
        assert answer.status_code == 400, body
    assert (await desk.call(desk.ada, "DELETE", "/tokens/ci")).status_code == 404, "it is ben's"
    for wrong in ("SSAT1-", "SSAT1-nothing", "SSAT1-" + "x" * 5000):
        assert await desk.whoami(wrong) == 401
    assert (await desk.call((await desk.make("w"))["token"], "GET", "/worker-token")).status_code in (401, 405)
