"""Secrets through the served core: set and listed by people, opened for the one worker that starts an attempt."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import msgspec
import pytest
from tests.integration.core.live_core import SEAL_KEY, LiveCore, live_core, problem

from swarm_core.identity.seal import Sealer
from swarm_core.identity.secrets import MAX_KEPT
from swarm_core.store.keys import Sealed
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT, uuid7

VALUE = b"correct horse\0\xff\n"


class Town:
    """A core, ben who may submit jobs, oda who may look, and workers."""

    def __init__(self, core: LiveCore) -> None:
        self.core = core
        self.db = core.database.api
        self.tokens: dict[str, str] = {}

    async def person(self, name: str, role: str) -> None:
        self.tokens[name] = await self.core.token_of(await self.core.person(name, role))

    async def call(self, who: str, method: str, path: str, project: str = "", **more: Any) -> httpx2.Response:
        headers = {"Swarm-Project": project} if project else {}
        return await self.core.call(method, f"/api/v1{path}", self.tokens[who], headers=headers, **more)

    async def set(self, name: str, value: bytes = VALUE, who: str = "ben", project: str = "") -> dict[str, Any]:
        answer = await self.call(who, "PUT", f"/secrets/{name}", project, content=value)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def names(self, who: str = "ben", project: str = "") -> list[tuple[str, int]]:
        items = (await self.call(who, "GET", "/secrets", project)).json()["items"]
        return [(item["name"], item["version"]) for item in items]

    async def attempt(self, *secrets: str, project: UUID = DEFAULT_PROJECT) -> tuple[int, UUID]:
        """A job whose first attempt a worker is about to start."""
        worker, session = await self.core.worker(f"w-{uuid7()}"), uuid7()
        await self.db.execute(
            "insert into worker_session (id, worker_id, core_id, lease_until) values ($1, $2, $1, swarm_now())",
            session,
            worker,
        )
        job: int = await self.db.fetchval(
            "insert into job (project_id, state, attempt, shape_id, priority, retries, infra_retries, at_most_once,"
            " created_at, image_digest, spec) values ($1, 'dispatched', 1, 1, 0, 0, 0, false, swarm_now(), '', $2)"
            " returning id",
            project,
            msgspec.json.encode({"image": "i", "secrets": list(secrets)}).decode(),
        )
        await self.db.execute(
            "insert into attempt values ($1, 1, $2, $3, 'dispatched', swarm_now())", job, worker, session
        )
        return job, worker

    async def ask(self, worker: UUID, job: int, attempt: int = 1) -> httpx2.Response:
        """As a worker does before it makes the container."""
        token = self.core.parts.tokens.issue_worker(worker, 0).token
        headers = {"Swarm-Attempt": f"{job}.{attempt}"}
        return await self.core.call("POST", "/api/v1/attempt-secrets", token, headers=headers)

    async def audit(self) -> list[tuple[str, str, str, Any]]:
        rows = await self.db.fetch("select actor, action, subject, detail from audit order by id")
        told = [
            (row["action"], row["subject"], row["actor"], msgspec.json.decode(row["detail"] or "null")) for row in rows
        ]
        return [each for each in told if "secret" in each[0]]


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with live_core(database_url, tmp_path) as core:
        made = Town(core)
        for name, role in (("ada", "admin"), ("ben", "consumer"), ("oda", "observer")):
            await made.person(name, role)
        yield made


async def test_a_secret_is_set_listed_set_anew_and_removed(town: Town) -> None:
    first = await town.set("db")
    assert (first["version"], first["size"], first["created_by"]) == (1, len(VALUE), "user:ben")
    again = await town.set("db", b"other", "ada")
    assert (again["version"], again["size"], again["created_by"], again["changed_by"]) == (2, 5, "user:ben", "user:ada")
    await town.set("api-key")
    assert await town.names("oda") == [("api-key", 1), ("db", 2)]
    page = (await town.call("ben", "GET", "/secrets?limit=1")).json()
    rest = (await town.call("ben", "GET", f"/secrets?limit=1&cursor={page['next']}")).json()
    assert [item["name"] for item in page["items"] + rest["items"]] == ["api-key", "db"]
    assert (await town.call("ben", "DELETE", "/secrets/db")).status_code == 204
    assert problem(await town.call("ben", "DELETE", "/secrets/db")).code == "not_found"
    assert await town.names() == [("api-key", 1)]
    assert [(what, name, by) for what, name, by, _ in await town.audit()] == [
        ("set_secret", "db", "user:ben"),
        ("set_secret", "db", "user:ada"),
        ("set_secret", "api-key", "user:ben"),
        ("remove_secret", "db", "user:ben"),
    ]


async def test_nobody_reads_it_back(town: Town) -> None:
    await town.set("db")
    for method, path in (("GET", "/secrets"), ("GET", "/secrets/db"), ("POST", "/attempt-secrets")):
        answer = await town.call("ada", method, path)
        assert b"horse" not in answer.content
        assert base64.b64encode(VALUE)[:12] not in answer.content
    assert (await town.call("oda", "PUT", "/secrets/db", content=b"x")).status_code == 403
    assert (await town.call("oda", "DELETE", "/secrets/db")).status_code == 403


async def test_it_lies_sealed_in_the_database_and_no_row_passes_for_another(town: Town) -> None:
    await town.set("db")
    await town.set("other", b"low")
    row = await town.db.fetchrow("select * from secret where name = 'db'")
    assert row is not None
    assert VALUE not in bytes(row["ciphertext"])
    with pytest.raises(SwarmError):
        Sealer(SEAL_KEY).open("db", Sealed(row["nonce"], row["ciphertext"]))
    job, worker = await town.attempt("other")
    for column, other in (("version", 7), ("ciphertext", row["ciphertext"]), ("nonce", row["nonce"])):
        before = await town.db.fetchval(f"select {column} from secret where name = 'other'")
        await town.db.execute(f"update secret set {column} = $1 where name = 'other'", other)
        told = problem(await town.ask(worker, job))
        assert (told.code, told.hint) == ("conflict", "set it again: `swarm secret set other`"), column
        await town.db.execute(f"update secret set {column} = $1 where name = 'other'", before)
    assert (await town.ask(worker, job)).status_code == 200


async def test_one_project_has_nothing_of_another(town: Town) -> None:
    lab = uuid7()
    await town.db.execute("insert into project (id, name) values ($1, 'lab')", lab)
    await town.set("db", b"of lab", "ada", "lab")
    await town.set("db", b"ours")
    assert (await town.names(), await town.names("ada", "lab")) == ([("db", 1)], [("db", 1)])
    assert (await town.call("ben", "GET", "/secrets", "lab")).status_code == 404
    job, worker = await town.attempt("db", project=lab)
    [item] = (await town.ask(worker, job)).json()["items"]
    assert base64.b64decode(item["value"]) == b"of lab"
    await town.db.execute("delete from job")
    assert problem(await town.call("ada", "DELETE", "/projects/lab")).title == "project lab has secrets"


async def test_bad_input(town: Town) -> None:
    for name in ("-x", "a%20b", "x" * 101, "..%2Fa"):
        answer = await town.call("ben", "PUT", f"/secrets/{name}", content=b"x")
        assert answer.status_code in (400, 404, 405), name
    assert problem(await town.call("ben", "PUT", "/secrets/db", content=b"")).title == "the secret is empty"
    assert (await town.call("ben", "PUT", "/secrets/db", content=b"x" * 65_537)).status_code == 413
    assert (await town.set("db", b"x" * 65_536))["size"] == 65_536
    await town.db.execute(
        "insert into secret (project_id, name, version, nonce, ciphertext, size, created_by, changed_by)"
        " select $1, 'n' || n, 1, '', '', 0, '', '' from generate_series(2, $2::int) as n",
        DEFAULT_PROJECT,
        MAX_KEPT,
    )
    assert problem(await town.call("ben", "PUT", "/secrets/more", content=b"x")).code == "conflict"
    assert (await town.set("db"))["version"] == 2


async def test_the_worker_that_starts_an_attempt_gets_what_its_spec_names(town: Town) -> None:
    await town.set("db")
    await town.set("db", b"new")
    await town.set("unasked")
    job, worker = await town.attempt("db")
    answer = await town.ask(worker, job)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "items": [{"file": "db", "name": "db", "version": 2, "value": base64.b64encode(b"new").decode()}]
    }
    assert (await town.audit())[-1] == (
        "deliver_secret",
        "db",
        f"worker:{worker}",
        {"attempt": f"{job}.1", "version": 2},
    )


async def test_nobody_else_gets_it_and_not_at_another_time(town: Town) -> None:
    await town.set("db")
    job, worker = await town.attempt("db")
    other = await town.core.worker("other")
    assert problem(await town.ask(other, job)).code == "forbidden"
    assert problem(await town.ask(worker, job, 2)).code == "forbidden"
    assert problem(await town.ask(worker, job + 1)).code == "forbidden"
    for change in (
        "update attempt set state = 'running'",
        "update attempt set state = 'failed', ended_at = swarm_now()",
        "update job set attempt = 2",
    ):
        mine, by = await town.attempt("db")
        await town.db.execute(f"{change} where {'id' if 'job' in change else 'job_id'} = $1", mine)
        assert problem(await town.ask(by, mine)).code == "forbidden", change
    assert (await town.ask(worker, job)).status_code == 200


async def test_one_that_was_removed_is_named(town: Town) -> None:
    await town.set("db")
    job, worker = await town.attempt("db", "gone")
    told = problem(await town.ask(worker, job))
    assert (told.code, told.title) == ("invalid_spec", "the secret gone was removed")
    assert told.hint == "`swarm secret set gone`, then `swarm retry`"


async def test_set_at_once_by_many_each_counts(town: Town) -> None:
    made = await asyncio.gather(*(town.set("db", b"%d" % number) for number in range(8)))
    assert sorted(each["version"] for each in made) == list(range(1, 9))
