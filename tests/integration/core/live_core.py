"""A whole core in this process, on a real Postgres, served over TLS on a free port."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import msgspec
from argon2 import PasswordHasher
from tests.integration.core.contract import Contract
from tests.integration.core.spine import DIGEST, FakeWorker, open_session

from swarm_consumer import Client
from swarm_consumer.session import sign_in
from swarm_core.clock import SystemClock
from swarm_core.identity.cluster import Cluster, open_cluster
from swarm_core.identity.seal import Sealer
from swarm_core.logger import Logger
from swarm_core.module import Supervisor
from swarm_core.notice.settings import NoticeSettings
from swarm_core.parts import Given, Parts
from swarm_core.server import WebServer, bind
from swarm_core.settings import Settings, Timers
from swarm_core.store import people, workers
from swarm_core.store.database import Database, transaction
from swarm_core.syslog.levels import Level
from swarm_protocol import messages as m
from swarm_protocol.claims import SERVER_NAME
from swarm_protocol.errors import Problem
from swarm_protocol.ids import DEFAULT_PROJECT, uuid7
from swarm_protocol.spec import NEWER_DATA

SEAL_KEY = bytes(range(32))
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse"


class LiveCore:
    """A served core, with a client that trusts its CA."""

    def __init__(self, database: Database, cluster: Cluster, parts: Parts, server: WebServer) -> None:
        self.database = database
        self.cluster = cluster
        self.parts = parts
        self.logger = parts.given.logger
        self.server = server
        self.contract = Contract(parts.app.routes)
        self.trust = ssl.create_default_context(cadata=cluster.authority.pem)
        self._client = httpx2.AsyncClient(
            base_url=f"https://127.0.0.1:{server.port}", verify=self.trust, trust_env=False, timeout=20
        )

    async def call(self, method: str, path: str, token: str = "", **more: Any) -> httpx2.Response:
        """One request; `token` is the bearer's. Whatever is answered has to be what the OpenAPI document says."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        answer = await self._client.request(
            method, path, headers=headers, extensions={"sni_hostname": SERVER_NAME}, **more
        )
        self.contract.check(method, path, headers, answer)
        return answer

    async def played_worker(self, name: str, *, minor: int = m.PROTOCOL_MINOR) -> FakeWorker:
        """A worker that has joined and is connected to this core."""
        worker, given = await self.worker(name), self.parts.given
        played = await open_session(
            given.database,
            self.parts.dispatcher,
            given.core,
            given.settings.timers.lease,
            worker,
            labels=NEWER_DATA,
            minor=minor,
        )
        await self.parts.reconciler.reconcile(played.session, [])
        return played

    async def client(self, person: str) -> Client:
        """The SDK, signed in as a person of `person`."""
        url, ca = f"https://127.0.0.1:{self.server.port}", self.cluster.authority.pem
        return Client(await sign_in(url, person, PASSWORD, ca_pem=ca, client_name="test"))

    async def person(self, name: str, role: str = "consumer") -> UUID:
        """A new person with the usual password."""
        async with transaction(self.database.api) as connection:
            return await people.add(connection, name, QUICK_HASHER.hash(PASSWORD), role)

    async def image(self, name: str = "app", project: UUID = DEFAULT_PROJECT) -> None:
        """An image that jobs can be made of; nobody could pull it."""
        db = self.database.api
        await db.execute("insert into blob (digest, size) values ($1, 1) on conflict do nothing", DIGEST)
        await db.execute(
            "insert into manifest (project_id, digest, media_type, size) values ($1, $2, 'm', 1)"
            " on conflict do nothing",
            project,
            DIGEST,
        )
        await db.execute(
            "insert into image_tag (project_id, name, tag, digest, pushed_by) values ($1, $2, 'latest', $3, '')",
            project,
            name,
            DIGEST,
        )

    async def worker(self, name: str, public_key: bytes = b"") -> UUID:
        """A worker that has joined."""
        made = uuid7()
        async with transaction(self.database.api) as connection:
            await workers.add(connection, made, name, public_key)
        return made

    async def token_of(self, person: UUID) -> str:
        """A fresh access token of a person."""
        found = await people.by_id(self.database.api, person)
        assert found is not None
        return self.parts.tokens.issue_user(found.id, found.project, found.role, found.generation).token

    async def close(self) -> None:
        await self._client.aclose()


def problem(response: httpx2.Response) -> Problem:
    """The problem+json of an answer."""
    assert response.headers["content-type"] == "application/problem+json"
    found = msgspec.json.decode(response.content, type=Problem)
    assert found.status == response.status_code
    return found


@asynccontextmanager
async def live_core(
    url: str,
    data: Path,
    *,
    redis_url: str | None = None,
    timers: Timers | None = None,
    terminal_role: str = "operator",
    notices: NoticeSettings | None = None,
    run_modules: bool = False,
) -> AsyncIterator[LiveCore]:
    """A core on a migrated database; its modules run only where a test needs them."""
    clock = SystemClock()
    database = await Database.connect(url)
    cluster = await open_cluster(database.api, Sealer(SEAL_KEY), clock.time())
    settings = Settings(
        database_url=url,
        redis_url=redis_url,
        data=data,
        seal_key_file=data / "unused",
        timers=timers or Timers(),
        terminal_role=terminal_role,
        notices=notices or NoticeSettings(),
    )
    logger = Logger(clock, level=Level.ERROR)
    given = Given(
        core=uuid7(),
        settings=settings,
        database=database,
        cluster=cluster,
        sealer=Sealer(SEAL_KEY),
        clock=clock,
        logger=logger,
        version="test",
    )
    parts = Parts(given)
    parts.passwords._hasher = QUICK_HASHER
    server = WebServer(parts.app, parts.certificate.context, bind("127.0.0.1", 0))
    parts.heartbeats.bind("127.0.0.1", server.port)
    parts.gateway.udp_port = server.port
    supervisor = parts.supervisor if run_modules else Supervisor([], clock, logger)
    supervisor.add(server)
    supervisor.start()
    await server.started()
    core = LiveCore(database, cluster, parts, server)
    try:
        yield core
    finally:
        await core.close()
        parts.syslog.close()
        parts.conversations.close()
        await parts.gateway.close()
        await server.stop(2)
        await supervisor.stop()
        parts.heartbeats.close()
        parts.passwords.close()
        await parts.cache.close()
        await database.close()
