"""Projects: what belongs together, and who takes part in it."""

from swarm_consumer.models import Member, Project, ProjectLimits
from swarm_consumer.pages import Page, every
from swarm_consumer.transport import Call, Transport, part


class Projects:
    """The verbs about projects. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def all(self) -> list[Project]:
        """One's projects, by name."""
        return await every(self._transport, "/projects", Page[Project])

    async def get(self, name: str) -> Project:
        """One of them."""
        return await self._transport.get(Project, Call("GET", _path(name)))

    async def add(self, name: str) -> Project:
        """Make a project."""
        return await self._transport.get(Project, Call("POST", "/projects", json={"name": name}))

    async def remove(self, name: str) -> None:
        """Delete a project with nothing in it."""
        await self._transport.send(Call("DELETE", _path(name)))

    async def members(self, name: str) -> list[Member]:
        """Who takes part, at most 1,000."""
        return (await self._transport.get(Page[Member], Call("GET", f"{_path(name)}/members"))).items

    async def grant(self, name: str, user: str, role: str) -> None:
        """Let somebody take part, or give them another role there."""
        call = Call("PUT", f"{_path(name)}/members/{part(user)}", json={"role": role}, repeatable=True)
        await self._transport.send(call)

    async def revoke(self, name: str, user: str) -> None:
        """Let somebody take part no more; their jobs there go on."""
        await self._transport.send(Call("DELETE", f"{_path(name)}/members/{part(user)}"))

    async def limits(self, name: str) -> ProjectLimits:
        """What it may have at once, and what it has."""
        return await self._transport.get(ProjectLimits, Call("GET", f"{_path(name)}/limits"))

    async def set_limits(
        self,
        name: str,
        *,
        queued: int | None = None,
        running: int | None = None,
        cpu_millis: int | None = None,
        memory: int | None = None,
    ) -> ProjectLimits:
        """Set all limits of a project; what isn't given has none. For administrators."""
        body = {"queued": queued, "running": running, "cpu_millis": cpu_millis, "memory": memory}
        call = Call("PUT", f"{_path(name)}/limits", json=body, repeatable=True)
        return await self._transport.get(ProjectLimits, call)


def _path(name: str) -> str:
    return f"/projects/{part(name)}"
