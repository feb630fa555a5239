"""Containers of one engine: make, start, wait, read the log, stop, remove, list. No decisions."""

import asyncio
import io
import math
import struct
import tarfile
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from swarm_worker.runtimes.engine import Engine, EngineGone, EngineRefused, EngineSlow
from swarm_worker.runtimes.profile import CARDS_LABEL, Owner

_HEADER = struct.Struct(">BxxxI")
_KILLED = 137
_OOM_LAGS = (0.1, 0.2, 0.4, 0.8)
"""Seconds between looks: a busy engine may hear of the kernel's kill well after the end itself."""
_WHOLE_PIECE = 16 * 1024
_WAIT_ROUND = 60.0
_AROUND = 64 * 1024
"""Bytes that an archive may have beside its one file's."""
_SLOW = 120.0
"""Creating and starting: an engine under load takes its time, a hung one must not take ours."""


@dataclass(frozen=True)
class Seen:
    """A container of ours as a listing shows it."""

    id: str
    name: str
    role: str
    job: int
    attempt: int
    state: str
    gpus: tuple[str, ...] = ()
    """Cards that it was given."""


@dataclass(frozen=True)
class Exit:
    """How a container ended."""

    code: int
    oom: bool
    removing: bool = False
    """Someone else is removing it."""
    engine_lost: bool = False
    """The engine went away meanwhile, and the container ended badly: no word on the job itself."""


class Containers:
    """The engine's containers."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def create(self, name: str, body: dict[str, Any]) -> str:
        """Make a container, or find the one that an unanswered try made; its id. Raises EngineError."""
        try:
            answer = await self.engine.call(
                "POST", "/containers/create", params={"name": name}, json=body, deadline=_SLOW
            )
            return str(answer["Id"])
        except (EngineRefused, EngineGone) as error:
            if isinstance(error, EngineRefused) and error.status != 409:
                raise
            found = await self._ours(name, body["Labels"])
            if found is None:
                raise
            return found

    async def _ours(self, name: str, labels: dict[str, str]) -> str | None:
        try:
            seen = await self.inspect(name)
        except EngineRefused:
            return None
        has = seen["Config"].get("Labels") or {}
        same = all(has.get(key) == labels[key] for key in labels if key != "swarm.session")
        return str(seen["Id"]) if same and seen["State"]["Status"] == "created" else None

    async def start(self, container: str) -> None:
        """Start it; started already is fine. Raises EngineError."""
        await self.engine.call("POST", f"/containers/{container}/start", deadline=_SLOW)

    async def has_started(self, container: str) -> bool:
        """Whether it was ever started. Raises EngineError."""
        return bool((await self.inspect(container))["State"]["Status"] != "created")

    async def inspect(self, container: str) -> dict[str, Any]:
        """All the engine knows. Raises EngineError (status 404: there is none)."""
        answer: dict[str, Any] = await self.engine.call("GET", f"/containers/{container}/json")
        return answer

    async def wait(self, container: str) -> Exit:
        """How it ended, once it has. Raises EngineError, EngineGone also when the engine goes meanwhile."""
        while True:
            try:
                await self.engine.call("POST", f"/containers/{container}/wait", deadline=_WAIT_ROUND)
            except EngineSlow:
                if (await self.inspect(container))["State"]["Running"]:
                    continue
            return await self.exit(container)

    async def exit(self, container: str) -> Exit:
        """How an ended container ended. Raises EngineError."""
        ended = await self._exit(container)
        for lag in _OOM_LAGS:
            if ended.code != _KILLED or ended.oom:
                break
            await asyncio.sleep(lag)
            ended = await self._exit(container)
        return ended

    async def _exit(self, container: str) -> Exit:
        state = (await self.inspect(container))["State"]
        return Exit(int(state["ExitCode"]), bool(state["OOMKilled"]), state["Status"] in ("removing", "dead"))

    async def attach(
        self, container: str, ready: Callable[[], None], *, tty: bool = False
    ) -> AsyncGenerator[tuple[int, bytes]]:
        """Pieces of (stream, bytes) exactly as the container writes them; `ready` is called once attached.

        The container waits for a reader that is slow. Raises EngineError.
        """
        params = {"stream": "1", "stdout": "1", "stderr": "1"}
        async with self.engine.stream("POST", f"/containers/{container}/attach", params=params) as answer:
            ready()
            splitter = Plain() if tty else Demultiplexer()
            async for data in answer.content.iter_any():
                for piece in splitter.feed(data):
                    yield piece

    async def logs(
        self, container: str, *, follow: bool = True, tty: bool = False
    ) -> AsyncGenerator[tuple[int, bytes]]:
        """Pieces of (stream, bytes) of the engine's copy, from the log's start. Raises EngineError."""
        params = {"stdout": "1", "stderr": "1", "follow": "1" if follow else "0"}
        async with self.engine.stream("GET", f"/containers/{container}/logs", params=params) as answer:
            splitter = Plain() if tty else Demultiplexer(mend=True)
            async for data in answer.content.iter_any():
                for piece in splitter.feed(data):
                    yield piece

    async def read_file(self, container: str, path: str, most: int) -> bytes | None:
        """A regular file of a container that does not run; None where there is none, or a larger one.

        No link is followed. Raises EngineError.
        """
        place = f"/containers/{container}/archive"
        try:
            async with self.engine.stream("GET", place, params={"path": path}, total=30.0) as answer:
                archive = bytearray()
                async for data in answer.content.iter_any():
                    archive += data
                    if len(archive) > most + _AROUND:
                        return None
        except EngineRefused as error:
            if error.status in (400, 404):
                return None
            raise
        return _only_file(bytes(archive))

    async def stop(self, container: str, grace: float) -> None:
        """SIGTERM (or the image's stop signal), `grace` seconds, SIGKILL; gone or ended is fine. Raises EngineError."""
        params = {"t": str(math.ceil(grace))}
        try:
            await self.engine.call(
                "POST", f"/containers/{container}/stop", params=params, deadline=math.ceil(grace) + 30.0
            )
        except EngineRefused as error:
            if error.status != 404:
                raise

    async def signal(self, container: str, name: str) -> None:
        """Send it a signal; gone or ended is fine. Raises EngineError."""
        try:
            await self.engine.call("POST", f"/containers/{container}/kill", params={"signal": name})
        except EngineRefused as error:
            if error.status not in (404, 409):
                raise

    async def remove(self, container: str) -> None:
        """Remove it with its volumes, running or not; gone is fine. Raises EngineError."""
        try:
            params = {"force": "1", "v": "1"}
            await self.engine.call("DELETE", f"/containers/{container}", params=params, deadline=_SLOW)
        except EngineRefused as error:
            if error.status not in (404, 409):  # 409: a removal is under way
                raise

    async def list(self, owner: Owner) -> list[Seen]:
        """Every container with this owner's labels. Raises EngineError."""
        wanted = [f"swarm.cluster={owner.cluster}", f"swarm.worker={owner.worker}"]
        filters = msgspec.json.encode({"label": wanted}).decode()
        found = await self.engine.call("GET", "/containers/json", params={"all": "1", "filters": filters})
        return [_seen(item) for item in found]


def _only_file(archive: bytes) -> bytes | None:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            entry = opened.next()
            file = opened.extractfile(entry) if entry is not None and entry.isreg() else None
            return file.read() if file is not None else None
    except tarfile.TarError:
        return None


def _seen(item: dict[str, Any]) -> Seen:
    labels = item.get("Labels") or {}
    numbers = [int(text) if text.isdigit() else 0 for text in map(labels.get, ("swarm.job", "swarm.attempt"), ("", ""))]
    name = str(item["Names"][0]).removeprefix("/") if item.get("Names") else ""
    gpus = tuple(filter(None, labels.get(CARDS_LABEL, "").split(",")))
    return Seen(str(item["Id"]), name, labels.get("swarm.role", ""), numbers[0], numbers[1], str(item["State"]), gpus)


class Plain:
    """The engine's stream of a container with a terminal: bytes as they come, all of stream 1."""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The bytes that arrived."""
        return [(1, data)]


class Demultiplexer:
    """Takes the engine's stream apart: frames of a stream number, a length and bytes.

    With `mend`, for its copy of a log: a frame is a line there, or a piece of 16 KiB of a longer one. Engines before 23
    give such a line without its newline. A frame that is neither a whole piece nor ends in a newline, and has another
    after it, can only be the end of such a line.
    """

    def __init__(self, *, mend: bool = False) -> None:
        self._rest = bytearray()
        self._mend = mend
        self._owed: set[int] = set()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The bytes that arrived, joined for each stream; an unfinished frame waits for its end."""
        rest = self._rest
        rest += data
        parts: dict[int, list[bytes]] = {}
        at = 0
        while len(rest) - at >= _HEADER.size:
            stream, length = _HEADER.unpack_from(rest, at)
            end = at + _HEADER.size + length
            if end > len(rest):
                break
            frame = bytes(rest[at + _HEADER.size : end])
            parts.setdefault(stream, []).extend(self._mended(stream, frame) if self._mend else (frame,))
            at = end
        del rest[:at]
        return [(stream, b"".join(pieces)) for stream, pieces in parts.items()]

    def _mended(self, stream: int, frame: bytes) -> list[bytes]:
        owed = [b"\n"] if stream in self._owed else []
        self._owed.discard(stream)
        if len(frame) != _WHOLE_PIECE and not frame.endswith(b"\n"):
            self._owed.add(stream)
        return [*owed, frame]
