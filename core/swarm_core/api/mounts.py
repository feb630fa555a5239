"""Routes of mounts: operators keep them, everybody sees those that their project may use."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode, nothing
from swarm_core.api.openapi import PAGE, documented
from swarm_core.api.query import listing, make_cursor, page, read_cursor
from swarm_core.identity.mounts import Mounts
from swarm_core.store.mounts import MountView


class NewMount(msgspec.Struct, forbid_unknown_fields=True):
    """A mount to be made."""

    name: str
    path: str
    read_only: bool = False
    projects: list[str] = []
    """Whose jobs may use it."""


class MountEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What is to change of a mount."""

    path: str | None = None
    read_only: bool | None = None


class Allowed(msgspec.Struct, forbid_unknown_fields=True):
    """As whom a project's jobs run with a mount; without: as any other job."""

    uid: int | None = None
    gid: int | None = None


class MountList(msgspec.Struct):
    """A part of the mounts."""

    items: list[MountView]
    next: str | None


class MountRoutes:
    """Handlers over the mounts."""

    def __init__(self, mounts: Mounts) -> None:
        self._mounts = mounts

    @needs("operator", cluster=True)
    @documented(body=NewMount, answer=MountView, status=201)
    async def add(self, request: Request) -> Response:
        """Give a folder of the workers a name."""
        form = await decode(request, NewMount)
        made = await self._mounts.add(identity_of(request), form.name, form.path, form.read_only, form.projects)
        return answer(made, 201)

    @needs("observer")
    @documented(answer=MountList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List mounts by name: all of them for operators, for others those that the project may use."""
        part = page(request)
        after = read_cursor(part.cursor, str) if part.cursor else ""
        found = await self._mounts.page(identity_of(request), after, part.limit + 1)
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].name) if len(found) > part.limit else None)

    @needs("observer")
    @documented(answer=MountView)
    async def show(self, request: Request) -> Response:
        """One of them."""
        return answer(await self._mounts.show(identity_of(request), request.path_params["name"]))

    @needs("operator", cluster=True)
    @documented(body=MountEdit, answer=MountView)
    async def edit(self, request: Request) -> Response:
        """Change what is given; what runs keeps the folder as it got it, what waits finds it changed."""
        form = await decode(request, MountEdit)
        name = request.path_params["name"]
        return answer(await self._mounts.edit(identity_of(request), name, form.path, form.read_only))

    @needs("operator", cluster=True)
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """Take the name away; what runs keeps its mount."""
        await self._mounts.remove(identity_of(request), request.path_params["name"])
        return nothing()

    @needs("operator", cluster=True)
    @documented(body=Allowed, status=204)
    async def allow(self, request: Request) -> Response:
        """Let a project use it."""
        form = await decode(request, Allowed)
        name, project = request.path_params["name"], request.path_params["project"]
        await self._mounts.allow(identity_of(request), name, project, (form.uid, form.gid))
        return nothing()

    @needs("operator", cluster=True)
    @documented(status=204)
    async def deny(self, request: Request) -> Response:
        """Let a project use it no more; what runs keeps its mount."""
        await self._mounts.deny(identity_of(request), request.path_params["name"], request.path_params["project"])
        return nothing()


def routes(mounts: Mounts) -> list[Route]:
    """All routes of mounts."""
    handlers = MountRoutes(mounts)
    at = "/api/v1/mounts"
    one = f"{at}/{{name}}"
    return [
        Route(at, handlers.add, methods=["POST"]),
        Route(at, handlers.list, methods=["GET"]),
        Route(one, handlers.show, methods=["GET"]),
        Route(one, handlers.edit, methods=["PATCH"]),
        Route(one, handlers.remove, methods=["DELETE"]),
        Route(f"{one}/projects/{{project}}", handlers.allow, methods=["PUT"]),
        Route(f"{one}/projects/{{project}}", handlers.deny, methods=["DELETE"]),
    ]
