"""The Docker Engine of this machine, as far as a push needs it, by plain HTTP over its socket."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from swarm_consumer.progress import Progress
from swarm_protocol.errors import SwarmError

DEFAULT_SOCKET = "/var/run/docker.sock"
_SAVE_IDLE = 120.0
"""Seconds in which the engine may be silent: it prepares a large image before the first byte."""


class LocalImage(msgspec.Struct, rename="pascal"):
    """What the engine says of an image."""

    class RootFs(msgspec.Struct, rename="pascal"):
        layers: list[str] | None = None

    id: str
    root_f_s: RootFs = msgspec.field(name="RootFS", default_factory=RootFs)
    repo_tags: list[str] | None = None
    size: int = 0

    @property
    def diff_ids(self) -> list[str]:
        return self.root_f_s.layers or []


class Engine:
    """A client of the engine named by DOCKER_HOST, else the one at its usual socket."""

    def __init__(self, host: str | None = None) -> None:
        """Raises SwarmError where this machine's kind of address is not supported."""
        import httpx2

        self._where = host or os.environ.get("DOCKER_HOST") or _usual_host()
        self._errors = httpx2
        timeout = httpx2.Timeout(30.0, read=_SAVE_IDLE)
        kind, _, address = self._where.partition("://")
        if kind == "unix":
            transport = httpx2.AsyncHTTPTransport(uds=address)
            self._client = httpx2.AsyncClient(transport=transport, base_url="http://engine", timeout=timeout)
        elif kind in ("tcp", "http"):
            self._client = httpx2.AsyncClient(base_url=f"http://{address}", timeout=timeout, trust_env=False)
        else:
            hint = "save the image with `docker save IMAGE -o image.tar`, then `swarm push image.tar`"
            raise SwarmError("bad_request", f"an engine at {self._where} can't be reached from here", hint=hint)

    async def inspect(self, name: str) -> LocalImage:
        """The image of this name. Raises SwarmError(image_unknown, unavailable)."""
        try:
            response = await self._client.get(f"/images/{quote(name, safe='')}/json")
        except self._errors.HTTPError as error:
            raise self._away(error) from None
        if response.status_code != 200:
            raise self._refusal(name, response.status_code, response.content)
        return msgspec.json.decode(response.content, type=LocalImage)

    async def save(self, name: str, target: Path, progress: Progress) -> None:
        """Write the image's archive to a file. Raises SwarmError."""
        try:
            async with self._client.stream("GET", f"/images/{quote(name, safe='')}/get") as response:
                if response.status_code != 200:
                    raise self._refusal(name, response.status_code, await response.aread())
                with target.open("wb") as file:
                    async for piece in _pieces(response):
                        file.write(piece)
                        progress.advance(len(piece))
        except self._errors.HTTPError as error:
            raise self._away(error) from None
        except OSError as error:
            hint = "free some space, or set TMPDIR to a folder that has it"
            raise SwarmError("disk_full", f"can't save {name}: {error.strerror}", hint=hint) from None

    async def close(self) -> None:
        await self._client.aclose()

    def _refusal(self, name: str, status: int, body: bytes) -> SwarmError:
        if status == 404:
            hint = "see what there is with `docker images`, or push an archive: `swarm push image.tar`"
            return SwarmError("image_unknown", f"the engine on this machine has no image {name}", hint=hint)
        try:
            said = str(msgspec.json.decode(body, type=dict[str, Any]).get("message", ""))
        except msgspec.DecodeError:
            said = f"status {status}"
        return SwarmError("unavailable", f"the engine refuses to hand out {name}: {said}")

    def _away(self, error: Exception) -> SwarmError:
        hint = "start it (`systemctl start docker`), or push an archive made elsewhere: `swarm push image.tar`"
        if "ermission denied" in str(error):
            hint = "join the group docker (`sudo usermod -aG docker $USER`, then sign in anew)"
        message = f"no container engine answers at {self._where}: {error or type(error).__name__}"
        return SwarmError("unavailable", message, hint=hint)


async def _pieces(response: Any) -> AsyncIterator[bytes]:
    async for piece in response.aiter_raw():
        yield piece


def _usual_host() -> str:
    if sys.platform == "win32":
        return "npipe:////./pipe/docker_engine"
    rootless = f"{os.environ.get('XDG_RUNTIME_DIR', '')}/docker.sock"
    usual = DEFAULT_SOCKET if os.path.exists(DEFAULT_SOCKET) or not os.path.exists(rootless) else rootless
    return f"unix://{usual}"
