"""Who did what: found again by administrators, in pages of bounded work, and in it all that an auditor looks for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core, problem
from tests.integration.core.spine import Ana

from swarm_consumer.audit import AuditFilter
from swarm_core.store import audit as rows
from swarm_core.store import jobs
from swarm_core.store.database import transaction
from swarm_protocol.ids import uuid7
from swarm_protocol.schedule import Schedule
from swarm_protocol.spec import JobSpec

START = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
LAB = uuid7()


class Office:
    """A core with ada, who audits."""

    def __init__(self, core: LiveCore, ada: str) -> None:
        self.core, self.ada = core, ada

    async def note(self, actor: str, action: str, subject: str = "", *, at: int = 0, project: object = None) -> None:
        await self.core.database.api.execute(
            "insert into audit (at, project_id, actor, action, subject, detail) values ($1, $2, $3, $4, $5, $6)",
            START + timedelta(seconds=at), project, actor, action, subject, f'{{"n":{at}}}',
        )  # fmt: skip

    async def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return await self.core.call(method, f"/api/v1{path}", self.ada, **more)

    async def page(self, **query: Any) -> Any:
        answer = await self.call("GET", "/audit", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def found(self, **query: Any) -> list[tuple[str, str, str]]:
        return [(each["actor"], each["action"], each["subject"]) for each in (await self.page(**query))["items"]]


@pytest.fixture
async def office(database_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with live_core(database_url, tmp_path) as core:
        await core.database.api.execute("insert into project (id, name) values ($1, 'lab')", LAB)
        yield Office(core, await core.token_of(await core.person("ada", "admin")))


async def test_filters_find_what_they_name(office: Office) -> None:
    await office.note("user:ada", "set_role", "ben", at=1)
    await office.note("user:ben", "push_image", "train:1", at=2, project=LAB)
    await office.note("worker:w", "join", "w", at=3)
    assert [actor for actor, *_ in await office.found()] == ["worker:w", "user:ben", "user:ada"]
    assert await office.found(actor="ada") == await office.found(actor="user:ada") == [("user:ada", "set_role", "ben")]
    assert await office.found(action="join") == await office.found(actor="worker:w") == [("worker:w", "join", "w")]
    assert len(await office.found(action=["join", "set_role"])) == 2
    assert await office.found(subject="ben", action=["join", "set_role"]) == [("user:ada", "set_role", "ben")]
    assert await office.found(in_project="lab") == [("user:ben", "push_image", "train:1")]
    span = {"since": (START + timedelta(seconds=2)).isoformat(), "until": (START + timedelta(seconds=3)).isoformat()}
    assert await office.found(**span) == [("user:ben", "push_image", "train:1")]
    [entry] = (await office.page(subject="train:1"))["items"]
    assert (entry["project"], entry["detail"], entry["at"]) == ("lab", {"n": 2}, "2026-11-25T20:00:02Z")
    assert "no project nowhere" in problem(await office.call("GET", "/audit?in_project=nowhere")).title


async def test_pages_meet_though_much_was_done_at_one_time(office: Office) -> None:
    for number in range(10):
        await office.note("user:ada", "edit_mount", f"m{number}", at=number // 5)
    found, cursor = list[str](), ""
    while True:
        page = await office.page(limit=3, **({"cursor": cursor} if cursor else {}))
        found += [each["subject"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert found == [f"m{number}" for number in reversed(range(10))]


async def test_a_page_looks_at_a_bounded_stretch_and_says_where_to_go_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "STRETCH", 4)
    await office.note("user:ben", "set_secret", "rare", at=0)
    for number in range(10):
        await office.note("user:ada", "edit_mount", f"m{number}", at=1 + number)
    async with await office.core.client("ada") as client:
        await office.core.database.api.execute("delete from audit where action = 'login'")
        first = await client.audit.page(AuditFilter(actions=("set_secret", "none")))
        assert (first.entries, first.next is None) == ([], False)
        found = [each.subject async for each in client.audit.entries(AuditFilter(actions=("set_secret", "none")))]
        assert found == ["rare"]
        assert [each.subject async for each in client.audit.entries(limit=2)] == ["m9", "m8"]


@pytest.mark.parametrize("role", ["consumer", "operator"])
async def test_it_is_for_administrators(office: Office, role: str) -> None:
    person = await office.core.person("ben", role)
    await office.core.database.api.execute("insert into member values ($1, $2, 'admin', now(), '')", LAB, person)
    token = await office.core.token_of(person)
    answer = await office.core.call("GET", "/api/v1/audit", token, headers={"Swarm-Project": "lab"})
    assert answer.status_code == 403


async def test_what_people_do_to_schedules_is_in_it(office: Office) -> None:
    core = office.core
    schedule = Schedule(name="nightly", cron="0 3 * * *", job=JobSpec(image="x@sha256:" + "0" * 64))
    ana = Ana()
    async with transaction(core.database.api) as connection:
        from swarm_core.recurring.schedules import _tell

        for what in ("created", "changed", "paused", "resumed", "removed"):
            await _tell(connection, ana, 7, schedule.name, what)
    assert [action for _, action, _ in await office.found(subject="nightly")] == [
        "remove_schedule",
        "resume_schedule",
        "pause_schedule",
        "edit_schedule",
        "add_schedule",
    ]


async def test_what_is_done_to_somebody_elses_job_is_in_it_and_what_to_ones_own_is_not(office: Office) -> None:
    core = office.core
    ben = await core.person("ben")
    async with transaction(core.database.api) as connection:
        job = await connection.fetchval(
            "insert into job (project_id, person_id, state, shape_id, priority, retries, infra_retries, at_most_once,"
            " created_at, image_digest, name, spec) select project_id, $1, 'queued', 1, 0, 0, 0, false, now(), '',"
            " 'train', '{}' from person where id = $1 returning id",
            ben,
        )
        await jobs.audit_others(connection, job, "user:ben", "cancel_job")
        await jobs.audit_others(connection, job, "user:ada", "cancel_job")
    [entry] = (await office.page(subject=str(job)))["items"]
    assert (entry["actor"], entry["action"], entry["detail"]) == (
        "user:ada",
        "cancel_job",
        {"of": "ben", "name": "train"},
    )


async def test_sign_ins_and_tokens_of_others_are_seen_and_ended(office: Office) -> None:
    core = office.core
    await core.person("ben", "operator")
    await core.person("eve")
    async with await core.client("ben") as ben, await core.client("ada") as ada, await core.client("eve"):
        await ben.tokens.add("ci")
        held = await ada.users.tokens()
        assert [(each.user, each.name, each.role) for each in held] == [("ben", "ci", "consumer")]
        assert await ada.users.tokens("eve") == []
        assert [each.user for each in await ada.users.sign_ins()] == ["ada", "ben", "eve"]
        [there] = await ada.users.sign_ins("ben")
        assert there.client == "test"
        await ada.users.end_sign_in("ben", there.id)
        assert (await core.call("GET", "/api/v1/whoami", str(ben.credentials.access_token))).status_code == 401
        assert await ada.users.sign_ins("ben") == []
        await ada.users.remove_token("ben", "ci")
        await ada.users.end_sign_ins("eve")
        assert [each.user for each in await ada.users.sign_ins()] == ["ada"]
        for path in (f"/users/ben/sign-ins/{there.id}", "/users/ben/tokens/ci", "/users/nobody/sign-ins"):
            assert (await office.call("DELETE", path)).status_code == 404
        assert (await office.call("GET", "/users/nobody/tokens")).status_code == 404
        done = [(each.action, each.subject, each.detail) async for each in ada.audit.entries(AuditFilter(actor="ada"))]
    assert done[:3] == [
        ("end_sign_ins", "eve", {}),
        ("remove_token", "ci", {"of": "ben"}),
        ("end_sign_in", "ben", {"sign_in": there.id}),
    ]


async def test_lists_of_all_people_come_in_pages(office: Office) -> None:
    core = office.core
    for name in ("ben", "eve"):
        await core.person(name, "operator")
        async with await core.client(name) as one:
            await one.tokens.add("a")
            await one.tokens.add("b")
        async with await core.client(name):
            pass
    for what, each_has in (("tokens", "name"), ("sign-ins", "id")):
        found, cursor = list[tuple[str, str]](), ""
        while True:
            page = (await office.call("GET", f"/users/*/{what}?limit=1{f'&cursor={cursor}' if cursor else ''}")).json()
            found += [(each["user"], each[each_has]) for each in page["items"]]
            if page["next"] is None:
                break
            cursor = page["next"]
        assert [user for user, _ in found] == ["ben", "ben", "eve", "eve"]
        assert found == sorted(set(found))
    assert PASSWORD not in str(found)
