"""The blob side of one core on a real Postgres and a real folder, and a person and a worker who use it."""

import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from swarm_core.blobs import DiskBlobs
from swarm_core.clock import SystemClock
from swarm_core.images import Images
from swarm_core.library import Library
from swarm_core.store.blobs import Owner
from swarm_core.store.database import Database
from swarm_core.uploads import Uploads
from swarm_protocol import oci
from swarm_protocol.ids import DEFAULT_PROJECT, ProjectId, uuid7


@dataclass(frozen=True)
class Who:
    """A caller."""

    kind: str = "person"
    id: UUID = field(default_factory=uuid4)
    name: str = "ana"
    project: ProjectId = DEFAULT_PROJECT


ANA = Who()
OURS = Owner(DEFAULT_PROJECT, DEFAULT_PROJECT)


def digest_of(data: bytes) -> str:
    """As the standard library computes it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


async def pieces(data: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    """A body as a server hands it over."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


class Vault:
    """Store, library, uploads and images, as the composition root builds them."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.store = DiskBlobs(folder)
        self.library = Library(database, self.store)
        self.uploads = Uploads(database, self.store, self.library)
        self.images = Images(database, self.store, self.library, SystemClock(), noted=lambda: None)

    async def add(self, data: bytes, owner: Owner = OURS) -> str:
        """A blob that counts; its digest."""
        digest = digest_of(data)
        await self.library.put(owner, digest, data)
        return digest

    async def read(self, digest: str, start: int = 0, end: int | None = None) -> bytes:
        """What the store has."""
        return b"".join([piece async for piece in await self.library.read(digest, start, end)])

    async def new_project(self, name: str) -> Who:
        """A person in a project of his own."""
        project = ProjectId(uuid7())
        await self.database.api.execute("insert into project (id, name) values ($1, $2)", project, name)
        return Who(name=name, project=project)

    async def push(self, who: Who = ANA, *, name: str = "img", tag: str = "latest", layer: bytes = b"") -> str:
        """A small image; its digest."""
        owner = Owner(who.project, who.project)
        layer = layer or os.urandom(100)
        diff = digest_of(layer)
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff]}})
        await self.add(layer, owner)
        await self.add(config.encode(), owner)
        return (await self.images.put(who, name, tag, manifest(config.encode(), [layer]))).digest

    async def running(self, who: Who, image_digest: str = "", inputs: tuple[str, ...] = ()) -> tuple[Who, int]:
        """A worker with an open attempt (number 1) of a new job: (worker, job)."""
        worker = Who("worker", uuid7(), f"w-{uuid4().hex[:8]}", ProjectId(UUID(int=0)))
        session = uuid7()
        db = self.database.api
        await db.execute("insert into worker (id, name, public_key) values ($1, $2, '')", worker.id, worker.name)
        await db.execute(
            "insert into worker_session (id, worker_id, core_id, lease_until) values ($1, $2, $1, swarm_now())",
            session,
            worker.id,
        )
        job: int = await db.fetchval(
            "insert into job (project_id, state, attempt, shape_id, priority, retries, infra_retries, at_most_once,"
            " created_at, image_digest, spec) values ($1, 'running', 1, 1, 0, 0, 0, false, swarm_now(), $2, '{}')"
            " returning id",
            who.project,
            image_digest,
        )
        await db.execute(
            "insert into attempt (job_id, attempt, worker_id, session_id, claimed_at)"
            " values ($1, 1, $2, $3, swarm_now())",
            job,
            worker.id,
            session,
        )
        for digest in inputs:
            await db.execute("insert into job_input (job_id, digest) values ($1, $2)", job, digest)
        return worker, job

    async def end(self, job: int) -> None:
        """The job and its attempt have ended."""
        await self.database.api.execute("update attempt set ended_at = swarm_now() where job_id = $1", job)
        await self.database.api.execute("update job set state = 'succeeded', ended_at = swarm_now() where id = $1", job)


def manifest(config: bytes, layers: list[bytes]) -> bytes:
    """An image manifest over these contents."""
    return oci.encode_manifest(
        oci.Manifest(
            schema_version=2,
            media_type=oci.MANIFEST,
            config=oci.Descriptor(media_type=oci.CONFIG, digest=digest_of(config), size=len(config)),
            layers=[oci.Descriptor(media_type=oci.LAYER_TAR, digest=digest_of(x), size=len(x)) for x in layers],
        )
    )


@asynccontextmanager
async def vault(url: str, folder: Path) -> AsyncIterator[Vault]:
    """An open vault."""
    database = await Database.connect(url)
    made = Vault(database, folder)
    try:
        yield made
    finally:
        await database.close()
        made.store.close()
