"""People and workers on a real Postgres, through the served core."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import jwt
import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.integration.core.live_core import PASSWORD, SEAL_KEY, LiveCore, live_core, problem
from tests.integration.core.relay import Relay
from tests.integration.core.spine import SYSINFO
from tests.integration.core.test_spine import move_clock

from swarm_core.identity.cluster import open_cluster
from swarm_core.identity.seal import Sealer
from swarm_core.store.database import Database
from swarm_protocol import frames
from swarm_protocol import messages as m
from swarm_protocol.claims import AUD_ASSERTION, SERVER_NAME, b64url, ca_fingerprint, parse_join_token
from swarm_protocol.errors import SwarmError


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path) as made:
        yield made


async def log_in(core: LiveCore, user: str, password: str = PASSWORD) -> httpx2.Response:
    return await core.call("POST", "/api/v1/login", json={"user": user, "password": password, "client": "test"})


async def audit(core: LiveCore) -> list[tuple[str, str]]:
    rows = await core.database.api.fetch("select actor, action from audit order by id")
    return [(row["actor"], row["action"]) for row in rows]


# The cluster's secrets -----------------------------------------------------------------------------------


async def test_cores_that_start_together_make_one_cluster(database_url: str) -> None:
    databases = [await Database.connect(database_url) for _ in range(3)]
    made = await asyncio.gather(*[open_cluster(d.api, Sealer(SEAL_KEY), 1e9) for d in databases for _ in range(3)])
    assert len({(c.id, c.authority.pem, c.signing_key) for c in made}) == 1
    assert await databases[0].api.fetchval("select count(*) from sealed") == 3
    with pytest.raises(SwarmError, match="doesn't open this cluster's ca"):
        await open_cluster(databases[0].api, Sealer(bytes(32)), 1e9)
    for database in databases:
        await database.close()


async def test_a_second_core_takes_the_first_ones_tokens(core: LiveCore, database_url: str, tmp_path: Path) -> None:
    token = await core.token_of(await core.person("ana"))
    async with live_core(database_url, tmp_path) as second:
        assert second.cluster.authority.pem == core.cluster.authority.pem
        assert (await second.call("GET", "/api/v1/whoami", token)).status_code == 200


# People --------------------------------------------------------------------------------------------------


async def test_signing_in_refreshing_and_signing_out(core: LiveCore) -> None:
    person = await core.person("ana", "operator")
    answer = (await log_in(core, "ana")).json()
    assert (answer["user"], answer["project"], answer["role"]) == ("ana", "default", "operator")
    who = (await core.call("GET", "/api/v1/whoami", answer["access_token"])).json()
    assert (who["user"], who["user_id"], who["role"]) == ("ana", str(person), "operator")
    refresh = {"refresh_token": answer["refresh_token"]}
    fresh = (await core.call("POST", "/api/v1/token", json=refresh)).json()
    assert 890 < fresh["expires_in"] <= 900
    assert (await core.call("GET", "/api/v1/whoami", fresh["access_token"])).status_code == 200
    for _ in range(2):
        assert (await core.call("POST", "/api/v1/logout", json=refresh)).status_code == 204
    assert problem(await core.call("POST", "/api/v1/token", json=refresh)).code == "unauthenticated"
    assert await audit(core) == [("user:ana", "login"), ("user:ana", "logout")]


async def test_a_refresh_token_lives_30_days_from_its_last_use_and_isnt_in_the_database(
    core: LiveCore, database_url: str
) -> None:
    await core.person("ana")
    refresh = {"refresh_token": (await log_in(core, "ana")).json()["refresh_token"]}
    kept = await core.database.api.fetchval("select secret_hash from login_token")
    assert refresh["refresh_token"].encode() not in kept
    for days in (29, 58):
        await move_clock(database_url, f"{days} days")
        assert (await core.call("POST", "/api/v1/token", json=refresh)).status_code == 200
    await move_clock(database_url, "89 days")
    assert (await core.call("POST", "/api/v1/token", json=refresh)).status_code == 401


async def test_failed_sign_ins_are_slowed_down_whichever_core_is_asked(
    core: LiveCore, database_url: str, tmp_path: Path
) -> None:
    await core.person("ana")
    codes = [problem(await log_in(core, "ana", "wrong")).code for _ in range(4)]
    assert codes == ["unauthenticated"] * 4
    async with live_core(database_url, tmp_path) as second:
        refused = await log_in(second, "ana")
        assert problem(refused).code == "too_many_requests"
        assert refused.headers["retry-after"] == "1"
    await move_clock(database_url, "2 seconds")
    assert (await log_in(core, "ana")).status_code == 200
    assert await core.database.api.fetchval("select count(*) from login_failure") == 0


async def test_many_guesses_at_once_are_no_more_than_one_by_one(core: LiveCore) -> None:
    await core.person("ana")
    answers = await asyncio.gather(*[log_in(core, "ana", f"wrong {n}") for n in range(20)])
    assert sorted(answer.status_code for answer in answers) == [401] * 4 + [429] * 16


async def test_an_unknown_name_answers_like_a_wrong_password(core: LiveCore) -> None:
    await core.person("ana")
    wrong, unknown = await log_in(core, "ana", "wrong"), await log_in(core, "nobody", "wrong")
    assert wrong.content == unknown.content


@pytest.mark.parametrize("name", ["", "Ana", "a\0", "ana\n", "x" * 1000, "é"])
async def test_a_name_that_nobody_can_have_is_just_refused(core: LiveCore, name: str) -> None:
    assert problem(await log_in(core, name)).code == "unauthenticated"
    zero = await core.call("POST", "/api/v1/join", json=body_of(await join_token(core)) | {"token_id": "\0"})
    assert problem(zero).code == "bad_request"


async def test_old_failures_leave_the_table(core: LiveCore, database_url: str) -> None:
    await log_in(core, "a", "wrong")
    await move_clock(database_url, "61 minutes")
    await log_in(core, "b", "wrong")
    kept = await core.database.api.fetch("select key from login_failure order by key")
    assert [row["key"] for row in kept] == ["b", "b 127.0.0.1"]


async def test_the_first_administrator_is_made_once(core: LiveCore) -> None:
    people = core.parts.people
    made = await asyncio.gather(*[people.first_admin("root", PASSWORD) for _ in range(3)])
    assert {one.person.id for one in made} == {made[0].person.id}
    assert made[0].person.role == "admin"
    with pytest.raises(SwarmError) as caught:
        await people.first_admin("eve", "another password")
    assert caught.value.code == "unauthenticated"
    assert await core.database.api.fetchval("select count(*) from person") == 1
    assert ("user:root", "first_admin") in await audit(core)


async def test_a_revoked_person_is_out_within_a_second(core: LiveCore) -> None:
    person = await core.person("ana")
    token = await core.token_of(person)
    assert (await core.call("GET", "/api/v1/whoami", token)).status_code == 200
    await core.parts.people.revoke(person, "user:root")
    core.parts.gatekeeper.forget(person)  # what a second would do
    assert problem(await core.call("GET", "/api/v1/whoami", token)).code == "unauthenticated"


# Workers -------------------------------------------------------------------------------------------------


def body_of(token: str, name: str = "w", key: Ed25519PrivateKey | None = None) -> dict[str, str]:
    parts = parse_join_token(token)
    public = (key or Ed25519PrivateKey.generate()).public_key().public_bytes_raw()
    return {"token_id": parts.token_id, "secret": parts.secret, "public_key": b64url(public), "name": name}


async def join_token(core: LiveCore, **form: Any) -> str:
    operator = await core.token_of(await core.person(f"op-{uuid4().hex[:8]}", "operator"))
    answer = await core.call("POST", "/api/v1/join-tokens", operator, json=form)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["token"]
    return found


def assertion(worker: str, key: Ed25519PrivateKey, at: float, **more: Any) -> dict[str, str]:
    claims = {"iss": worker, "sub": worker, "aud": AUD_ASSERTION, "iat": int(at), "exp": int(at) + 60}
    return {"assertion": jwt.encode(claims | {"jti": uuid4().hex} | more, key, "EdDSA")}


async def test_a_worker_joins_and_proves_its_key(core: LiveCore) -> None:
    token, key = await join_token(core), Ed25519PrivateKey.generate()
    pem = (await core.call("GET", "/api/v1/ca.pem")).text
    assert parse_join_token(token).ca_fingerprint == ca_fingerprint(ssl.PEM_cert_to_DER_cert(pem))
    joined = await core.call("POST", "/api/v1/join", json=body_of(token, "w", key))
    assert joined.status_code == 201
    [first] = await core.database.api.fetch("select what, subject, detail::text from event")
    assert (first["what"], first["subject"]) == ("created", joined.json()["worker_id"])
    assert '"name":"w"' in first["detail"]
    worker = joined.json()["worker_id"]
    assert joined.json()["cluster"] == core.cluster.id
    proof = assertion(worker, key, core.parts.certificate._clock.time())
    granted = await core.call("POST", "/api/v1/worker-token", json=proof)
    assert granted.status_code == 200
    found = await core.parts.gatekeeper.worker_of(f"Bearer {granted.json()['access_token']}")
    assert found[0] == UUID(worker)
    again = await core.call("POST", "/api/v1/worker-token", json=proof)
    assert "used before" in problem(again).title
    assert [action for _, action in await audit(core)] == ["make_join_token", "join"]


async def test_a_join_token_is_used_as_often_as_it_may_be(core: LiveCore, database_url: str, tmp_path: Path) -> None:
    token = await join_token(core, uses=5)
    async with live_core(database_url, tmp_path) as second:
        answers = await asyncio.gather(
            *[one.call("POST", "/api/v1/join", json=body_of(token)) for one in (core, second) for _ in range(10)]
        )
    codes = [answer.status_code for answer in answers]
    assert (codes.count(201), codes.count(401)) == (5, 15)
    assert {problem(a).code for a in answers if a.status_code == 401} == {"token_used_up"}
    names = await core.database.api.fetch("select name from worker order by name")
    assert [row["name"] for row in names] == ["w", "w-2", "w-3", "w-4", "w-5"]


async def test_nobody_joins_with_a_token_that_was_removed(core: LiveCore) -> None:
    token = await join_token(core, uses=2)
    assert (await core.call("POST", "/api/v1/join", json=body_of(token, "first"))).status_code == 201
    path = f"/api/v1/join-tokens/{parse_join_token(token).token_id}"
    consumer = await core.token_of(await core.person("con", "consumer"))
    operator = await core.token_of(await core.person("op", "operator"))
    assert (await core.call("DELETE", path, consumer)).status_code == 403
    assert (await core.call("DELETE", path, operator)).status_code == 204
    assert problem(await core.call("POST", "/api/v1/join", json=body_of(token))).code == "unauthenticated"
    assert problem(await core.call("DELETE", path, operator)).code == "not_found"
    assert (await audit(core))[-1] == ("user:op", "remove_join_token")


async def test_a_worker_learns_how_the_core_sees_it(core: LiveCore) -> None:
    token = core.parts.tokens.issue_worker(await core.worker("w"), 0).token
    found = (await core.call("GET", "/api/v1/standing", token)).json()
    assert (found["name"], found["state"], found["beat_age"], found["version"]) == ("w", None, None, "test")
    assert abs(datetime.fromisoformat(found["now"]).timestamp() - time.time()) < 60


async def test_wrong_and_expired_join_tokens(core: LiveCore, database_url: str) -> None:
    token = await join_token(core, ttl=60)
    for change in ({"secret": "0" * 48}, {"token_id": "0" * 12}):
        refused = await core.call("POST", "/api/v1/join", json=body_of(token) | change)
        assert problem(refused).code == "unauthenticated"
    refused = await core.call("POST", "/api/v1/join", json=body_of(token) | {"public_key": "AAAA"})
    assert problem(refused).field == "public_key"
    await move_clock(database_url, "61 seconds")
    refused = await core.call("POST", "/api/v1/join", json=body_of(token))
    assert problem(refused).code == "token_expired"
    assert "swarm worker token" in (problem(refused).hint or "")
    assert await core.database.api.fetchval("select uses_left from join_token") == 1


@pytest.mark.parametrize("form", [{"uses": 0}, {"uses": 10**9}, {"ttl": 0}, {"ttl": 1e12}, {"name": "a b"}])
async def test_a_join_token_has_bounds(core: LiveCore, form: dict[str, Any]) -> None:
    operator = await core.token_of(await core.person("op", "operator"))
    refused = await core.call("POST", "/api/v1/join-tokens", operator, json=form)
    assert problem(refused).field == next(iter(form))


async def test_a_clock_that_is_off_is_told_by_how_much(core: LiveCore) -> None:
    key = Ed25519PrivateKey.generate()
    worker = str(await core.worker("w", key.public_key().public_bytes_raw()))
    now = core.parts.certificate._clock.time()
    refused = problem(await core.call("POST", "/api/v1/worker-token", json=assertion(worker, key, now - 7200)))
    assert refused.code == "unauthenticated"
    assert "clock is 7200 s behind" in (refused.hint or "") or "clock is 7201 s behind" in (refused.hint or "")


async def test_a_revoked_worker_is_out_everywhere(core: LiveCore) -> None:
    key = Ed25519PrivateKey.generate()
    worker = await core.worker("w", key.public_key().public_bytes_raw())
    operator = await core.token_of(await core.person("op", "operator"))
    told: list[UUID] = []
    core.parts.workers._revoked = told.append
    token = core.parts.tokens.issue_worker(worker, 0).token
    for _ in range(2):
        assert (await core.call("POST", "/api/v1/workers/w/revoke", operator)).status_code == 204
    assert told == [worker, worker]
    proof = assertion(str(worker), key, core.parts.certificate._clock.time())
    assert problem(await core.call("POST", "/api/v1/worker-token", json=proof)).code == "forbidden"
    with pytest.raises(websockets.InvalidStatus) as caught:
        await dial_worker(core, token)
    assert caught.value.response.status_code == 403
    assert problem(await core.call("POST", "/api/v1/workers/nobody/revoke", operator)).code == "not_found"


async def test_a_revocation_closes_the_workers_connection_at_once(core: LiveCore) -> None:
    worker = await core.worker("w")
    operator = await core.token_of(await core.person("op", "operator"))
    token = core.parts.tokens.issue_worker(worker, 0).token
    hello = m.Hello(
        major=m.PROTOCOL_MAJOR,
        minor=m.PROTOCOL_MINOR,
        capacity=m.Capacity(slots=1, cpu_millis=1000, memory=1 << 30, disk=1 << 30),
        sysinfo=SYSINFO,
        labels={"gpu": "a100"},
    )
    async with asyncio.timeout(10), dial_worker(core, token) as socket:
        await socket.send(frames.encode([hello]))
        [welcome] = frames.from_core.decode(bytes(await socket.recv(decode=False)))
        assert isinstance(welcome, m.Welcome)
        shown = (await core.call("GET", "/api/v1/workers/w", operator)).json()
        assert (shown["state"], shown["labels"], shown["free"]["slots"]) == ("initializing", {"gpu": "a100"}, 1)
        assert (await core.call("POST", f"/api/v1/workers/{worker}/revoke", operator)).status_code == 204
        with contextlib.suppress(websockets.ConnectionClosedError):
            await socket.recv()
        assert socket.close_code == m.CLOSE_REVOKED
    shown = (await core.call("GET", "/api/v1/workers/w", operator)).json()
    assert shown["state"] == "dead"
    assert shown["revoked_at"] is not None


def dial_worker(core: LiveCore, token: str) -> websockets.connect:
    return websockets.connect(
        f"wss://127.0.0.1:{core.server.port}/ws/worker",
        ssl=core.trust,
        server_hostname=SERVER_NAME,
        additional_headers={"Authorization": f"Bearer {token}"},
        proxy=None,
    )


async def test_workers_are_listed_in_pages_and_shown(core: LiveCore) -> None:
    token = await core.token_of(await core.person("ana", "observer"))
    ids = [await core.worker(name) for name in ("c", "a", "b")]
    names, cursor = [], ""
    while cursor is not None:
        page = (await core.call("GET", "/api/v1/workers", token, params={"limit": "2", "cursor": cursor})).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next"]
    assert names == ["a", "b", "c"]
    for reference in ("c", str(ids[0])):
        shown = (await core.call("GET", f"/api/v1/workers/{reference}", token)).json()
        assert (shown["name"], shown["state"], shown["attempts"]) == ("c", "initializing", [])
    assert problem(await core.call("GET", "/api/v1/workers/z", token)).code == "not_found"


# The served core -----------------------------------------------------------------------------------------


async def test_a_persons_websocket_ends_with_the_sign_in(core: LiveCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarm_core.api.auth.LOOK_AGAIN", 0.05)
    person = await core.person("ana")
    headers = {"Authorization": f"Bearer {await core.token_of(person)}"}
    job = await core.database.api.fetchval(
        "insert into job (project_id, person_id, state, shape_id, priority, retries, infra_retries, at_most_once,"
        " created_at, image_digest, spec) values ('00000000-0000-7000-8000-000000000001', $1, 'queued', 1, 0, 0, 0,"
        " false, swarm_now(), '', '{}') returning id",
        person,
    )
    url = f"wss://127.0.0.1:{core.server.port}/ws/jobs/{job}/logs"
    async with (
        asyncio.timeout(10),
        websockets.connect(
            url, ssl=core.trust, server_hostname=SERVER_NAME, additional_headers=headers, proxy=None
        ) as socket,
    ):
        await core.database.api.execute("update person set disabled_at = swarm_now()")
        with contextlib.suppress(websockets.ConnectionClosedError):
            async for _ in socket:
                continue
        assert socket.close_code == 4003


async def test_health_and_the_document_of_the_interface(core: LiveCore) -> None:
    assert (await core.call("GET", "/ping")).text == "pong"
    assert (await core.call("GET", "/ready")).status_code in (200, 503)
    assert (await core.call("GET", "/health")).json()["core"] == str(core.parts.given.core)
    document = (await core.call("GET", "/api/v1/openapi.json")).json()
    assert document["paths"]["/api/v1/login"]["post"]["security"] == []
    assert document["paths"]["/api/v1/join-tokens"]["post"]["x-access"] == "operator"
    form = document["paths"]["/api/v1/join"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "public_key" in document["components"]["schemas"][form["$ref"].rpartition("/")[2]]["properties"]


async def test_a_database_that_is_away_is_a_503_with_a_time_to_come_back(database_url: str, tmp_path: Path) -> None:
    async with Relay(database_url) as relay, live_core(relay.url, tmp_path) as core:
        token = await core.token_of(await core.person("ana"))
        assert (await core.call("GET", "/api/v1/workers", token)).status_code == 200
        await relay.cut()
        answer = await core.call("GET", "/api/v1/workers", token)
        assert (answer.status_code, problem(answer).code) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        await relay.mend()
        async with asyncio.timeout(10):
            while (await core.call("GET", "/api/v1/workers", token)).status_code != 200:
                continue
