"""The route of the audit. It tells of all projects and of what administrators did, so it is for administrators."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api import query
from swarm_core.api.auth import needs
from swarm_core.api.body import answer
from swarm_core.api.openapi import PAGE, documented
from swarm_core.audit import Audit
from swarm_core.store.audit import AuditView, Filter, Place

_MOST_ACTIONS: Final = 20
_FILTER: Final = {"actor": str, "action": str, "subject": str, "in_project": str, "since": str, "until": str}


class AuditPage(msgspec.Struct):
    """Entries, newest first; a page may have few and yet a `next`: it looks at a stretch of bounded length."""

    items: list[AuditView]
    next: str | None


class AuditRoutes:
    """The handler."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    @needs("admin", cluster=True)
    @documented(answer=AuditPage, query={**_FILTER, **PAGE})
    async def page(self, request: Request) -> Response:
        """Who did what, newest first; `action` may be there several times."""
        limit, cursor = query.page(request)
        place = Place(*query.read_cursor(cursor, Place)) if cursor else None
        found = await self._audit.page(await self._wanted(request), place, limit)
        return answer(AuditPage(found.entries, query.make_cursor(found.following) if found.following else None))

    async def _wanted(self, request: Request) -> Filter:
        actions = tuple(request.query_params.getlist("action"))
        if len(actions) > _MOST_ACTIONS or any(len(action) > 64 or "\0" in action for action in actions):
            raise query.wrong("action", f"the name of an action, at most {_MOST_ACTIONS} of them")
        return await self._audit.filter_of(
            actor=query.text(request, "actor") or None,
            actions=actions,
            subject=query.text(request, "subject") or None,
            project=query.text(request, "in_project") or None,
            since=query.moment(request, "since"),
            until=query.moment(request, "until"),
        )


def routes(audit: Audit) -> list[Route]:
    """The routes of the audit."""
    return [Route("/api/v1/audit", AuditRoutes(audit).page, methods=["GET"])]
