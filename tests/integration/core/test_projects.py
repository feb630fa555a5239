"""Projects through the served core: what one takes no part in is not there for one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem

from swarm_protocol.ids import DEFAULT_PROJECT


class Town:
    """A core with an administrator, and people."""

    def __init__(self, core: LiveCore) -> None:
        self.core = core
        self.tokens: dict[str, str] = {}

    async def person(self, name: str, role: str = "consumer") -> None:
        self.tokens[name] = await self.core.token_of(await self.core.person(name, role))

    async def call(self, who: str, method: str, path: str, project: str = "", **more: Any) -> httpx2.Response:
        headers = {"Swarm-Project": project} if project else {}
        return await self.core.call(method, f"/api/v1{path}", self.tokens[who], headers=headers, **more)

    async def status(self, who: str, method: str, path: str, project: str = "", **more: Any) -> int:
        return (await self.call(who, method, path, project, **more)).status_code

    async def role(self, who: str, project: str) -> str | None:
        """Their role in a project; None: it is not there for them."""
        answer = await self.call(who, "GET", "/whoami", project)
        if answer.status_code == 404:
            assert problem(answer).code == "not_found"
            return None
        found = answer.json()
        assert found["project"] == project
        role: str = found["role"]
        return role

    async def job_in(self, project: str) -> int:
        """A job of a project, straight into the database."""
        made: int = await self.core.database.api.fetchval(
            "insert into job (project_id, state, shape_id, priority, retries, infra_retries, at_most_once, created_at,"
            " image_digest, spec) select id, 'held', 1, 0, 0, 0, false, swarm_now(), '', '{\"image\": \"a\"}'"
            " from project where name = $1 returning id",
            project,
        )
        return made


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with live_core(database_url, tmp_path) as core:
        made = Town(core)
        await made.person("ada", "admin")
        await made.person("ben")
        assert await made.status("ada", "POST", "/projects", json={"name": "lab"}) == 201
        yield made


async def test_a_role_in_another_project(town: Town) -> None:
    assert (await town.role("ben", "default"), await town.role("ben", "lab")) == ("consumer", None)
    assert await town.role("ada", "lab") == "admin"
    for role in ("observer", "operator"):
        assert await town.status("ada", "PUT", "/projects/lab/members/ben", json={"role": role}) == 204
        assert await town.role("ben", "lab") == role
    assert await town.role("ben", "default") == "consumer"
    assert await town.status("ada", "DELETE", "/projects/lab/members/ben") == 204
    assert await town.role("ben", "lab") is None
    assert await town.status("ada", "DELETE", "/projects/lab/members/ben") == 404


async def test_what_belongs_to_a_project_is_seen_in_it_alone(town: Town) -> None:
    ours, theirs = await town.job_in("default"), await town.job_in("lab")
    await town.call("ada", "PUT", "/projects/lab/members/ben", json={"role": "consumer"})
    for job, project, other in ((ours, "default", "lab"), (theirs, "lab", "default")):
        assert await town.status("ben", "GET", f"/jobs/{job}", project) == 200
        assert await town.status("ben", "GET", f"/jobs/{job}", other) == 404
        listed = (await town.call("ben", "GET", "/jobs", project)).json()["items"]
        assert [(each["id"], each["project"]) for each in listed] == [(job, project)]
    await town.call("ada", "DELETE", "/projects/lab/members/ben")
    assert await town.status("ben", "GET", f"/jobs/{theirs}", "lab") == 404
    assert await town.status("ben", "POST", f"/jobs/{theirs}/cancel", "lab") == 404


async def test_the_role_there_is_what_counts_there(town: Town) -> None:
    job = await town.job_in("lab")
    await town.call("ada", "PUT", "/projects/lab/members/ben", json={"role": "observer"})
    assert await town.status("ben", "GET", f"/jobs/{job}", "lab") == 200
    assert await town.status("ben", "POST", f"/jobs/{job}/cancel", "lab") == 403


async def test_an_administrator_of_a_project_is_none_of_the_cluster(town: Town) -> None:
    await town.person("eve", "observer")
    await town.call("ada", "PUT", "/projects/lab/members/ben", json={"role": "admin"})
    assert await town.status("ben", "PUT", "/projects/lab/members/eve", json={"role": "consumer"}) == 204
    for method, path in (
        ("GET", "/users"),
        ("DELETE", "/users/eve"),
        ("POST", "/join-tokens"),
        ("DELETE", "/projects/lab"),
    ):
        assert await town.status("ben", method, path, "lab", content=b"{}") == 403, path
    assert await town.status("eve", "PUT", "/projects/lab/members/eve", json={"role": "admin"}) == 403
    assert await town.status("eve", "GET", "/projects/lab/members") == 200


async def test_lists_show_what_one_takes_part_in(town: Town) -> None:
    assert await town.status("ada", "POST", "/projects", json={"name": "mill"}) == 201
    await town.call("ada", "PUT", "/projects/lab/members/ben", json={"role": "observer"})
    assert [(p["name"], p["role"]) for p in (await town.call("ben", "GET", "/projects")).json()["items"]] == [
        ("default", "consumer"),
        ("lab", "observer"),
    ]
    for path in ("/projects/mill", "/projects/mill/members", "/projects/none"):
        assert await town.status("ben", "GET", path) == 404
    page = (await town.call("ada", "GET", "/projects?limit=2")).json()
    rest = (await town.call("ada", "GET", f"/projects?limit=2&cursor={page['next']}")).json()
    assert [p["name"] for p in page["items"] + rest["items"]] == ["default", "lab", "mill"]
    people = (await town.call("ben", "GET", "/projects/default/members")).json()["items"]
    assert [(m["name"], m["role"], m["own"]) for m in people] == [("ada", "admin", True), ("ben", "consumer", True)]


async def test_a_project_goes_when_nothing_is_in_it(town: Town) -> None:
    job = await town.job_in("lab")
    refused = problem(await town.call("ada", "DELETE", "/projects/lab"))
    assert (refused.code, refused.title) == ("conflict", "project lab has jobs")
    await town.core.database.api.execute("delete from job where id = $1", job)
    await town.call("ada", "PUT", "/projects/lab/members/ben", json={"role": "observer"})
    assert await town.status("ada", "DELETE", "/projects/lab") == 204
    assert await town.status("ada", "GET", "/projects/lab") == 404
    assert await town.status("ada", "DELETE", "/projects/default") == 409
    assert await town.core.database.api.fetchval("select id from project") == DEFAULT_PROJECT


async def test_bad_input(town: Town) -> None:
    for name in ("", "Lab", "a b", "-x", "x" * 64):
        assert await town.status("ada", "POST", "/projects", json={"name": name}) == 400
    assert await town.status("ada", "POST", "/projects", json={"name": "lab"}) == 409
    for path, role, wanted in (
        ("/projects/lab/members/ben", "king", 400),
        ("/projects/lab/members/nobody", "observer", 404),
        ("/projects/none/members/ben", "observer", 404),
        ("/projects/default/members/ben", "observer", 409),
    ):
        assert await town.status("ada", "PUT", path, json={"role": role}) == wanted, path
    for unknown in ("nope", "../lab", "LAB", "x" * 500):
        assert await town.status("ben", "GET", "/jobs", unknown) == 404


async def test_who_is_less_here_than_in_the_project_changes_no_members(town: Town) -> None:
    """Neither one who asked to be, nor a token that was given less, nor one of another project."""
    path, body = "/api/v1/projects/lab/members/ben", {"role": "consumer"}
    ada, made = town.tokens["ada"], {}
    for name, role, project in (("low", "operator", "lab"), ("far", "admin", "default"), ("near", "admin", "lab")):
        answer = await town.call("ada", "POST", "/tokens", project, json={"name": name, "role": role})
        made[name] = answer.json()["token"]
    asked = {"Swarm-Role": "operator"}
    for token, headers, status in (
        (ada, asked, 403),
        (made["near"], asked, 403),
        (made["low"], {}, 403),
        (made["far"], {}, 404),
        (made["near"], {}, 204),
    ):
        assert (await town.core.call("PUT", path, token, headers=headers, json=body)).status_code == status
        assert (await town.core.call("DELETE", path, token, headers=headers)).status_code == status
    shown = await town.core.call("GET", "/api/v1/projects/lab", ada, headers=asked)
    assert shown.json()["role"] == "operator"
