"""Mounts: folders of the workers that operators gave a name, for jobs of the projects that may use them.

async with Client.from_credentials() as client:
    await client.mounts.add("data", "/srv/data", read_only=True, projects=["lab"])
    await client.run(JobSpec(image="busybox", command=["ls", "/mnt/data"], mounts=["data"]))
"""

from collections.abc import Sequence

from swarm_consumer.models import Mount
from swarm_consumer.pages import Page, every
from swarm_consumer.transport import Call, Transport, part


class Mounts:
    """The verbs about mounts. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def all(self) -> list[Mount]:
        """By name: all there are for operators, for others those that the project may use."""
        return await every(self._transport, "/mounts", Page[Mount])

    async def get(self, name: str) -> Mount:
        """One of them."""
        return await self._transport.get(Mount, Call("GET", _path(name)))

    async def add(self, name: str, path: str, *, read_only: bool = False, projects: Sequence[str] = ()) -> Mount:
        """Give a folder of the workers a name, and let projects use it."""
        form = {"name": name, "path": path, "read_only": read_only, "projects": list(projects)}
        return await self._transport.get(Mount, Call("POST", "/mounts", json=form))

    async def edit(self, name: str, *, path: str | None = None, read_only: bool | None = None) -> Mount:
        """Change what is given. What runs keeps the folder as it got it; what waits finds it changed."""
        form = {"path": path, "read_only": read_only}
        return await self._transport.get(Mount, Call("PATCH", _path(name), json=form, repeatable=True))

    async def remove(self, name: str) -> None:
        """Take the name away; what runs keeps its mount."""
        await self._transport.send(Call("DELETE", _path(name)))

    async def allow(self, name: str, project: str, *, uid: int | None = None, gid: int | None = None) -> None:
        """Let a project use it; with `uid` and `gid` its jobs run as these."""
        form = {"uid": uid, "gid": gid}
        await self._transport.send(Call("PUT", f"{_path(name)}/projects/{part(project)}", json=form, repeatable=True))

    async def deny(self, name: str, project: str) -> None:
        """Let a project use it no more; what runs keeps its mount."""
        await self._transport.send(Call("DELETE", f"{_path(name)}/projects/{part(project)}"))


def _path(name: str) -> str:
    return f"/mounts/{part(name)}"
