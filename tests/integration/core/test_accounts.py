"""Accounts through the served core: who keeps them, and what a change means for those who are signed in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core, problem

NEW = "another good one"


class Office:
    """A core with an administrator."""

    def __init__(self, core: LiveCore, token: str) -> None:
        self.core = core
        self.token = token

    async def call(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx2.Response:
        return await self.core.call(method, f"/api/v1{path}", self.token if token is None else token, **more)

    async def ok(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        answer = await self.call(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def refused(self, code: str, method: str, path: str, **more: Any) -> str:
        """The message of an error."""
        found = problem(await self.call(method, path, **more))
        assert found.code == code, found
        return found.title

    async def sign_in(self, name: str, password: str = PASSWORD) -> tuple[int, dict[str, Any]]:
        answer = await self.core.call("POST", "/api/v1/login", json={"user": name, "password": password})
        return answer.status_code, answer.json()

    async def let_in(self, name: str, role: str = "consumer") -> dict[str, Any]:
        """Somebody who is signed in: the answer to their login."""
        await self.ok("POST", "/users", 201, json={"name": name, "password": PASSWORD, "role": role})
        status, signed = await self.sign_in(name)
        assert status == 200
        return signed

    async def done(self) -> list[tuple[str, str, str]]:
        rows = await self.core.database.api.fetch(
            "select actor, action, subject from audit where action not like 'login%' order by id"
        )
        return [(row["actor"], row["action"], row["subject"]) for row in rows]


@pytest.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with live_core(database_url, tmp_path) as core:
        yield Office(core, await core.token_of(await core.person("ada", "admin")))


async def test_an_account_from_its_making_to_its_end(office: Office) -> None:
    signed = await office.let_in("ben")
    assert signed["role"] == "consumer"
    shown = await office.ok("GET", "/users/ben")
    assert (shown["name"], shown["role"], shown["sign_ins"], shown["disabled_at"]) == ("ben", "consumer", 1, None)
    assert shown["seen_at"]
    page = await office.ok("GET", "/users?limit=1")
    rest = await office.ok("GET", f"/users?limit=1&cursor={page['next']}")
    assert [user["name"] for user in page["items"] + rest["items"]] == ["ada", "ben"]
    assert rest["next"] is None
    await office.ok("DELETE", "/users/ben", 204)
    assert await office.refused("not_found", "GET", "/users/ben") == "there is no user ben"
    assert await office.refused("unauthenticated", "GET", "/whoami", token=signed["access_token"])
    assert await office.done() == [("user:ada", "add_user", "ben"), ("user:ada", "remove_user", "ben")]


async def test_a_role_counts_at_once(office: Office) -> None:
    signed = await office.let_in("ben", "observer")
    token = signed["access_token"]
    assert await office.refused("forbidden", "POST", "/jobs/1/cancel", token=token)
    assert (await office.ok("PATCH", "/users/ben", json={"role": "operator"}))["role"] == "operator"
    assert await office.refused("unauthenticated", "GET", "/whoami", token=token)
    fresh = await office.ok("POST", "/token", json={"refresh_token": signed["refresh_token"]}, token="")
    assert (await office.ok("GET", "/whoami", token=fresh["access_token"]))["role"] == "operator"


async def test_who_is_disabled_is_out_at_once(office: Office) -> None:
    signed = await office.let_in("ben")
    assert (await office.ok("PATCH", "/users/ben", json={"disabled": True}))["disabled_at"]
    assert (await office.call("GET", "/whoami", token=signed["access_token"])).status_code in (401, 403)
    again = {"refresh_token": signed["refresh_token"]}
    assert (await office.call("POST", "/token", json=again, token="")).status_code == 401
    assert (await office.sign_in("ben"))[0] == 401
    assert (await office.ok("PATCH", "/users/ben", json={"disabled": False}))["disabled_at"] is None
    assert (await office.call("POST", "/token", json=again, token="")).status_code == 401, "its sign-ins have ended"
    assert (await office.sign_in("ben"))[0] == 200


async def test_a_password_that_was_reset_ends_all_sign_ins(office: Office) -> None:
    signed = await office.let_in("ben")
    await office.ok("POST", "/users/ben/password", json={"password": NEW})
    again = {"refresh_token": signed["refresh_token"]}
    assert (await office.call("POST", "/token", json=again, token="")).status_code == 401
    assert (await office.sign_in("ben"))[0] == 401
    assert (await office.sign_in("ben", NEW))[0] == 200


async def test_ones_own_password(office: Office) -> None:
    signed, (_, elsewhere) = await office.let_in("ben"), await office.sign_in("ben")
    form = {"old": PASSWORD, "new": NEW, "refresh_token": signed["refresh_token"]}
    await office.ok("POST", "/password", 204, json=form, token=signed["access_token"])
    kept = await office.ok("POST", "/token", json={"refresh_token": signed["refresh_token"]}, token="")
    ended = {"refresh_token": elsewhere["refresh_token"]}
    assert (await office.call("POST", "/token", json=ended, token="")).status_code == 401
    for wrong in ({"old": PASSWORD, "new": "and another one"}, {"old": NEW, "new": "short"}):
        answer = await office.call("POST", "/password", json=wrong, token=kept["access_token"])
        assert answer.status_code in (400, 403)
    assert (await office.sign_in("ben", NEW))[0] == 200


async def test_guessing_ones_own_password_gets_slower(office: Office) -> None:
    signed = await office.let_in("ben")
    form = {"old": "a wrong guess", "new": NEW}
    seen = [
        (await office.call("POST", "/password", json=form, token=signed["access_token"])).status_code for _ in range(12)
    ]
    assert seen[0] == 403
    assert seen[-1] == 429


async def test_the_last_administrator_stays(office: Office) -> None:
    for method, body in (("PATCH", {"role": "operator"}), ("PATCH", {"disabled": True}), ("DELETE", None)):
        message = await office.refused("conflict", method, "/users/ada", **({"json": body} if body else {}))
        assert message == "ada is the last administrator"
    await office.let_in("eve", "admin")
    await office.ok("PATCH", "/users/eve", json={"disabled": True})
    assert "last" in await office.refused("conflict", "DELETE", "/users/ada")
    await office.ok("PATCH", "/users/eve", json={"disabled": False})
    await office.ok("DELETE", "/users/ada", 204)


async def test_two_administrators_can_not_remove_one_another(office: Office) -> None:
    await office.let_in("eve", "admin")
    _, eve = await office.sign_in("eve")
    answers = await asyncio.gather(
        office.call("PATCH", "/users/eve", json={"role": "consumer"}),
        office.call("PATCH", "/users/ada", token=eve["access_token"], json={"role": "consumer"}),
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 403], [200, 409])
    admins = await office.core.database.api.fetchval("select count(*) from person where role = 'admin'")
    assert admins == 1


async def test_who_has_schedules_is_not_removed(office: Office) -> None:
    await office.let_in("ben")
    await office.core.database.api.execute(
        "insert into schedule (project_id, name, person_id, definition, tzdata, changed_by)"
        " select project_id, 'nightly', id, '{}', '', '' from person where name = 'ben'"
    )
    assert await office.refused("conflict", "DELETE", "/users/ben") == "ben has schedules: nightly"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"name": "Ben", "password": PASSWORD}, "bad_request", "user"),
        ({"name": "ben", "password": "short"}, "bad_request", "password"),
        ({"name": "ben", "password": PASSWORD, "role": "king"}, "bad_request", "role"),
        ({"name": "ada", "password": PASSWORD}, "conflict", "name"),
        ({"name": "ben", "password": PASSWORD, "rank": 1}, "bad_request", None),
    ],
)
async def test_bad_input(office: Office, body: dict[str, Any], code: str, field: str | None) -> None:
    found = problem(await office.call("POST", "/users", json=body))
    assert (found.code, found.field) == (code, field)
    for change in ({}, {"role": "admin", "disabled": True}, {"role": "king"}):
        assert (await office.call("PATCH", "/users/ada", json=change)).status_code == 400
    for path in ("/users/nobody", "/users/nobody/password"):
        method = "POST" if path.endswith("password") else "PATCH"
        given = {"password": PASSWORD} if method == "POST" else {"role": "admin"}
        assert (await office.call(method, path, json=given)).status_code == 404
    assert len((await office.ok("GET", "/users"))["items"]) == 1
