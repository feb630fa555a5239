"""Routes of projects."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode, nothing
from swarm_core.api.openapi import PAGE, documented
from swarm_core.api.query import listing, make_cursor, page, read_cursor
from swarm_core.identity.projects import Projects
from swarm_core.store.projects import MemberView, ProjectView


class NewProject(msgspec.Struct, forbid_unknown_fields=True):
    """A project to be made."""

    name: str


class Granted(msgspec.Struct, forbid_unknown_fields=True):
    """As what somebody takes part."""

    role: str


class ProjectList(msgspec.Struct):
    """A part of one's projects."""

    items: list[ProjectView]
    next: str | None


class MemberList(msgspec.Struct):
    """Who takes part."""

    items: list[MemberView]
    next: str | None


class ProjectRoutes:
    """Handlers over the projects."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects

    @needs("admin", cluster=True)
    @documented(body=NewProject, answer=ProjectView, status=201)
    async def add(self, request: Request) -> Response:
        """Make a project."""
        form = await decode(request, NewProject)
        return answer(await self._projects.add(identity_of(request), form.name), 201)

    @needs("observer", cluster=True)
    @documented(answer=ProjectList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List one's projects by name."""
        part = page(request)
        after = read_cursor(part.cursor, str) if part.cursor else ""
        found = await self._projects.page(identity_of(request), after, part.limit + 1)
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].name) if len(found) > part.limit else None)

    @needs("observer", cluster=True)
    @documented(answer=ProjectView)
    async def show(self, request: Request) -> Response:
        """One of them."""
        return answer(await self._projects.show(identity_of(request), _name(request)))

    @needs("admin", cluster=True)
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """Delete a project with nothing in it."""
        await self._projects.remove(identity_of(request), _name(request))
        return nothing()

    @needs("observer", cluster=True)
    @documented(answer=MemberList)
    async def members(self, request: Request) -> Response:
        """List who takes part, at most 1,000."""
        return listing(await self._projects.members(identity_of(request), _name(request)))

    @needs("observer", cluster=True)
    @documented(body=Granted, status=204)
    async def grant(self, request: Request) -> Response:
        """Let somebody take part; for administrators of the project."""
        form = await decode(request, Granted)
        await self._projects.grant(identity_of(request), _name(request), request.path_params["user"], form.role)
        return nothing()

    @needs("observer", cluster=True)
    @documented(status=204)
    async def revoke(self, request: Request) -> Response:
        """Let somebody take part no more; for administrators of the project."""
        await self._projects.revoke(identity_of(request), _name(request), request.path_params["user"])
        return nothing()


def _name(request: Request) -> str:
    found: str = request.path_params["name"]
    return found


def routes(projects: Projects) -> list[Route]:
    """All routes of projects."""
    handlers = ProjectRoutes(projects)
    at = "/api/v1/projects"
    one = f"{at}/{{name}}"
    return [
        Route(at, handlers.add, methods=["POST"]),
        Route(at, handlers.list, methods=["GET"]),
        Route(one, handlers.show, methods=["GET"]),
        Route(one, handlers.remove, methods=["DELETE"]),
        Route(f"{one}/members", handlers.members, methods=["GET"]),
        Route(f"{one}/members/{{user}}", handlers.grant, methods=["PUT"]),
        Route(f"{one}/members/{{user}}", handlers.revoke, methods=["DELETE"]),
    ]
