"""A small core for the worker's tests: real TLS, real HTTPS, a real websocket and UDP, no database.

It speaks the whole of docs/wire.md from the core's side and remembers what it heard.
"""

import asyncio
import contextlib
import datetime
import hashlib
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from swarm_protocol import claims, frames, heartbeat
from swarm_protocol import messages as msg
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import JobSpec

T = TypeVar("T")
BOUND = 60.0


class Authority:
    """A CA and a server certificate with the fixed name."""

    def __init__(self, folder: Path) -> None:
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca = _certificate("test ca", "test ca", ca_key, ca_key, ca=True)
        leaf = _certificate(claims.SERVER_NAME, "test ca", key, ca_key, ca=False)
        self.pem = ca.public_bytes(Encoding.PEM)
        self.fingerprint = claims.ca_fingerprint(ca.public_bytes(Encoding.DER))
        self.certfile, self.keyfile = folder / "cert.pem", folder / "key.pem"
        self.certfile.write_bytes(leaf.public_bytes(Encoding.PEM))
        self.keyfile.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _certificate(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
    builder = (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
    return builder.sign(signer, hashes.SHA256())


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, core: "FakeCore") -> None:
        self._core = core

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        header = heartbeat.read_header(data)
        if header is not None and (beat := self._core.opener.open(data, header.counter)) is not None:
            self._core.beats.append(beat)
            self._core.changed()


class FakeCore:
    """One core. `heard` has every message of the worker, in order, over all sessions."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.token = claims.make_join_token(self.authority.fingerprint)
        self.cluster = str(uuid.uuid4())
        self.heard: list[msg.FromWorker] = []
        self.beats: list[heartbeat.Beat] = []
        self.blobs: dict[str, bytes] = {}
        self.logs: dict[tuple[msg.Ref, int], bytearray] = {}
        self.requests: list[tuple[str, str, int]] = []
        self.sessions = 0
        self.auto_ack = True
        self.auto_log_ack = True
        self.reconcile: Callable[[msg.Reconcile], msg.Reconciled] = lambda held: msg.Reconciled(
            keep=[item.ref for item in held.held], stop=[]
        )
        self.cut_downloads: list[int] = []
        self.token_seconds = 900.0
        self.revoked = False
        self.token_refusals: list[str] = []
        """Why the next requests for a token are refused, one reason each."""
        self.secrets: dict[msg.Ref, dict[str, bytes] | SwarmError] = {}
        """Files of an attempt's secrets, or why there are none."""
        self.before_goodbye: list[msg.FromCore] = []
        """What is on its way to the worker while its goodbye is."""
        self.goodbye_code = msg.CLOSE_PARTED
        """How its goodbye is answered."""
        self.socket: WebSocket | None = None
        self.port = 0
        self.opener = heartbeat.Opener(bytes(32))
        self.welcome_changes: dict[str, Any] = {}
        self._uploads: dict[str, tuple[str, int, bytearray]] = {}
        self._condition = asyncio.Event()
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._udp: asyncio.DatagramTransport | None = None

    @property
    def url(self) -> str:
        return f"wss://127.0.0.1:{self.port}"

    # --- life ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=("127.0.0.1", self.port))
        config = uvicorn.Config(
            self._app(),
            ssl_certfile=str(self.authority.certfile),
            ssl_keyfile=str(self.authority.keyfile),
            log_level="error",
            ws="websockets-sansio",
            lifespan="off",
            ws_max_size=frames.MAX_FRAME,
            timeout_graceful_shutdown=1,
        )
        config.load()
        assert config.ssl is not None
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))

    async def stop(self) -> None:
        await self.cut()
        if self._udp is not None:
            self._udp.close()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving

    async def cut(self, code: int = 1012) -> None:
        """Close the worker's websocket."""
        if self.socket is not None:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self.socket.close(code)
            self.socket = None

    def changed(self) -> None:
        self._condition.set()

    async def until(self, found: Callable[[], T | None], what: str = "") -> T:
        """Wait, with a bound, until `found` gives something true."""
        try:
            async with asyncio.timeout(BOUND):
                while not (result := found()):
                    self._condition.clear()
                    await self._condition.wait()
                return result
        except TimeoutError:
            raise AssertionError(f"nothing came: {what}; heard {self.heard[-20:]!r}") from None

    # --- speaking -----------------------------------------------------------------------------------------

    async def say(self, *spoken: msg.FromCore) -> None:
        socket_ = await self.until(lambda: self.socket, "a worker")
        await socket_.send_bytes(frames.encode(spoken))

    async def assign(self, image: str, spec: dict[str, Any], job: int, attempt: int = 1) -> msg.Ref:
        ref = msg.Ref(job, attempt)
        await self.say(self.assignment(image, spec, ref))
        return ref

    def assignment(self, image: str, spec: dict[str, Any], ref: msg.Ref) -> msg.Assign:
        whole = msgspec.convert({"image": "test", **spec}, JobSpec)
        named = msg.ImageRef(name="test", digest=image)
        return msg.Assign(ref=ref, project=uuid.uuid4(), image=named, spec=msgspec.json.encode(whole))

    def all_of(self, kind: type[T], ref: msg.Ref | None = None) -> list[T]:
        return [m for m in self.heard if isinstance(m, kind) and (ref is None or getattr(m, "ref", None) == ref)]

    async def first(self, kind: type[T], ref: msg.Ref | None = None) -> T:
        return (await self.until(lambda: self.all_of(kind, ref), f"{kind.__name__} of {ref}"))[0]

    async def finished(self, ref: msg.Ref) -> msg.Finished:
        return await self.first(msg.Finished, ref)

    def log(self, ref: msg.Ref, stream: int = 1) -> bytes:
        return bytes(self.logs.get((ref, stream), b""))

    async def whole_log(self, finished: msg.Finished, stream: int = 1) -> bytes:
        """The log once all bytes that the outcome names are here."""
        size = finished.stdout if stream == 1 else finished.stderr
        await self.until(lambda: len(self.log(finished.ref, stream)) >= size, f"{size} bytes of log")
        return self.log(finished.ref, stream)

    # --- HTTPS --------------------------------------------------------------------------------------------

    def _app(self) -> Starlette:
        api = "/api/v1"
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route(f"{api}/standing", self._standing),
                Route(f"{api}/ca.pem", self._ca),
                Route(f"{api}/join", self._join, methods=["POST"]),
                Route(f"{api}/worker-token", self._worker_token, methods=["POST"]),
                Route(f"{api}/manifests/{{digest}}", self._blob),
                Route(f"{api}/blobs/missing", self._missing, methods=["POST"]),
                Route(f"{api}/blobs/{{digest}}", self._put, methods=["PUT"]),
                Route(f"{api}/blobs/{{digest}}", self._blob),
                Route(f"{api}/uploads", self._open_upload, methods=["POST"]),
                Route(f"{api}/uploads/{{id}}", self._patch, methods=["PATCH"]),
                Route(f"{api}/uploads/{{id}}/finish", self._finish, methods=["POST"]),
                Route(f"{api}/attempt-secrets", self._secrets, methods=["POST"]),
                WebSocketRoute("/ws/worker", self._worker),
            ]
        )

    def put(self, data: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"version": "0.0.1", "modules": {"fleet": {"state": "restarting"}}})

    async def _standing(self, request: Request) -> Response:
        assert self._signed(request)
        return JSONResponse({"name": "w", "state": "waiting" if self.socket else None, "beat_age": None})

    async def _ca(self, request: Request) -> Response:
        return Response(self.authority.pem)

    async def _join(self, request: Request) -> Response:
        body = await request.json()
        if (body["token_id"], body["secret"]) != (self.token.token_id, self.token.secret):
            return _problem("token_used_up", "the join token was used up", 401)
        return JSONResponse({"worker_id": str(uuid.uuid4()), "cluster": self.cluster}, status_code=201)

    async def _worker_token(self, request: Request) -> Response:
        if self.revoked:
            return _problem("forbidden", "the worker was revoked", 403)
        if self.token_refusals:
            return _problem("unauthenticated", self.token_refusals.pop(0), 401)
        return JSONResponse({"access_token": f"access-{uuid.uuid4()}", "expires_in": self.token_seconds})

    def _signed(self, request: Request) -> bool:
        return request.headers.get("authorization", "").startswith("Bearer access-")

    async def _blob(self, request: Request) -> Response:
        data = self.blobs.get(request.path_params["digest"])
        if not self._signed(request) or data is None:
            return _problem("not_found", "no such blob", 404)
        start = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.requests.append(("GET", request.url.path, start))
        if self.cut_downloads and "/blobs/" in request.url.path and len(data) > 1000:
            return _cut_response(data[start : start + self.cut_downloads.pop(0)], len(data) - start)
        return Response(data[start:], status_code=206 if start else 200)

    async def _missing(self, request: Request) -> Response:
        wanted = (await request.json())["digests"]
        missing = [digest for digest in wanted if digest not in self.blobs]
        return JSONResponse({"missing": missing, "present": {}})

    async def _put(self, request: Request) -> Response:
        assert request.headers["swarm-attempt"]
        assert self.put(await request.body()) == request.path_params["digest"]
        return JSONResponse({}, status_code=201)

    async def _open_upload(self, request: Request) -> Response:
        body = await request.json()
        key = body["digest"].removeprefix("sha256:")
        upload = self._uploads.setdefault(key, (body["digest"], body["size"], bytearray()))
        return JSONResponse({"id": key, "offset": len(upload[2])}, status_code=201)

    async def _patch(self, request: Request) -> Response:
        _, _, data = self._uploads[request.path_params["id"]]
        offset = int(request.headers["upload-offset"])
        if offset != len(data):
            return _problem("offset_mismatch", "another offset", 409)
        data += await request.body()
        self.requests.append(("PATCH", request.url.path, offset))
        return JSONResponse({"offset": len(data)})

    async def _finish(self, request: Request) -> Response:
        digest, size, data = self._uploads.pop(request.path_params["id"])
        assert len(data) == size
        assert self.put(bytes(data)) == digest
        return JSONResponse({"digest": digest, "size": size}, status_code=201)

    async def _secrets(self, request: Request) -> Response:
        job, attempt = request.headers["swarm-attempt"].split(".")
        found = self.secrets[msg.Ref(int(job), int(attempt))] if self._signed(request) else {}
        if isinstance(found, SwarmError):
            return Response(msgspec.json.encode(found.problem()), found.status)
        items = [{"file": file, "name": file, "version": 1, "value": value} for file, value in found.items()]
        return Response(msgspec.json.encode({"items": items}))

    # --- the websocket ------------------------------------------------------------------------------------

    async def _worker(self, ws: WebSocket) -> None:
        if not ws.headers.get("authorization", "").startswith("Bearer access-"):
            await ws.close(1008)
            return
        await ws.accept()
        hello = frames.from_worker.decode(await ws.receive_bytes())[0]
        assert isinstance(hello, msg.Hello)
        self.heard.append(hello)
        self.sessions += 1
        await ws.send_bytes(frames.encode([self._welcome()]))
        try:
            while True:
                for message in frames.from_worker.decode(await ws.receive_bytes()):
                    self.heard.append(message)
                    for answer in self._answer(ws, message):
                        await ws.send_bytes(frames.encode([answer]))
                    if isinstance(message, msg.Goodbye):
                        await ws.close(self.goodbye_code)
                self.changed()
        except (WebSocketDisconnect, RuntimeError):
            if self.socket is ws:
                self.socket = None

    def _welcome(self) -> msg.Welcome:
        key = bytes([self.sessions]) * 32
        self.opener = heartbeat.Opener(key)
        plain = msg.Welcome(
            major=1,
            minor=msg.PROTOCOL_MINOR,
            session=uuid.uuid4(),
            cluster=self.cluster,
            core=uuid.uuid4(),
            udp_host="",
            udp_port=self.port,
            udp_key_id=self.sessions,
            udp_key=key,
            beat_seconds=0.1,
            ping_seconds=0.5,
            lease_seconds=30.0,
        )
        return msgspec.structs.replace(plain, **self.welcome_changes)

    def _answer(self, ws: WebSocket, message: msg.FromWorker) -> Iterator[msg.FromCore]:
        match message:
            case msg.Reconcile():
                yield self.reconcile(message)
                self.socket = ws
            case msg.Goodbye():
                yield from self.before_goodbye
            case msg.Ping(seq=seq):
                yield msg.Lease(seq=seq)
            case msg.TokenRequest():
                yield msg.TokenGrant(token=f"access-{uuid.uuid4()}", expires_in=self.token_seconds)
            case msg.Log():
                self._take_log(message)
                if self.auto_log_ack:
                    size = len(self.logs[message.ref, message.stream])
                    yield msg.LogAck(ref=message.ref, stream=message.stream, offset=size)
            case msg.Finished(ref=ref):
                if self.auto_ack:
                    yield msg.Ack(ref=ref)

    def _take_log(self, message: msg.Log) -> None:
        kept = self.logs.setdefault((message.ref, message.stream), bytearray())
        assert message.offset <= len(kept), "a gap in the log"
        overlap = kept[message.offset : message.offset + len(message.data)]
        assert message.data[: len(overlap)] == overlap, "the log came differently the second time"
        kept += message.data[len(kept) - message.offset :]


def _problem(code: str, title: str, status: int) -> Response:
    return JSONResponse({"code": code, "title": title, "status": status}, status_code=status)


def _cut_response(data: bytes, promised: int) -> Response:
    """An answer that ends before what its Content-Length promises."""

    class Cut(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            headers = [(b"content-length", str(promised).encode())]
            await send({"type": "http.response.start", "status": 206, "headers": headers})
            await send({"type": "http.response.body", "body": data, "more_body": True})
            raise ConnectionResetError

    return Cut()


@contextlib.asynccontextmanager
async def fake_core(folder: Path) -> AsyncIterator[FakeCore]:
    core = FakeCore(folder)
    await core.start()
    try:
        yield core
    finally:
        await core.stop()
