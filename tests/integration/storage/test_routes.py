"""The routes of blobs, images, jobs and logs, over TLS on a whole core."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import websockets
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.storage.vault import ANA, Vault, Who, digest_of, manifest

from swarm_core.api.ranges import parse_range
from swarm_protocol.claims import SERVER_NAME

API = "/api/v1"


@dataclass
class Site:
    """A served core, its vault, and two people of two projects."""

    core: LiveCore
    vault: Vault
    ana: str
    ben: str
    ben_project: Who

    async def call(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx2.Response:
        """A request, by Ana unless another token is given."""
        return await self.core.call(method, API + path, self.ana if token is None else token, **more)

    async def ok(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """The answer's JSON."""
        answer = await self.call(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def worker_token(self, worker: Who) -> str:
        """A worker's access token."""
        return self.core.parts.tokens.issue_worker(worker.id, 0).token

    async def live(self, job: int, query: str = "", token: str | None = None) -> list[dict[str, Any]]:
        """All events of a live log."""
        async with websockets.connect(
            f"wss://127.0.0.1:{self.core.server.port}/ws/jobs/{job}/logs?{query}",
            ssl=self.core.trust,
            server_hostname=SERVER_NAME,
            additional_headers={"Authorization": f"Bearer {token or self.ana}"},
            proxy=None,
        ) as socket:
            return [msgspec.msgpack.decode(frame) async for frame in socket if isinstance(frame, bytes)]


@pytest.fixture
async def site(database_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        vault = Vault(core.database, tmp_path)
        ana, ben = await core.person("ana"), await core.person("ben")
        stranger = await vault.new_project("bens")
        await core.database.api.execute("update person set project_id = $1 where id = $2", stranger.project, ben)
        yield Site(core, vault, await core.token_of(ana), await core.token_of(ben), stranger)
        vault.store.close()
        core.parts.blobs.close()


async def test_a_small_blob_in_one_request(site: Site) -> None:
    digest = digest_of(b"hello")
    ask = {"digests": [digest]}
    assert await site.ok("POST", "/blobs/missing", json=ask) == {"missing": [digest], "present": {}}
    assert await site.ok("PUT", f"/blobs/{digest}", 201, content=b"hello") == {"digest": digest, "size": 5}
    assert await site.ok("POST", "/blobs/missing", json={"digests": [digest]}) == {
        "missing": [],
        "present": {digest: 5},
    }
    got = await site.call("GET", f"/blobs/{digest}")
    assert (got.content, got.headers["etag"], got.headers["content-length"]) == (b"hello", f'"{digest}"', "5")
    for path, content, code in (
        (f"/blobs/{digest}", b"other", "digest_mismatch"),
        ("/blobs/sha256:0", b"x", "bad_request"),
        (f"/blobs/{digest}", bytes(1024 * 1024 + 1), "too_large"),
    ):
        assert problem(await site.call("PUT", path, content=content)).code == code


async def test_a_resumable_upload(site: Site) -> None:
    data = os.urandom(3_000_000)
    digest = digest_of(data)
    opened = await site.ok("POST", "/uploads", 201, json={"digest": digest, "size": len(data)})
    at = f"/uploads/{opened['id']}"
    assert opened["offset"] == 0
    assert await site.ok("PATCH", at, content=data[:1_000_000], headers={"Upload-Offset": "0"}) == {"offset": 1_000_000}
    wrong = await site.call("PATCH", at, content=b"x", headers={"Upload-Offset": "5"})
    assert (problem(wrong).code, wrong.headers["upload-offset"]) == ("offset_mismatch", "1000000")
    assert problem(await site.call("PATCH", at, content=b"x")).code == "bad_request"
    early = await site.call("POST", f"{at}/finish")
    assert (problem(early).code, early.headers["upload-offset"]) == ("offset_mismatch", "1000000")
    assert await site.ok("GET", at) == {"id": opened["id"], "offset": 1_000_000, "size": len(data)}
    await site.ok("PATCH", at, content=data[1_000_000:], headers={"Upload-Offset": "1000000"})
    for method, path in (("GET", at), ("PATCH", at), ("POST", f"{at}/finish")):
        answer = await site.call(method, path, site.ben, headers={"Upload-Offset": "0"})
        assert problem(answer).code == "not_found"
    assert await site.ok("POST", f"{at}/finish", 201) == {"digest": digest, "size": len(data)}
    assert problem(await site.call("GET", at)).code == "not_found"
    part = await site.call("GET", f"/blobs/{digest}", headers={"Range": "bytes=2000000-"})
    assert (part.status_code, part.content) == (206, data[2_000_000:])
    assert part.headers["content-range"] == f"bytes 2000000-2999999/{len(data)}"
    assert (await site.call("GET", f"/blobs/{digest}", headers={"Range": "bytes=3000000-"})).status_code == 416
    stale = {"Range": "bytes=1-2", "If-Range": '"other"'}
    assert (await site.call("GET", f"/blobs/{digest}", headers=stale)).content == data
    assert (await site.call("GET", f"/blobs/{digest}", headers={"If-None-Match": f'"{digest}"'})).status_code == 304
    assert problem(await site.call("GET", f"/blobs/{digest}", site.ben)).code == "not_found"


async def test_images_are_pushed_listed_resolved_and_forgotten(site: Site) -> None:
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:1"]}}'
    body = manifest(config, [b"layer"])
    missing = problem(await site.call("PUT", "/images/team%2Fapp?tag=v1", content=body))
    assert (missing.code, missing.errors[0]["field"]) == ("blob_missing", digest_of(config))
    for data in (config, b"layer"):
        await site.ok("PUT", f"/blobs/{digest_of(data)}", 201, content=data)
    made = await site.ok("PUT", "/images/team%2Fapp?tag=v1", 201, content=body)
    assert made == {"name": "team/app", "tag": "v1", "digest": digest_of(body), "size": made["size"]}
    await site.ok("PUT", "/images/other", 201, content=body)
    page = await site.ok("GET", "/images?limit=1")
    assert [(i["name"], i["tag"], i["platform"], i["pushed_by"]) for i in page["items"]] == [
        ("other", "latest", "linux/amd64", "ana")
    ]
    rest = await site.ok("GET", f"/images?limit=1&cursor={page['next']}")
    assert ([i["name"] for i in rest["items"]], rest["next"]) == (["team/app"], None)
    assert (await site.ok("GET", "/images/team%2Fapp/resolve?tag=v1"))["digest"] == made["digest"]
    assert (await site.ok("GET", f"/images/x/resolve?digest={made['digest']}"))["size"] == made["size"]
    assert (await site.call("GET", f"/manifests/{made['digest']}")).content == body
    assert (await site.ok("GET", "/images", token=site.ben))["items"] == []
    assert problem(await site.call("GET", f"/manifests/{made['digest']}", site.ben)).code == "not_found"
    assert problem(await site.call("DELETE", "/images/team%2Fapp?tag=v1", site.ben)).code == "image_unknown"
    await site.ok("DELETE", "/images/team%2Fapp?tag=v1")
    assert problem(await site.call("GET", "/images/team%2Fapp/resolve?tag=v1")).code == "image_unknown"
    assert problem(await site.call("PUT", "/images/bad", content=b"{}")).code == "not_an_image"


async def test_jobs_are_submitted_listed_and_steered(site: Site) -> None:
    await site.vault.push()
    first = await site.ok("POST", "/jobs", 201, json={"image": "img", "name": "n1", "tags": ["a"]})
    assert first == {"id": 1, "state": "queued"}
    key = {"Idempotency-Key": "k"}
    for status in (201, 200):
        answer = await site.ok("POST", "/jobs", status, json={"image": "img"}, headers=key)
        assert answer["id"] == 2
    assert problem(await site.call("POST", "/jobs", json={"image": "img:latest"}, headers=key)).code == (
        "idempotency_mismatch"
    )
    dry = await site.ok("POST", "/jobs?dry_run=1", json={"image": "img"})
    assert (dry["ok"], dry["fits"]) == (True, [])
    batch = await site.ok("POST", "/jobs/batch", 201, json={"specs": [{"image": "img"}] * 2, "keys": [None, "k2"]})
    assert (len(batch["ids"]), batch["first"]) == (2, batch["ids"][0])
    many = await site.ok("POST", "/jobs/batch", 201, json={"spec": {"image": "img"}, "count": 20})
    assert len(many["ids"]) == 20
    bodies: list[Any] = [{}, {"specs": [{"image": "img"}], "count": 2}, {"specs": [{}], "spec": {}}, {"spex": 1}, 5]
    for body in bodies:
        assert problem(await site.call("POST", "/jobs/batch", json=body)).status == 400
    wrong = problem(await site.call("POST", "/jobs", json={"image": "img", "priority": 5000}))
    assert (wrong.code, wrong.field) == ("invalid_spec", "priority")
    assert problem(await site.call("POST", "/jobs", json={"image": "nope"})).code == "image_unknown"
    assert problem(await site.call("POST", "/jobs", json={"image": "img"}, token=site.ben)).code == "image_unknown"

    page = await site.ok("GET", "/jobs?limit=2&state=queued&image=img")
    rest = await site.ok("GET", f"/jobs?limit=2&cursor={page['next']}")
    assert [j["id"] for j in page["items"] + rest["items"]] == many["ids"][:-5:-1]
    assert [j["id"] for j in (await site.ok("GET", "/jobs?name=n1&tag=a"))["items"]] == [1]
    assert (await site.ok("GET", "/jobs?name=n2"))["items"] == []
    assert (await site.ok("GET", "/jobs", token=site.ben))["items"] == []
    for query in ("state=nope", "before=yesterday", "limit=0", "cursor=!!"):
        assert problem(await site.call("GET", f"/jobs?{query}")).code == "bad_request"

    shown = await site.ok("GET", "/jobs/1")
    assert (shown["user"], shown["spec"]["tags"], shown["waits_for"]) == ("ana", ["a"], "a worker with room for it")
    assert [(h["from"], h["to"]) for h in shown["history"]] == [(None, "queued")]
    assert await site.ok("POST", "/jobs/1/cancel") == {"id": 1, "state": "cancelled", "cancelling": False}
    assert problem(await site.call("POST", "/jobs/1/cancel")).code == "already_ended"
    assert (await site.ok("GET", "/jobs/1/wait?timeout=5"))["message"] == "cancelled before it ran"
    assert (await site.ok("GET", "/jobs/2/wait?timeout=0"))["state"] == "queued"
    ended = await site.ok("POST", "/jobs/wait", json={"ids": [1, 2], "timeout": 5})
    assert ended == {"items": [{"id": 1, "state": "cancelled", "exit_code": None}]}
    retried = await site.ok("POST", "/jobs/1/retry", 201)
    assert (await site.ok("GET", f"/jobs/{retried['id']}"))["retry_of"] == 1
    assert problem(await site.call("POST", "/jobs/2/retry")).code == "not_ended"
    assert problem(await site.call("DELETE", "/jobs/2")).code == "not_ended"
    await site.ok("DELETE", "/jobs/1", 204)
    for method, path in (
        ("GET", "/jobs/1"),
        ("GET", "/jobs/1/wait"),
        ("GET", "/jobs/1/artifacts"),
        ("GET", "/jobs/1/logs"),
        ("POST", "/jobs/1/cancel"),
        ("POST", "/jobs/1/retry"),
        ("DELETE", "/jobs/1"),
    ):
        assert problem(await site.call(method, path)).code == "not_found"
    for method, path in (
        ("GET", "/jobs/2"),
        ("GET", "/jobs/2/wait"),
        ("POST", "/jobs/2/cancel"),
        ("GET", "/jobs/2/logs"),
    ):
        assert problem(await site.call(method, path, site.ben)).code == "not_found"
    assert problem(await site.call("GET", "/jobs/x")).code == "bad_request"


async def test_output_files_are_fetched_whole_and_in_part(site: Site) -> None:
    worker, job = await site.vault.running(ANA)
    headers = {"Swarm-Attempt": f"{job}.1"}
    token = site.worker_token(worker)
    digest = digest_of(b"result")
    put = await site.call("PUT", f"/blobs/{digest}", token, content=b"result", headers=headers)
    assert put.status_code == 201
    assert problem(await site.call("PUT", f"/blobs/{digest}", token, content=b"result")).code == "bad_request"
    for name in ("dir/ä b", "z"):
        row = (job, 1, name, digest)
        await site.core.database.api.execute("insert into artifact values ($1, $2, $3, $4, 6, 420)", *row)
    page = await site.ok("GET", f"/jobs/{job}/artifacts?limit=1")
    assert page["items"] == [{"name": "dir/ä b", "digest": digest, "size": 6, "mode": 420, "attempt": 1}]
    rest = await site.ok("GET", f"/jobs/{job}/artifacts?limit=1&cursor={page['next']}")
    assert ([a["name"] for a in rest["items"]], rest["next"]) == (["z"], None)
    path = f"/jobs/{job}/artifacts/dir%2F%C3%A4%20b"
    whole = await site.call("GET", path)
    assert (whole.content, whole.headers["etag"]) == (b"result", f'"{digest}"')
    assert whole.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%A4%20b"
    part = await site.call("GET", path, headers={"Range": "bytes=3-", "If-Range": f'"{digest}"'})
    assert (part.status_code, part.content) == (206, b"ult")
    assert problem(await site.call("GET", path, site.ben)).code == "not_found"
    assert problem(await site.call("GET", f"/jobs/{job}/artifacts/none")).code == "not_found"


async def test_a_worker_fetches_what_its_job_needs(site: Site) -> None:
    image = await site.vault.push(layer=b"layer")
    worker, _ = await site.vault.running(ANA, image)
    idle, _ = await site.vault.running(ANA)
    for path in (f"/manifests/{image}", f"/blobs/{digest_of(b'layer')}"):
        assert (await site.call("GET", path, site.worker_token(worker))).status_code == 200
        assert problem(await site.call("GET", path, site.worker_token(idle))).code == "not_found"


async def test_a_log_is_read_so_far_and_live(site: Site) -> None:
    _, job = await site.vault.running(ANA)
    logs = site.core.parts.joblogs
    logs.append(job, 1, 1, 0, b"out\n")
    logs.append(job, 1, 2, 0, b"err\n")
    following = asyncio.create_task(site.live(job, "stdout=1"))
    while not site.core.parts.events.watched(job):
        await asyncio.sleep(0.01)
    logs.append(job, 1, 1, 4, b"more\n")
    async with asyncio.timeout(10):
        while await logs.acked(job, 1) != {1: 9, 2: 4}:
            await asyncio.sleep(0.05)
    so_far = await site.call("GET", f"/jobs/{job}/logs?offset=1")
    assert (so_far.content, so_far.headers["swarm-log-next"]) == (b"ut\nmore\n", "9")
    assert so_far.headers["swarm-log-complete"] == "false"
    db = site.core.database.api
    await db.execute("update attempt set ended_at = swarm_now(), stdout = 9, stderr = 4")
    await db.execute("update job set state = 'failed', exit_code = 3, ended_at = swarm_now(), reason = 'why'")
    site.core.parts.events.notify([job])
    events = await asyncio.wait_for(following, 10)
    assert events[0]["t"] == "attempt"
    text = {stream: b"".join(e["data"] for e in events if e.get("stream") == stream) for stream in (1, 2)}
    assert text == {1: b"ut\nmore\n", 2: b"err\n"}
    assert [e["state"] for e in events if e["t"] == "state"] == ["running", "failed"]
    how = {"state": "failed", "exit_code": 3, "failure": None, "message": "why", "attempt": 1, "truncated": False}
    assert events[-1] == {"t": "end", **how}
    stderr = await site.call("GET", f"/jobs/{job}/logs?stream=stderr")
    assert (stderr.content, stderr.headers["swarm-log-complete"]) == (b"err\n", "true")
    assert problem(await site.call("GET", f"/jobs/{job}/logs?stream=x")).code == "bad_request"
    assert problem(await site.call("GET", f"/jobs/{job}/logs", site.ben)).code == "not_found"
    for number, token in ((job, site.ben), (999, site.ana)):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await site.live(number, token=token)
        assert refused.value.response.status_code == 404
        assert b"not_found" in refused.value.response.body


async def test_a_follower_that_leaves_leaves_nothing_behind(site: Site) -> None:
    _, job = await site.vault.running(ANA)
    following = asyncio.create_task(site.live(job))
    while not site.core.parts.events.watched(job):
        await asyncio.sleep(0.01)
    following.cancel()
    async with asyncio.timeout(10):
        while site.core.parts.events.watched(job):
            await asyncio.sleep(0.01)


async def test_an_upload_that_breaks_off_goes_on_at_what_arrived(site: Site) -> None:
    data = os.urandom(2_000_000)
    opened = await site.ok("POST", "/uploads", 201, json={"digest": digest_of(data), "size": len(data)})

    async def breaks() -> AsyncIterator[bytes]:
        yield data[:1_500_000]
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await site.call("PATCH", f"/uploads/{opened['id']}", content=breaks(), headers={"Upload-Offset": "0"})
    async with asyncio.timeout(10):
        while True:
            again = await site.ok("POST", "/uploads", 201, json={"digest": digest_of(data), "size": len(data)})
            offset = again["offset"]
            headers = {"Upload-Offset": str(offset)}
            answer = await site.call("PATCH", f"/uploads/{again['id']}", content=data[offset:], headers=headers)
            if answer.status_code == 200:
                break
            assert answer.status_code in (409, 429)
    assert again["id"] == opened["id"]
    assert offset > 0
    await site.ok("POST", f"/uploads/{opened['id']}/finish", 201)
    assert await site.vault.library.size(ANA, digest_of(data)) == len(data)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("bytes=0-", (0, 10)),
        ("bytes=3-5", (3, 6)),
        ("bytes=3-99", (3, 10)),
        ("bytes=-4", (6, 10)),
        ("bytes=-40", (0, 10)),
        ("bytes=5-3", None),
        ("bytes=-", None),
        ("bytes=1-2,4-5", None),
        ("lines=1-2", None),
    ],
)
def test_ranges_are_read(header: str | None, found: tuple[int, int] | None) -> None:
    assert parse_range(header, 10) == found


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_ranges_outside_the_file_are_refused(header: str) -> None:
    with pytest.raises(ValueError, match="no byte"):
        parse_range(header, 10)
