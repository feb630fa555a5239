"""The OpenAPI document names all that routes take and give, and real answers are what it says."""

import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jsonschema import Draft202012Validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core
from tests.integration.storage.vault import ANA, Vault, digest_of, manifest

from swarm_core.api.openapi import document, types_of
from swarm_core.clock import SystemClock
from swarm_protocol.claims import AUD_ASSERTION
from swarm_protocol.ids import uuid7

API = "/api/v1"
NOON = "2026-11-29T12:00:00Z"
BODYLESS = {
    "/api/v1/attempt-secrets",
    "/api/v1/jobs/{id}/cancel",
    "/api/v1/jobs/{id}/retry",
    "/api/v1/schedules/{ref}/pause",
    "/api/v1/schedules/{ref}/resume",
    "/api/v1/schedules/{ref}/run",
    "/api/v1/tokens/{name}/rotate",
    "/api/v1/uploads/{id}/finish",
    "/api/v1/deliveries/{id}/redeliver",
    "/api/v1/webhooks/{name}/enable",
    "/api/v1/webhooks/{name}/test",
    "/api/v1/workers/{worker}/revoke",
}
"""What is posted to without a body."""
EMPTY = {204, 304, 416}


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path, run_modules=True) as made:
        yield made
        made.parts.blobs.close()


def untyped(routes: list[BaseRoute]) -> list[str]:
    """What the routes leave unsaid."""
    found: list[str] = []
    for route in routes:
        if not isinstance(route, Route):
            continue
        types = types_of(route)
        if types is None or any(form is None for status, form in types.answers.items() if status not in EMPTY):
            found.append(f"{route.path}: the answer")
        takes = (route.methods or set()) & {"POST", "PUT", "PATCH"}
        if takes and route.path not in BODYLESS and (types is None or types.body is None):
            found.append(f"{route.path}: the body")
    return found


async def test_every_route_names_what_it_takes_and_gives(core: LiveCore) -> None:
    assert untyped(core.parts.app.routes) == []
    for schema in document(core.parts.app.routes, "test")["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_a_route_that_names_nothing_would_be_seen() -> None:
    async def handler(request: Request) -> Response:
        """Nothing."""
        return Response()

    assert untyped([Route("/x", handler, methods=["POST"])]) == ["/x: the answer", "/x: the body"]


@pytest.mark.parametrize(
    ("target", "body", "wrong"),
    [
        ("/whoami", {"user": "ana"}, "required"),
        ("/whoami", {"user": 1, "user_id": "", "project": "", "role": "", "expires_at": ""}, "not of type"),
        ("/jobs", {"items": [], "next": None, "total": 3}, "'total' was unexpected"),
        ("/jobs?page=2", {"items": [], "next": None}, "page"),
    ],
)
async def test_an_answer_that_differs_would_be_seen(core: LiveCore, target: str, body: Any, wrong: str) -> None:
    with pytest.raises(AssertionError, match=wrong):
        core.contract.check("GET", API + target, {}, httpx2.Response(200, json=body))


class Visitor:
    """Calls the routes of a core, each with a success expected; the core's contract looks at every answer."""

    def __init__(self, core: LiveCore, token: str) -> None:
        self._core = core
        self._token = token

    async def ok(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """The answer's JSON; None where it isn't any."""
        answer = await self._core.call(method, API + path, more.pop("token", self._token), **more)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        return answer.json() if answer.headers.get("content-type") == "application/json" else None

    async def look_around(self) -> None:
        """Routes that need nothing but someone signed in."""
        for path in ("/ping", "/health", "/ready"):
            assert (await self._core.call("GET", path)).status_code == 200
        for path in ("/whoami", "/ca.pem", "/openapi.json", "/overview?project=*", "/cores"):
            await self.ok("GET", path)

    async def sign_in_and_out(self, name: str) -> None:
        signed = await self.ok("POST", "/login", json={"user": name, "password": PASSWORD})
        refresh = {"refresh_token": signed["refresh_token"]}
        await self.ok("POST", "/token", json=refresh)
        await self.ok("POST", "/logout", 204, json=refresh)

    async def bring_blobs(self) -> None:
        data = os.urandom(1000)
        await self.ok("POST", "/blobs/missing", json={"digests": [digest_of(data)]})
        opened = await self.ok("POST", "/uploads", 201, json={"digest": digest_of(data), "size": len(data)})
        at = f"/uploads/{opened['id']}"
        await self.ok("PATCH", at, content=data, headers={"Upload-Offset": "0"})
        await self.ok("GET", at)
        await self.ok("POST", f"{at}/finish", 201)
        blob = f"/blobs/{digest_of(data)}"
        await self.ok("GET", blob)
        await self.ok("GET", blob, 206, headers={"Range": "bytes=1-2"})
        await self.ok("GET", blob, 304, headers={"If-None-Match": f'"{digest_of(data)}"'})
        await self.ok("GET", blob, 416, headers={"Range": "bytes=1000-"})

    async def bring_an_image(self) -> None:
        config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:1"]}}'
        for data in (config, b"layer"):
            await self.ok("PUT", f"/blobs/{digest_of(data)}", 201, content=data)
        for tag in ("1", "2"):
            made = await self.ok("PUT", f"/images/team%2Fapp?tag={tag}", 201, content=manifest(config, [b"layer"]))
        await self.ok("GET", "/images?limit=1")
        await self.ok("GET", "/images/team%2Fapp/resolve?tag=1")
        await self.ok("GET", "/images/team%2Fapp/use?tag=1")
        await self.ok("GET", f"/manifests/{made['digest']}")
        await self.ok("DELETE", "/images/team%2Fapp?tag=2")

    async def submit_and_steer(self) -> None:
        spec = {"image": "team/app:1", "tags": ["a"], "env": {"A": "b"}}
        key = {"headers": {"Idempotency-Key": "k"}}
        for status in (201, 200):
            job = (await self.ok("POST", "/jobs", status, json=spec, **key))["id"]
        await self.ok("POST", "/jobs?dry_run=1", json=spec)
        many = {"headers": {"Idempotency-Key": "many"}, "json": {"spec": spec, "count": 3}}
        for status in (201, 200):
            await self.ok("POST", "/jobs/batch", status, **many)
        await self.ok("GET", f"/jobs/{job}/explain")
        said = await self.ok("GET", f"/jobs/{job}/messages?limit=5")
        await self.ok("GET", f"/jobs/{job}/messages?after={said['next']}&wait=0.1")
        await self.ok(
            "GET", "/usage?by=user&since=2026-10-01T00:00:00Z&until=2027-01-01T00:00:00Z&project=default&limit=5"
        )
        await self.ok("POST", f"/jobs/{job}/cancel")
        await self.ok("POST", f"/jobs/{job}/retry", 201, headers={"Idempotency-Key": "again"})
        await self.ok("GET", f"/jobs/{job}")
        await self.ok("GET", f"/jobs/{job}/wait?timeout=0")
        await self.ok("POST", "/jobs/wait", json={"ids": [job], "timeout": 0})
        await self.ok("DELETE", f"/jobs/{job}", 204)
        await self.ok("GET", "/jobs?state=queued&limit=2&tag=a")
        query = "state=queued&user=ana&not_user=ben&text=a&not_tag=b&failure=oom_killed&project=*&id=1-9&sort=-ended"
        await self.ok("GET", f"/jobs?{query}&name=a&image=a&worker=w&schedule=s&reason=r&before={NOON}&after={NOON}")
        job = (await self.ok("POST", "/jobs", 201, json=spec))["id"]
        await self.ok("PATCH", f"/jobs/{job}", json={"priority": 3})

    async def keep_a_schedule(self) -> None:
        job = {"image": "team/app:1"}
        given = {"name": "nightly", "cron": "30 2 * * *", "zone": "Europe/Berlin", "job": job, "overlap": "allow"}
        await self.ok("POST", "/schedules/preview?count=2&after=2026-01-01T00:00:00Z", json=given)
        made = await self.ok("POST", "/schedules", 201, json=given)
        at = f"/schedules/{made['id']}"
        await self.ok("PATCH", at, json={"jitter": 5, "start": None}, headers={"If-Match": "1"})
        for verb in ("pause", "resume"):
            await self.ok("POST", f"{at}/{verb}")
        await self.ok("POST", f"{at}/run", 201)
        for path in ("/schedules?limit=1", "/schedules/nightly", f"{at}/history?limit=1", f"{at}/preview?count=3"):
            await self.ok("GET", path)
        month = await self.ok("GET", f"{at}/calendar?month=2026-03")
        assert (len(month["days"]), month["words"]) == (31, "at 02:30 every day")
        ends = "start=2026-01-01T00:00:00Z&end=2200-01-01T00:00:00Z&after=2026-01-01T00:00:00Z"
        cron = f"/cron?cron=@hourly&zone=UTC&count=1&{ends}"
        for path in (f"{at}/calendar", f"{at}/calendar/2026-03-29", cron):
            await self.ok("GET", path)
        await self.ok("DELETE", at, 204)

    async def look_back(self) -> None:
        seen = await self.ok("GET", "/events?since=2026-01-01T00:00:00Z&kind=job&kind=image&limit=3")
        await self.ok("GET", f"/events?after={seen['next']}&project=default&job=1")
        await self.ok("GET", "/events")

    async def keep_accounts(self) -> None:
        ben = {"name": "ben", "password": PASSWORD, "role": "observer"}
        await self.ok("POST", "/users", 201, json=ben)
        await self.ok("PATCH", "/users/ben", json={"role": "consumer"})
        await self.ok("POST", "/users/ben/password", json={"password": PASSWORD})
        for path in ("/users?limit=1", "/users/ben"):
            await self.ok("GET", path)
        await self.ok("POST", "/projects", 201, json={"name": "lab"})
        await self.ok("PUT", "/projects/lab/members/ben", 204, json={"role": "operator"})
        await self.ok("PUT", "/projects/lab/limits", json={"queued": 5, "memory": 1 << 30})
        await self.ok("GET", "/projects/lab/limits")
        for path in ("/projects?limit=1", "/projects/lab", "/projects/lab/members"):
            await self.ok("GET", path)
        await self.ok("DELETE", "/projects/lab/members/ben", 204)
        await self.ok("POST", "/tokens", 201, json={"name": "ci", "role": "observer", "ttl": 3600})
        await self.ok("POST", "/tokens/ci/rotate")
        await self.ok("GET", "/tokens?limit=1")
        for path in ("/users/*/tokens", "/users/*/sign-ins", "/audit?action=set_role&limit=1"):
            await self.ok("GET", path)
        await self.ok("DELETE", "/users/ana/tokens/ci", 204)
        await self.ok("POST", "/tokens", 201, json={"name": "ci", "role": "observer", "ttl": 3600})
        await self.ok("DELETE", "/tokens/ci", 204)
        await self.ok("DELETE", "/projects/lab", 204)
        await self.ok("DELETE", f"/users/ben/sign-ins/{await self.sign_in_of_ben()}", 204)
        await self.ok("DELETE", "/users/ben/sign-ins", 204)
        await self.ok("DELETE", "/users/ben", 204)

    async def sign_in_of_ben(self) -> str:
        await self.ok("POST", "/login", json={"user": "ben", "password": PASSWORD})
        [found] = (await self.ok("GET", "/users/ben/sign-ins"))["items"]
        return str(found["id"])

    async def keep_settings(self) -> None:
        await self.ok("PUT", "/settings/retention.jobs", json={"value": "90d"})
        for path in ("/settings", "/settings/retention.jobs", "/settings/retention.jobs/history"):
            await self.ok("GET", path)
        await self.ok("DELETE", "/settings/retention.jobs")

    async def keep_secrets(self, folder: Path) -> None:
        await self.ok("PUT", "/secrets/db", content=b"hush")
        await self.ok("GET", "/secrets?limit=1")
        vault = Vault(self._core.database, folder)
        worker, job = await vault.running(ANA)
        vault.store.close()
        spec = '{"image": "a", "secrets": ["db"]}'
        await self._core.database.api.execute("update job set spec = $1 where id = $2", spec, job)
        token = self._core.parts.tokens.issue_worker(worker.id, 0).token
        await self.ok("POST", "/attempt-secrets", token=token, headers={"Swarm-Attempt": f"{job}.1"})
        await self.ok("DELETE", "/secrets/db", 204)

    async def read_the_log(self) -> None:
        self._core.logger.error("something", job=7, reason="a test")
        found = await self.ok("GET", "/syslog?level=debug&order=oldest&limit=5&since=2026-01-01T00:00:00Z&text=test")
        await self.ok("GET", f"/syslog/follow?after={max(0, found['head'] - 1)}&timeout=5")
        for form in ("ndjson", "logfmt"):
            await self.ok("GET", f"/syslog/export?format={form}&module=core&until=2100-01-01T00:00:00Z")
        await self.ok("PUT", "/syslog/levels/gateway", json={"level": "debug", "seconds": 60})
        await self.ok("GET", "/syslog/levels")
        await self.ok("DELETE", "/syslog/levels/gateway", 204)

    async def keep_mounts(self) -> None:
        form = {"name": "data", "path": "/srv/data", "projects": ["default"]}
        await self.ok("POST", "/mounts", 201, json=form)
        await self.ok("PUT", "/mounts/data/projects/default", 204, json={"uid": 5, "gid": 5})
        await self.ok("GET", "/mounts")
        await self.ok("GET", "/mounts/data")
        await self.ok("PATCH", "/mounts/data", json={"read_only": True})
        await self.ok("DELETE", "/mounts/data/projects/default", 204)
        await self.ok("DELETE", "/mounts/data", 204)

    async def keep_webhooks(self) -> None:
        wanted = {"name": "ops", "url": "https://hooks.invalid/swarm", "states": ["failed"], "tag": "nightly"}
        await self.ok("POST", "/webhooks", 201, json=wanted)
        for path in ("/webhooks?limit=1", "/webhooks/ops"):
            await self.ok("GET", path)
        await self.ok("POST", "/webhooks/ops/rotate", json={"overlap": 60})
        await self.ok("POST", "/webhooks/ops/enable")
        made = (await self.ok("POST", "/webhooks/ops/test", 201))["id"]
        for path in ("/deliveries?to=ops&limit=1", f"/deliveries/{made}"):
            await self.ok("GET", path)
        for path in (f"/deliveries/{made}/redeliver", "/deliveries/redeliver"):
            await self._core.database.api.execute("update delivery set state = 'dead', due_at = null")
            await self.ok("POST", path, json={"to": "ops"})
        await self.ok("DELETE", "/webhooks/ops", 204)

    async def read_what_a_job_left(self, job: int) -> None:
        await self.ok("GET", f"/jobs/{job}")
        await self.ok("GET", f"/jobs/{job}/artifacts?attempt=1")
        await self.ok("GET", f"/jobs/{job}/artifacts/file")
        await self.ok("GET", f"/jobs/{job}/logs?stream=stdout&offset=0")

    async def let_a_worker_in_and_out(self, cluster: str) -> None:
        made = (await self.ok("POST", "/join-tokens", 201, json={"name": "w"}))["token"].split("-")
        key = Ed25519PrivateKey.generate()
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        public = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        form = {"token_id": made[2], "secret": made[3], "public_key": public, "name": "w"}
        worker = (await self.ok("POST", "/join", 201, json=form))["worker_id"]
        now = int(SystemClock().time())
        claims = {"iss": worker, "sub": worker, "aud": AUD_ASSERTION, "iat": now, "exp": now + 60, "jti": str(uuid7())}
        proof = {"assertion": jwt.encode(claims, key, "EdDSA")}
        token = (await self.ok("POST", "/worker-token", json=proof))["access_token"]
        await self.ok("GET", "/standing", token=token)
        await self.ok("GET", "/join-tokens")
        await self.ok("DELETE", f"/join-tokens/{made[2]}", 204)
        await self._core.played_worker("played")
        at = f"/workers/{worker}"
        for path in ("/workers?limit=5", "/worker-loads?limit=5", at, f"{at}/history", f"{at}/load?step=60"):
            await self.ok("GET", path)
        said = await self.ok("GET", f"/workers/{worker}/messages?limit=5")
        await self.ok("GET", f"/workers/{worker}/messages?after={said['next']}&wait=0.1")
        for change in (
            {"paused": True},
            {"paused": False},
            {"labels": {"gpu": "a100", "old": None}},
            {"capacity": {"slots": 8, "memory": None}},
            {"name": "other"},
        ):
            await self.ok("PATCH", f"/workers/{worker}", json=change)
        await self._core.database.api.execute(
            "insert into worker_session (id, worker_id, core_id, lease_until) values ($1, $1, $1, swarm_now())", worker
        )
        await self.ok("POST", f"/workers/{worker}/drain", json={"deadline": 60})
        await self.ok("POST", f"/workers/{worker}/revoke", 204)
        await self.ok("DELETE", f"/workers/{worker}", 204)


async def job_with_files(core: LiveCore, folder: Path) -> int:
    """A running job with an output file."""
    vault = Vault(core.database, folder)
    digest = await vault.add(b"result")
    _, job = await vault.running(ANA)
    await core.database.api.execute("insert into artifact values ($1, 1, 'file', $2, 6, 420)", job, digest)
    await core.database.api.execute('update job set spec = \'{"image": "a"}\' where id = $1', job)
    vault.store.close()
    return job


async def test_real_answers_are_what_the_document_says(core: LiveCore, tmp_path: Path) -> None:
    visitor = Visitor(core, await core.token_of(await core.person("ana", "admin")))
    await visitor.look_around()
    await visitor.sign_in_and_out("ana")
    await visitor.bring_blobs()
    await visitor.bring_an_image()
    await visitor.submit_and_steer()
    await visitor.keep_a_schedule()
    await visitor.look_back()
    await visitor.keep_accounts()
    await visitor.keep_settings()
    await visitor.keep_secrets(tmp_path)
    await visitor.read_the_log()
    await visitor.keep_mounts()
    await visitor.keep_webhooks()
    await visitor.read_what_a_job_left(await job_with_files(core, tmp_path))
    await visitor.let_a_worker_in_and_out(str(core.cluster.id))
    await visitor.ok("POST", "/password", 204, json={"old": PASSWORD, "new": f"{PASSWORD}2"})
    assert core.contract.kept == set(core.contract.operations)
