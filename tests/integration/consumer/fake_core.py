"""A core in memory that speaks docs/rest.md over TLS, with hooks to break it at chosen places."""

import asyncio
import contextlib
import datetime
import hashlib
import json
import secrets
import socket
import threading
from dataclasses import dataclass, field
from typing import Any

import msgspec
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from swarm_protocol.claims import SERVER_NAME

API = "/api/v1"
PASSWORD = "correct horse"


@dataclass
class Certificates:
    ca_pem: str
    chain: bytes
    key: bytes


def make_certificates() -> Certificates:
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test CA")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, SERVER_NAME)])
    base = x509.CertificateBuilder().issuer_name(ca_name).not_valid_before(now - datetime.timedelta(hours=1))
    base = base.not_valid_after(now + datetime.timedelta(days=1))
    ca = (
        base.subject_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        base.subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificates(ca.public_bytes(pem).decode(), leaf.public_bytes(pem), private)


@dataclass
class Store:
    """What survives a restart of the core."""

    refresh: dict[str, str] = field(default_factory=dict)
    access: set[str] = field(default_factory=set)
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    logs: dict[tuple[int, int], list[tuple[int, bytes]]] = field(default_factory=dict)
    revoked: list[str] = field(default_factory=list)


@dataclass
class Faults:
    """What shall go wrong; each is used up when it fires."""

    die_in_chunk_after: int | None = None
    """Close the connection and stop the server once so many bytes of a chunk have come."""
    cut_log_after: int | None = None
    """Close the live log's connection after so many data messages."""
    busy: list[int] = field(default_factory=list)
    """Statuses to answer the next requests with, Retry-After 0."""
    wrong_artifact: bool = False


class FakeCore:
    """Runs in a thread of its own; `store` outlives `stop` and `start`."""

    def __init__(self) -> None:
        self.certificates = make_certificates()
        self.store = Store()
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        self.chunk_bytes = 0
        self.expires_in = 900.0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.died = threading.Event()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self, folder: Any) -> None:
        chain, key = folder / "chain.pem", folder / "key.pem"
        chain.write_bytes(self.certificates.chain)
        key.write_bytes(self.certificates.key)
        config = uvicorn.Config(
            Starlette(routes=self._routes()),
            host="127.0.0.1",
            port=self.port,
            ssl_certfile=str(chain),
            ssl_keyfile=str(key),
            log_level="critical",
            ws="websockets-sansio",
            lifespan="off",
            timeout_graceful_shutdown=0,
        )
        self._server = uvicorn.Server(config)
        self.died.clear()
        self._thread = threading.Thread(target=self._serve, args=(self._server,), daemon=True)
        self._thread.start()
        for _ in range(500):
            if self._server.started:
                return
            self._thread.join(0.02)
        raise AssertionError("the fake core did not start")

    def _serve(self, server: uvicorn.Server) -> None:
        asyncio.run(self._until_stopped(server))
        self.died.set()

    async def _until_stopped(self, server: uvicorn.Server) -> None:
        """Serve, and at the end cut all connections, as the end of a process would."""
        await server.serve()
        for connection in list(server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join(10)
            assert not self._thread.is_alive()

    def die(self) -> None:
        """From within a handler: stop as a killed process would."""
        assert self._server is not None
        self._server.should_exit = self._server.force_exit = True

    def count(self, method: str, part: str) -> int:
        return sum(1 for m, path in self.requests if m == method and part in path)

    # What the core does with jobs.

    def play(self, job: int) -> None:
        """A job's command decides what becomes of it: echo, fail, write, noise, forever."""
        found = self.store.jobs[job]
        words = found["spec"].get("command", [])
        verb, rest = (words[0], words[1:]) if words else ("true", [])
        if verb == "stay":
            return
        found |= {"started_at": _now(), "attempt": 1, "worker": "w1", "state": "running"}
        if verb == "forever":
            self.log(job, 1, b"waiting\n")
            return
        if verb == "echo":
            self.log(job, 1, (" ".join(rest) + "\n").encode())
        if verb == "noise":
            for number in range(int(rest[0])):
                self.log(job, 1 + number % 2, b"\x00\xff line %d\n" % number)
        if verb == "write":
            data = rest[1].encode()
            self.artifact(job, rest[0], data)
        if verb == "fail":
            self.end(job, "failed", int(rest[0]), "exit_nonzero")
        elif verb in ("timed_out", "cancelled"):
            self.end(job, verb, None, "run_timeout")
        else:
            self.end(job, "succeeded", 0)

    def log(self, job: int, stream: int, data: bytes, attempt: int = 1) -> None:
        self.store.logs.setdefault((job, attempt), []).append((stream, data))

    def artifact(self, job: int, name: str, data: bytes, attempt: int = 1) -> None:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.store.blobs[digest] = data
        entry = {"name": name, "digest": digest, "size": len(data), "mode": 0o644, "attempt": attempt}
        self.store.jobs[job]["artifacts"].append(entry)

    def end(self, job: int, state: str, code: int | None, failure: str | None = None) -> None:
        self.store.jobs[job] |= {"state": state, "exit_code": code, "failure": failure, "ended_at": _now()}

    # Routes.

    def _routes(self) -> list[Any]:
        table: list[tuple[str, str, Any]] = [
            ("POST", "/login", self._login),
            ("POST", "/token", self._token),
            ("POST", "/logout", self._logout),
            ("GET", "/whoami", self._whoami),
            ("GET", "/ca.pem", self._ca),
            ("POST", "/jobs", self._submit),
            ("POST", "/jobs/batch", self._batch),
            ("POST", "/jobs/wait", self._wait_many),
            ("GET", "/jobs", self._list),
            ("GET", "/jobs/{id:int}", self._job),
            ("GET", "/jobs/{id:int}/wait", self._job),
            ("GET", "/jobs/{id:int}/explain", self._explain),
            ("POST", "/jobs/{id:int}/cancel", self._cancel),
            ("POST", "/jobs/{id:int}/retry", self._retry),
            ("PATCH", "/jobs/{id:int}", self._update),
            ("DELETE", "/jobs/{id:int}", self._remove),
            ("GET", "/jobs/{id:int}/logs", self._log_so_far),
            ("GET", "/jobs/{id:int}/artifacts", self._artifacts),
            ("GET", "/jobs/{id:int}/artifacts/{name:path}", self._artifact),
            ("POST", "/blobs/missing", self._missing),
            ("PUT", "/blobs/{digest}", self._put_blob),
            ("POST", "/uploads", self._open_upload),
            ("GET", "/uploads/{id}", self._upload),
            ("PATCH", "/uploads/{id}", self._chunk),
            ("POST", "/uploads/{id}/finish", self._finish),
            ("PUT", "/images/{name:path}", self._put_image),
            ("GET", "/images", self._images),
            ("GET", "/images/{name:path}/use", self._image_use),
            ("DELETE", "/images/{name:path}", self._remove_image),
            ("POST", "/join-tokens", self._join_token),
            ("GET", "/join-tokens", self._join_tokens),
            ("DELETE", "/join-tokens/{id}", self._remove_join_token),
            ("GET", "/overview", self._overview),
            ("GET", "/cores", self._cores),
            ("GET", "/workers", self._workers),
            ("GET", "/workers/{name}", self._worker),
            ("GET", "/workers/{name}/load", self._worker_load),
            ("POST", "/workers/{name}/revoke", self._revoke),
        ]
        routes: list[Any] = [
            Route(API + path, self._guarded(handler, path), methods=[method]) for method, path, handler in table
        ]
        health = Route("/health", self._health)
        return [*routes, health, WebSocketRoute("/ws/jobs/{id:int}/logs", self._live)]

    def _guarded(self, handler: Any, path: str) -> Any:
        open_ = path in ("/login", "/token", "/logout", "/ca.pem")

        async def endpoint(request: Request) -> Response:
            self.requests.append((request.method, request.url.path.removeprefix(API)))
            if self.faults.busy:
                status = self.faults.busy.pop(0)
                return _problem(status, "unavailable", "busy", headers={"Retry-After": "0"})
            if not open_ and not self._signed_in(request.headers):
                return _problem(401, "unauthenticated", "sign in first")
            answer: Response = await handler(request)
            return answer

        return endpoint

    def _signed_in(self, headers: Any) -> bool:
        return headers.get("authorization", "").removeprefix("Bearer ") in self.store.access

    def _grant(self) -> dict[str, Any]:
        token = secrets.token_hex(8)
        self.store.access.add(token)
        return {"access_token": token, "expires_in": self.expires_in}

    async def _login(self, request: Request) -> Response:
        body = await request.json()
        if body["password"] != PASSWORD:
            return _problem(401, "unauthenticated", "wrong user or password", hint="try again")
        token = secrets.token_hex(8)
        self.store.refresh[token] = body["user"]
        who = {"user": body["user"], "project": "default", "role": "operator"}
        return JSONResponse({"refresh_token": token, **self._grant(), **who})

    async def _token(self, request: Request) -> Response:
        if (await request.json())["refresh_token"] not in self.store.refresh:
            return _problem(401, "unauthenticated", "this sign-in has ended")
        return JSONResponse(self._grant())

    async def _logout(self, request: Request) -> Response:
        self.store.refresh.pop((await request.json())["refresh_token"], None)
        return Response(status_code=204)

    async def _whoami(self, request: Request) -> Response:
        return JSONResponse({"user": "ada", "user_id": "1", "project": "default", "role": "operator"})

    async def _ca(self, request: Request) -> Response:
        return Response(self.certificates.ca_pem, media_type="application/x-pem-file")

    def _new_job(self, spec: dict[str, Any]) -> Response | int:
        if spec["image"].startswith("unknown"):
            hint = f"push it first: swarm push {spec['image']}"
            return _problem(404, "image_unknown", f"there is no image {spec['image']}", field="image", hint=hint)
        if spec.get("priority") == 999:
            return _problem(422, "invalid_spec", "priority: too dear", field="priority")
        job = len(self.store.jobs) + 1
        self.store.jobs[job] = {
            "id": job,
            "state": "queued",
            "spec": spec,
            "image": spec["image"],
            "name": spec.get("name"),
            "tags": spec.get("tags", []),
            "user": "ada",
            "project": "default",
            "created_at": _now(),
            "timings": {"queue": 0.01, "run": 0.2},
            "attempts": [],
            "history": [{"at": _now(), "from": None, "to": "queued", "attempt": None, "actor": "ada"}],
            "artifacts": [],
        }
        self.play(job)
        return job

    async def _explain(self, request: Request) -> Response:
        """Why a job with a large demand waits."""
        job = self.store.jobs[request.path_params["id"]]
        large = job["spec"].get("resources", {}).get("memory", 0) > 1 << 40
        text = "a worker that could run it; w1 comes nearest: lacks memory"
        causes = [{"kind": "no_match", "text": text}] if large else [{"kind": "next", "text": "its turn"}]
        told = {"id": job["id"], "state": job["state"], "causes": causes, "before": 2, "before_alike": 1}
        return JSONResponse(told)

    async def _submit(self, request: Request) -> Response:
        spec = await request.json()
        if request.query_params.get("dry_run"):
            large = spec.get("resources", {}).get("memory", 0) > 1 << 40
            nearest = "w1 comes nearest: lacks memory" if large else None
            image = "sha256:" + "a" * 64
            return JSONResponse({"ok": True, "image": image, "fits": [] if large else ["w1"], "nearest": nearest})
        key = request.headers["idempotency-key"]
        if key in self.store.keys:
            return JSONResponse({"id": self.store.keys[key], "state": "queued"})
        job = self._new_job(spec)
        if isinstance(job, Response):
            return job
        self.store.keys[key] = job
        return JSONResponse({"id": job, "state": "queued"}, 201)

    async def _batch(self, request: Request) -> Response:
        body = await request.json()
        specs = body.get("specs") or [body["spec"]] * body["count"]
        before = dict(self.store.jobs)
        ids = []
        for spec in specs:
            job = self._new_job(spec)
            if isinstance(job, Response):
                self.store.jobs = before
                return job
            ids.append(job)
        return JSONResponse({"first": ids[0], "ids": ids}, 201)

    async def _list(self, request: Request) -> Response:
        wanted = {"state": "state", "user": "user", "name": "name"}
        asked = {field: request.query_params.getlist(word) for word, field in wanted.items()}
        chosen = [j for j in reversed(self.store.jobs.values()) if all(j[k] in v for k, v in asked.items() if v)]
        at, limit = int(request.query_params.get("cursor", 0)), int(request.query_params.get("limit", 100))
        more = str(at + limit) if len(chosen) > at + limit else None
        return JSONResponse({"items": chosen[at : at + limit], "next": more})

    async def _job(self, request: Request) -> Response:
        job = self.store.jobs.get(request.path_params["id"])
        if job is None:
            return _problem(404, "not_found", f"there is no job {request.path_params['id']}")
        return JSONResponse(job)

    async def _wait_many(self, request: Request) -> Response:
        ids = (await request.json())["ids"]
        jobs = [self.store.jobs[i] for i in ids]
        ended = [{k: j.get(k) for k in ("id", "state", "exit_code")} for j in jobs if j.get("ended_at")]
        return JSONResponse({"items": ended})

    async def _cancel(self, request: Request) -> Response:
        job = self.store.jobs[request.path_params["id"]]
        if job.get("ended_at"):
            return _problem(409, "already_ended", f"job {job['id']} has ended")
        self.end(job["id"], "cancelled", None, "cancelled")
        return JSONResponse({"id": job["id"], "state": "running", "cancelling": True})

    async def _retry(self, request: Request) -> Response:
        job = self._new_job(self.store.jobs[request.path_params["id"]]["spec"])
        return JSONResponse({"id": job}, 201)

    async def _update(self, request: Request) -> Response:
        job = self.store.jobs[request.path_params["id"]]
        if job.get("ended_at"):
            return _problem(409, "already_ended", f"job {job['id']} has already ended: {job['state']}")
        job |= await request.json()
        return JSONResponse(job)

    async def _remove(self, request: Request) -> Response:
        job = self.store.jobs[request.path_params["id"]]
        if not job.get("ended_at"):
            return _problem(409, "not_ended", f"job {job['id']} has not ended", hint="cancel it first")
        del self.store.jobs[job["id"]]
        return Response(status_code=204)

    async def _log_so_far(self, request: Request) -> Response:
        number = 2 if request.query_params["stream"] == "stderr" else 1
        attempt = int(request.query_params.get("attempt", 1))
        pieces = self.store.logs.get((request.path_params["id"], attempt), [])
        data = b"".join(d for s, d in pieces if s == number)[int(request.query_params.get("offset", 0)) :]
        return Response(data, media_type="application/octet-stream")

    async def _artifacts(self, request: Request) -> Response:
        found = self.store.jobs[request.path_params["id"]]["artifacts"]
        attempt = int(request.query_params.get("attempt", max((each["attempt"] for each in found), default=1)))
        return JSONResponse({"items": [each for each in found if each["attempt"] == attempt], "next": None})

    async def _artifact(self, request: Request) -> Response:
        entries = self.store.jobs[request.path_params["id"]]["artifacts"]
        attempt = int(request.query_params["attempt"])
        entry = next(a for a in entries if (a["name"], a["attempt"]) == (request.path_params["name"], attempt))
        data = self.store.blobs[entry["digest"]]
        return Response(data[::-1] if self.faults.wrong_artifact else data)

    async def _missing(self, request: Request) -> Response:
        digests = (await request.json())["digests"]
        present = {d: len(self.store.blobs[d]) for d in digests if d in self.store.blobs}
        return JSONResponse({"missing": [d for d in digests if d not in present], "present": present})

    async def _put_blob(self, request: Request) -> Response:
        data = await request.body()
        self.chunk_bytes += len(data)
        return self._keep(request.path_params["digest"], data)

    def _keep(self, digest: str, data: bytes) -> Response:
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            return _problem(422, "digest_mismatch", "the bytes are not those of the digest")
        self.store.blobs[digest] = data
        return JSONResponse({"digest": digest, "size": len(data)}, 201)

    async def _open_upload(self, request: Request) -> Response:
        body = await request.json()
        for upload in self.store.uploads.values():
            if upload["digest"] == body["digest"]:
                return JSONResponse({"id": upload["id"], "offset": len(upload["data"])}, 201)
        made = {"id": secrets.token_hex(4), "data": bytearray(), **body}
        self.store.uploads[made["id"]] = made
        return JSONResponse({"id": made["id"], "offset": 0}, 201)

    async def _upload(self, request: Request) -> Response:
        upload = self.store.uploads.get(request.path_params["id"])
        if upload is None:
            return _problem(404, "not_found", "there is no such upload")
        return JSONResponse({"id": upload["id"], "offset": len(upload["data"]), "size": upload["size"]})

    async def _chunk(self, request: Request) -> Response:
        upload = self.store.uploads[request.path_params["id"]]
        if int(request.headers["upload-offset"]) != len(upload["data"]):
            return _problem(409, "offset_mismatch", "wrong offset")
        with contextlib.suppress(ClientDisconnect):
            async for piece in request.stream():
                self.chunk_bytes += len(piece)
                upload["data"] += piece
                if self._dies(len(upload["data"])):
                    self.die()
                    await asyncio.sleep(60)
        return JSONResponse({"offset": len(upload["data"])})

    def _dies(self, received: int) -> bool:
        limit = self.faults.die_in_chunk_after
        if limit is None or received < limit:
            return False
        self.faults.die_in_chunk_after = None
        return True

    async def _finish(self, request: Request) -> Response:
        upload = self.store.uploads.pop(request.path_params["id"])
        return self._keep(upload["digest"], bytes(upload["data"]))

    async def _put_image(self, request: Request) -> Response:
        data = await request.body()
        parts = json.loads(data)
        needed = [parts["config"]["digest"], *(layer["digest"] for layer in parts["layers"])]
        if any(digest not in self.store.blobs for digest in needed):
            return _problem(422, "blob_missing", "blobs are missing")
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        name, tag = request.path_params["name"], request.query_params.get("tag", "latest")
        size = sum(layer["size"] for layer in parts["layers"])
        entry = {"name": name, "tag": tag, "digest": digest, "size": size}
        self.store.images[name, tag] = entry
        self.store.manifests[digest] = data
        return JSONResponse(entry, 201)

    async def _images(self, request: Request) -> Response:
        return JSONResponse({"items": list(self.store.images.values()), "next": None})

    async def _image_use(self, request: Request) -> Response:
        name, tag = request.path_params["name"], request.query_params["tag"]
        found = self.store.images.get((name, tag))
        if found is None:
            return _problem(404, "image_unknown", f"there is no image {name}:{tag}")
        used = {"jobs": [7, 8], "schedules": ["nightly"], "workers": []}
        return JSONResponse({"image": {**found, "own": 2048, "jobs": 3, "schedules": 1}, "used_by": used})

    async def _remove_image(self, request: Request) -> Response:
        answer = await self._image_use(request)
        self.store.images.pop((request.path_params["name"], request.query_params["tag"]), None)
        return answer

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "modules": {}, "core": "c", "version": "0.1.0"})

    async def _join_token(self, request: Request) -> Response:
        return JSONResponse({"token": "SSJT1-x", "id": "t", "expires_at": _now()}, 201)

    async def _join_tokens(self, request: Request) -> Response:
        token = {
            "id": "0123456789ab",
            "uses_left": 2,
            "made_by": "user:ada",
            "created_at": _now(),
            "expires_at": _now(),
        }
        over = token | {"id": "ba9876543210", "uses_left": 0}
        return JSONResponse({"items": [token, over], "next": None})

    async def _remove_join_token(self, request: Request) -> Response:
        return Response(status_code=204)

    async def _worker_load(self, request: Request) -> Response:
        if "step" not in request.query_params:
            return _problem(400, "bad_request", "no step")
        series = {"load1": [None, 0.5, 1.0]}
        return JSONResponse({"id": "w", "at": _now(), "step": 60, "kept_since": _now(), "series": series})

    async def _overview(self, request: Request) -> Response:
        project = request.query_params.get("project")
        alarm = {"kind": "worker_dead", "severity": "error", "about": "worker", "subject": "w", "name": "w2"}
        alarm |= {"text": "worker w2 is dead: its lease ran out", "next": "start it again", "since": _now()}
        minutes = [{"at": _now(), "succeeded": 3, "wait_p50": 0.5, "run_p50": 90.0}, {"at": _now()}]
        counts = {"jobs": {"queued": 2, "held": 0}, "ended": {"succeeded": 3}, "workers": {"working": 1, "dead": 1}}
        more = {"slots": 4, "slots_free": 3, "minutes": minutes, "alarms": [alarm], "alarm_count": 1}
        return JSONResponse(
            {"at": _now(), "project": None if project == "*" else project or "default", **counts, **more}
        )

    async def _cores(self, request: Request) -> Response:
        queue = {"name": "reports", "depth": 7, "bound": 100, "unit": "items"}
        modules = [{"name": "harvester", "state": "restarting", "restarts": 2, "error": "no", "queues": [queue]}]
        core = {"id": "c1", "here": True, "host": "alpha", "address": "0.0.0.0:8443", "modules": modules}
        return JSONResponse(
            {"items": [core, {"id": "c2", "reached": False, "workers": {"connected": 3}}], "next": None}
        )

    async def _workers(self, request: Request) -> Response:
        return JSONResponse({"items": [_WORKER], "next": None})

    async def _worker(self, request: Request) -> Response:
        if request.path_params["name"] != "w1":
            return _problem(404, "not_found", "there is no worker of that name")
        return JSONResponse(_WORKER | {"attempts": []})

    async def _revoke(self, request: Request) -> Response:
        self.store.revoked.append(request.path_params["name"])
        return Response(status_code=204)

    # The live log.

    async def _live(self, socket: WebSocket) -> None:
        self.requests.append(("WS", socket.url.path + "?" + socket.url.query))
        job = self.store.jobs.get(socket.path_params["id"])
        if not self._signed_in(socket.headers):
            await socket.send_denial_response(_problem(401, "unauthenticated", "sign in first"))
            return
        if job is None:
            await socket.send_denial_response(_problem(404, "not_found", "there is no such job"))
            return
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            await self._tell(socket, job)
            await socket.close()

    async def _tell(self, socket: WebSocket, job: dict[str, Any]) -> None:
        have = {1: int(socket.query_params["stdout"]), 2: int(socket.query_params["stderr"])}
        sent, at = {1: 0, 2: 0}, 0
        await _say(socket, {"t": "state", "state": "queued" if job["state"] == "queued" else "running"})
        while True:
            log = self.store.logs.get((job["id"], 1), [])
            for stream, data in log[at:]:
                start = sent[stream]
                sent[stream] += len(data)
                if sent[stream] > have[stream]:
                    await self._one(socket, stream, start, data)
            at = len(log)
            if job.get("ended_at"):
                break
            await asyncio.sleep(0.02)
        end = {k: job.get(k) for k in ("state", "exit_code", "failure", "message", "attempt")}
        await _say(socket, {"t": "later", "what": "a message of a later version"})
        await _say(socket, {"t": "end", "truncated": False, **end})

    async def _one(self, socket: WebSocket, stream: int, start: int, data: bytes) -> None:
        if self.faults.cut_log_after is not None:
            if self.faults.cut_log_after == 0:
                self.faults.cut_log_after = None
                await socket.close(1011)
                raise WebSocketDisconnect(1011)
            self.faults.cut_log_after -= 1
        await _say(socket, {"t": "data", "attempt": 1, "stream": stream, "offset": start, "data": data})


_WORKER = {
    "id": "0196",
    "name": "w1",
    "state": "waiting",
    "labels": {"os": "linux"},
    "capacity": {"slots": 4, "cpu_millis": 4000, "memory": 1 << 30, "disk": 1 << 30},
    "running": 0,
}


async def _say(socket: WebSocket, message: dict[str, Any]) -> None:
    await socket.send_bytes(msgspec.msgpack.encode(message))


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()


def _problem(
    status: int,
    code: str,
    title: str,
    *,
    field: str | None = None,
    hint: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    body = {"code": code, "title": title, "status": status, "field": field, "hint": hint}
    kept = {key: value for key, value in body.items() if value is not None}
    return JSONResponse(kept, status, headers, media_type="application/problem+json")
