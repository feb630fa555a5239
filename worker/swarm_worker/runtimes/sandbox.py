"""Waiting network sandboxes, one for each slot: a job's container joins one instead of getting its own.

What is slow in starting a container without network is the engine making its network namespace. A sandbox is made
once with `--network none`, holds nothing but a program that waits, and is used by one job at a time, so that
jobs stay as apart as with a namespace each.
"""

import asyncio
import hashlib
import io
import logging
import platform
import struct
import tarfile
from typing import Any, Final
from uuid import uuid4

import msgspec

from swarm_worker.runtimes.docker import Containers
from swarm_worker.runtimes.engine import EngineError, EngineRefused
from swarm_worker.runtimes.profile import NOBODY, SANDBOX, Owner
from swarm_worker.sysinfo import architecture

log = logging.getLogger("swarm.worker")

_MEMORY: Final = 64 * 1024 * 1024
"""The waiting program needs some pages. What the engine starts it with counts too: with 8 MiB that was killed at times
("cannot start a stopped process")."""
_BASE: Final = 0x400000
_CODE: Final = {
    # pause() for ever.
    "x86_64": (0x3E, bytes.fromhex("b8220000000f05ebf7")),
    # ppoll(NULL, 0, NULL, NULL) for ever.
    "aarch64": (
        0xB7,
        struct.pack("<7I", 0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD2800928, 0xD4000001, 0x17FFFFFA),
    ),
}


def waiting_program(machine: str) -> bytes | None:
    """A static ELF program of some hundred bytes that does nothing but wait, or None for an unknown machine."""
    if machine not in _CODE:
        return None
    number, code = _CODE[machine]
    size = 64 + 56 + len(code)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, number, 1, _BASE + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return ident + header + segment + code


def sandbox_image(program: bytes, tag: str) -> tuple[bytes, list[str]]:
    """An archive for the engine to load and the image's diff ids. Equal for equal programs: loading it again makes
    nothing new."""
    layer = _tar({"wait": program})
    diff_ids = ["sha256:" + hashlib.sha256(layer).hexdigest()]
    config = msgspec.json.encode(
        {
            "architecture": architecture(),
            "os": "linux",
            "config": {"Cmd": ["/wait"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = msgspec.json.encode([{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}])
    return _tar({name: config, "layer.tar": layer, "manifest.json": manifest}), diff_ids


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


class Sandboxes:
    """Hands out sandboxes; makes one when none is free; never lends one twice at a time."""

    def __init__(self, containers: Containers, owner: Owner, *, enabled: bool = True) -> None:
        self._containers = containers
        self._owner = owner
        self._free: list[str] = []
        self._known: set[str] = set()
        self._program = waiting_program(platform.machine()) if enabled else None
        self._tag = f"swarm-sandbox:{owner.worker}"
        self._image_ready = False
        self._image_turn = asyncio.Lock()

    async def borrow(self) -> str | None:
        """Name of a sandbox for one job, or None where the job is to have a namespace of its own."""
        if self._free:
            return self._free.pop()
        if self._program is None:
            return None
        try:
            return await self._make()
        except EngineError as error:
            log.warning("no network sandbox, the job gets a namespace of its own: %s", error)
            self._image_ready = False
            return None

    async def prove(self) -> bool:
        """Make one and keep it as free; False for a machine that no program is known for. Raises EngineError."""
        if self._program is None:
            return False
        self._free.append(await self._make())
        return True

    def give_back(self, sandbox: str | None) -> None:
        """The job's container has ended: the next may use the sandbox."""
        if sandbox is not None:
            self._free.append(sandbox)

    async def drop(self, sandbox: str | None) -> None:
        """The sandbox did not do: remove it. Raises EngineError."""
        if sandbox is not None:
            self._known.discard(sandbox)
            await self._containers.remove(sandbox)

    def knows(self, name: str) -> bool:
        """Whether this is one of the sandboxes handed out, free or being made here."""
        return name in self._known

    async def close(self) -> None:
        """Remove the free ones and, where no other is left, their image. Raises EngineError."""
        while self._free:
            await self.drop(self._free.pop())
        if self._known or not self._image_ready:
            return
        self._image_ready = False
        try:
            await self._containers.engine.call("DELETE", f"/images/{self._tag}")
        except EngineRefused as error:
            if error.status not in (404, 409):
                raise

    async def _make(self) -> str:
        async with self._image_turn:  # two loads of one tag at once can fail in the engine
            if not self._image_ready:
                await self._ensure_image()
                self._image_ready = True
        sandbox = f"swarm-sandbox-{uuid4().hex[:16]}"
        self._known.add(sandbox)  # before the engine has it: a sweep may see it before its creation is answered
        try:
            await self._containers.create(sandbox, self._body())
            await self._containers.start(sandbox)
        except EngineError:
            await self.drop(sandbox)
            raise
        return sandbox

    async def _ensure_image(self) -> None:
        archive, diff_ids = sandbox_image(self._program or b"", self._tag)
        engine = self._containers.engine
        try:
            seen = await engine.call("GET", f"/images/{self._tag}/json")
        except EngineRefused:
            seen = {}
        if (seen.get("RootFS") or {}).get("Layers") != diff_ids:
            await engine.call("POST", "/images/load", params={"quiet": "1"}, data=archive)

    def _body(self) -> dict[str, Any]:
        return {
            "Image": self._tag,
            "Cmd": ["/wait"],
            "User": NOBODY,
            "Labels": self._owner.labels(SANDBOX),
            "HostConfig": {
                "NetworkMode": "none",
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "ReadonlyRootfs": True,
                "PidsLimit": 2,
                "Memory": _MEMORY,
                "MemorySwap": _MEMORY,
                "LogConfig": {"Type": "none"},
            },
        }
