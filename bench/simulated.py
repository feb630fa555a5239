"""Simulated workers: they join, prove their key and speak the real protocol over TLS, and run nothing.

An assignment is answered at once by started and finished (succeeded). Many of them live in one process.
"""

import asyncio
import ssl
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import ClientConnection, connect

from bench.servers import Servers
from swarm_protocol import claims, frames
from swarm_protocol import messages as m

LABEL: Final = {"bench": "simulated"}
_PLENTY: Final = 1 << 45


@dataclass
class Tally:
    """What the workers saw: a moment for each assignment, and how many outcomes were acknowledged."""

    assigned: dict[int, float] = field(default_factory=dict)
    acknowledged: int = 0
    target: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, more: int) -> None:
        """Wait for that many more acknowledged outcomes."""
        self.target = self.acknowledged + more
        self.reached.clear()

    def acknowledge(self) -> None:
        self.acknowledged += 1
        if self.acknowledged >= self.target:
            self.reached.set()


@asynccontextmanager
async def workers(servers: Servers, count: int, slots: int) -> AsyncIterator[Tally]:
    """That many connected workers with so many slots each."""
    tally = Tally()
    tls = ssl.create_default_context(cadata=servers.sign_in.ca_pem)
    async with servers.client() as client:
        token = claims.parse_join_token((await client.join_token(uses=count)).token)
    async with httpx2.AsyncClient(base_url=servers.url, verify=tls, timeout=60) as http:
        joined = [await _join(http, token, f"sim-{uuid.uuid4().hex[:12]}") for _ in range(count)]
    ready = [asyncio.Event() for _ in joined]
    tasks = [
        asyncio.create_task(_serve(servers.url, tls, access, slots, tally, event))
        for access, event in zip(joined, ready, strict=True)
    ]
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*[event.wait() for event in ready])
        yield tally
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _join(http: httpx2.AsyncClient, token: claims.JoinToken, name: str) -> str:
    """Join and prove the key; an access token, good for longer than a round lasts."""
    key = Ed25519PrivateKey.generate()
    form = {
        "token_id": token.token_id,
        "secret": token.secret,
        "public_key": claims.b64url(key.public_key().public_bytes_raw()),
        "name": name,
    }
    sni = {"sni_hostname": claims.SERVER_NAME}
    answer = await http.post("/api/v1/join", json=form, extensions=sni)
    worker = answer.raise_for_status().json()["worker_id"]
    now = int(time.time())
    says = {
        "iss": worker,
        "sub": worker,
        "aud": claims.AUD_ASSERTION,
        "iat": now,
        "exp": now + 50,
        "jti": uuid.uuid4().hex,
    }
    assertion = jwt.encode(says, key, algorithm="EdDSA")
    answer = await http.post("/api/v1/worker-token", json={"assertion": assertion}, extensions=sni)
    return str(answer.raise_for_status().json()["access_token"])


async def _serve(url: str, tls: ssl.SSLContext, access: str, slots: int, tally: Tally, ready: asyncio.Event) -> None:
    async with connect(
        url.replace("https:", "wss:") + "/ws/worker",
        ssl=tls,
        server_hostname=claims.SERVER_NAME,
        additional_headers={"Authorization": f"Bearer {access}"},
        max_size=frames.MAX_FRAME * 2,
        compression=None,
        proxy=None,
    ) as socket:
        await socket.send(frames.encode([_hello(slots), m.Reconcile(held=[])]))
        pinging = asyncio.create_task(_ping(socket, slots))
        try:
            async for frame in socket:
                answers = _answer(
                    frames.from_core.decode(bytes(frame, "latin-1") if isinstance(frame, str) else frame), tally
                )
                if answers is None:
                    ready.set()
                elif answers:
                    for packed in frames.pack(answers):
                        await socket.send(packed)
        finally:
            pinging.cancel()


def _answer(messages: list[m.FromCore], tally: Tally) -> list[m.FromWorker] | None:
    """Answers to a frame; None for the one that says the worker is ready."""
    answers: list[m.FromWorker] = []
    now = time.perf_counter()
    for message in messages:
        if isinstance(message, m.Assign):
            tally.assigned[message.ref.job] = now
            answers.append(m.Started(ref=message.ref))
            answers.append(m.Finished(ref=message.ref, result="succeeded", exit_code=0))
        elif isinstance(message, m.Ack):
            tally.acknowledge()
        elif isinstance(message, m.Reconciled):
            return None
    return answers


def _hello(slots: int) -> m.Hello:
    return m.Hello(
        major=m.PROTOCOL_MAJOR,
        minor=m.PROTOCOL_MINOR,
        capacity=m.Capacity(slots=slots, cpu_millis=1 << 30, memory=_PLENTY, disk=_PLENTY),
        sysinfo=m.SysInfo(hostname="bench", os="linux", arch="amd64", cpus=1, memory=1, engine="none", version="0"),
        labels=LABEL,
    )


async def _ping(socket: ClientConnection, slots: int) -> None:
    seq = 0
    while True:
        seq += 1
        load = m.Load(running=0, free_slots=slots, load1=0.0, memory_free=1)
        await socket.send(frames.encode([m.Ping(seq=seq, load=load)]))
        await asyncio.sleep(2)
