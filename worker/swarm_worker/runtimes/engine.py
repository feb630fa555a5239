"""HTTP to a container engine on its unix socket (Docker Engine API 1.41 to 1.47), asynchronous throughout.

EngineError
├── EngineGone       no answer: whether the call took effect is unknown
│   └── EngineSlow   none within the call's deadline
└── EngineRefused    the engine's answer is an error; `status` and its message
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

_NEWEST = (1, 47)
_CONNECT = 5.0
_NVIDIA = "nvidia"


class EngineError(Exception):
    """A call to the engine that did not do its work."""


class EngineGone(EngineError):
    """The engine does not answer."""


class EngineSlow(EngineGone):
    """The engine does not answer in time."""


class EngineRefused(EngineError):
    """The engine answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class EngineInfo:
    """What matters of how an engine was set up."""

    root: str
    """Its own folder."""
    runtimes: frozenset[str]
    default_runtime: str

    @property
    def gives_gpus(self) -> bool:
        """Whether it can give NVIDIA cards to containers."""
        return _NVIDIA in self.runtimes or self.gives_gpus_to_all

    @property
    def gives_gpus_to_all(self) -> bool:
        """Whether a container gets cards that nobody asked for, where its image says so."""
        return self.default_runtime == _NVIDIA


class Engine:
    """One engine. Every call has a deadline in seconds; none costs a thread."""

    def __init__(self, docker_host: str) -> None:
        self.path = docker_host.removeprefix("unix://")
        self._session: aiohttp.ClientSession | None = None
        self.prefix = ""
        """Of every path: the version of the API that was agreed on."""
        self.runtime = ""
        """Version of the runtime under it, once it is open."""

    async def open(self) -> str:
        """Agree on an API version; returns the engine's version. Raises EngineError."""
        self.prefix = ""
        answer = await self.call("GET", "/version", deadline=10.0)
        offered = _version(answer.get("ApiVersion", "1.41"))
        least = _version(answer.get("MinAPIVersion", "1.12"))
        major, minor = max(min(offered, _NEWEST), least)
        self.prefix = f"/v{major}.{minor}"
        self.runtime = _runtime(answer)
        return str(answer.get("Version", ""))

    async def info(self) -> EngineInfo:
        """How it was set up. Raises EngineError."""
        told = await self.call("GET", "/info")
        root = str(told.get("DockerRootDir") or "/var/lib/docker")
        return EngineInfo(root, frozenset(told.get("Runtimes") or ()), str(told.get("DefaultRuntime", "")))

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        deadline: float = 30.0,
    ) -> Any:
        """A call read to its end; the JSON of the answer, or its bytes where it is none. Raises EngineError."""
        async with self.stream(method, path, params=params, json=json, data=data, total=deadline) as answer:
            content = await answer.read()
        if not answer.content_type.endswith("json"):
            return content
        try:
            return msgspec.json.decode(content) if content else None
        except msgspec.DecodeError:
            return content  # a stream of documents, as image calls give

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        total: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer to read piece by piece. Raises EngineError, also while it is read."""
        headers = {"Content-Type": "application/json"} if json is not None else {}
        if data is not None:
            headers["Content-Type"] = "application/x-tar"
        timeout = aiohttp.ClientTimeout(total=total, sock_connect=_CONNECT)
        body = msgspec.json.encode(json) if json is not None else data
        url = f"http://engine{self.prefix}{path}"
        try:
            async with self._http().request(
                method, url, params=params, data=body, headers=headers, timeout=timeout
            ) as answer:
                if answer.status >= 400:
                    raise EngineRefused(answer.status, message_of(await answer.read()))
                yield answer
        except TimeoutError as error:
            raise EngineSlow(f"the engine did not answer {method} {path} within {total} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineGone(f"the engine at {self.path} does not answer: {error}") from error

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.UnixConnector(path=self.path, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, read_bufsize=1 << 18)
        return self._session


def _runtime(answer: dict[str, Any]) -> str:
    parts = answer.get("Components") or []
    return next((str(part.get("Version", "")) for part in parts if part.get("Name") in ("runc", "crun")), "")


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)


def message_of(content: bytes) -> str:
    """What an error's answer says."""
    try:
        return str(msgspec.json.decode(content)["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return content.decode(errors="replace").strip() or "no message"
