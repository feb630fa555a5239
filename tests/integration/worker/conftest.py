"""The real engine, a small core, a busybox image as blobs, and workers that leave nothing behind."""

import asyncio
import contextlib
import gzip
import io
import json
import logging
import tarfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from swarm_worker import identity as identities
from swarm_worker.events import Mode
from swarm_worker.identity import Identity
from swarm_worker.join import join
from swarm_worker.main import lock
from swarm_worker.runtimes.docker import Containers, Seen
from swarm_worker.runtimes.engine import Engine, EngineError
from swarm_worker.runtimes.profile import Owner
from swarm_worker.service import Service
from swarm_worker.settings import Settings, read

from .fake_core import FakeCore, fake_core

BUSYBOX = Path("/bin/busybox")
FILES = ("cat", "ls", "dd", "head", "mkfifo", "ln", "mkdir", "chmod")
TOOLS = (*FILES, "sh", "echo", "sleep", "id", "true", "false", "yes")


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[FakeCore]:
    async with fake_core(tmp_path) as running:
        yield running


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine(read({}, data=Path("/unused")).docker_host)
    await engine.open()
    yield engine
    await engine.close()


def busybox_layer(files: Mapping[str, bytes] | None = None, links: Mapping[str, str] | None = None) -> bytes:
    """A root with busybox under a name for each of its tools that a test needs, and whatever else is given."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("bin", "etc", "tmp", "in", "out"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        archive.add(BUSYBOX, "bin/busybox", filter=_by_root)
        for tool in TOOLS:
            entry = tarfile.TarInfo(f"bin/{tool}")
            entry.type, entry.linkname, entry.mode = tarfile.LNKTYPE, "bin/busybox", 0o755
            archive.addfile(entry)
        for name, data in (files or {}).items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()


def _by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def as_zstd(data: bytes) -> bytes:
    """A frame of stored blocks (RFC 8878): any decoder reads it."""
    blocks = [data[at : at + 131_072] for at in range(0, len(data), 131_072)]
    frame = b"\x28\xb5\x2f\xfd\xe0" + len(data).to_bytes(8, "little")
    for number, block in enumerate(blocks, 1):
        frame += (len(block) << 3 | (number == len(blocks))).to_bytes(3, "little") + block
    return frame


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "+gzip": lambda data: gzip.compress(data, 1),
    "+zstd": as_zstd,
}


def put_image(core: FakeCore, layer: bytes, *, packed: str = "", **config: Any) -> str:
    """An image as blobs of the core; its manifest's digest. Unlike any other, so that no engine has it."""
    diff_id = core.put(layer)
    stored = core.put(PACKERS[packed](layer))
    media = "application/vnd.oci.image.layer.v1.tar" + packed
    inner = {"Env": ["PATH=/bin"], "Labels": {"test": str(uuid.uuid4())}, **config}
    whole = {
        "architecture": "amd64",
        "os": "linux",
        "config": inner,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
    }
    raw = json.dumps(whole).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": core.put(raw),
            "size": len(raw),
        },
        "layers": [{"mediaType": media, "digest": stored, "size": len(core.blobs[stored])}],
    }
    return core.put(json.dumps(manifest).encode())


@pytest.fixture
def image(core: FakeCore) -> str:
    return put_image(core, busybox_layer())


@dataclass
class Home:
    """One worker's data folder, joined, and the worker while it runs."""

    core: FakeCore
    engine: Engine
    settings: Settings
    identity: Identity
    service: Service | None = None
    task: "asyncio.Task[int] | None" = None
    _lock: int = field(default=-1)

    @property
    def owner(self) -> Owner:
        return Owner(self.identity.cluster, str(self.identity.worker_id))

    async def start(self) -> None:
        self.service = Service(self.settings, self.identity)
        self.task = asyncio.create_task(self.service.run())

    async def stop(self, mode: Mode | None = None) -> int:
        assert self.service is not None
        assert self.task is not None
        self.service.wants(mode)
        code = await asyncio.wait_for(self.task, 60)
        self.task = None
        return code

    async def containers(self) -> list[Seen]:
        return await Containers(self.engine).list(self.owner)

    async def jobs(self) -> list[Seen]:
        return [seen for seen in await self.containers() if seen.role == "job"]

    async def until(self, check: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait, with a bound, for something of the engine's that no event tells of."""
        for _ in range(600):
            if await check():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"did not come: {what}")

    async def until_no_jobs(self) -> None:
        async def none() -> bool:
            return not await self.jobs()

        await self.until(none, "an engine without containers of the worker's jobs")

    async def close(self) -> None:
        if self.task is not None:
            with contextlib.suppress(Exception):
                await self.stop()
        for seen in await self.containers():
            await Containers(self.engine).remove(seen.id)
        await self._remove_images()

    async def _remove_images(self) -> None:
        """The engine keeps an image while a container of it is on its way out."""

        async def none_left() -> bool:
            for tag in await self._images():
                with contextlib.suppress(EngineError):
                    await self.engine.call("DELETE", f"/images/{tag}")
            return not await self._images()

        await self.until(none_left, "an engine without images of the worker's")

    async def _images(self) -> list[str]:
        worker = str(self.identity.worker_id)
        ours = (f"swarm-image-{worker.replace('-', '')}:", f"swarm-sandbox:{worker}")
        found = await self.engine.call("GET", "/images/json")
        return [tag for image in found for tag in image.get("RepoTags") or [] if tag.startswith(ours)]


@pytest.fixture
async def make_home(core: FakeCore, engine: Engine, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Home]]]:
    homes: list[Home] = []

    async def make(**changes: Any) -> Home:
        data = tmp_path / f"worker{len(homes)}"
        settings = replace(read({}, data=data, slots=2, name=f"w{len(homes)}"), **changes)
        identity = await join(core.url, str(core.token), settings.name)
        identities.save(data, identity)
        home = Home(core, engine, settings, identity, _lock=lock(data))
        homes.append(home)
        return home

    logging.getLogger("swarm.worker").setLevel(logging.DEBUG)
    yield make
    for home in homes:
        await home.close()


@pytest.fixture
async def worker(make_home: Callable[..., Awaitable[Home]]) -> Home:
    home = await make_home()
    await home.start()
    return home


class Relay:
    """Between a worker and its engine: can cut every connection and refuse new ones, as an engine that goes does."""

    def __init__(self, path: Path, engine: str) -> None:
        self.path = path
        self._engine = engine
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def up(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def down(self) -> None:
        if self._server is not None:
            self._server.close()
            self.path.unlink(missing_ok=True)
            for writer in list(self._open):
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_unix_connection(self._engine)
        self._open |= {writer, forth}
        try:
            await asyncio.gather(_pump(reader, forth), _pump(back, writer))
        finally:
            for end in (writer, forth):
                self._open.discard(end)
                end.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


@pytest.fixture
async def relay(tmp_path: Path, engine: Engine) -> AsyncIterator[Relay]:
    relay = Relay(tmp_path / "engine.sock", engine.path)
    await relay.up()
    yield relay
    await relay.down()
