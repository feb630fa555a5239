"""Routes of settings. Operators see them, administrators change them."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api import query
from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode
from swarm_core.api.openapi import PAGE, documented
from swarm_core.store.audit import Place
from swarm_core.tuning.kept import ChangeView, RuntimeSettings, SettingView
from swarm_protocol.setting_rules import Value


class SettingList(msgspec.Struct):
    """All settings."""

    items: list[SettingView]
    next: str | None


class ChangePage(msgspec.Struct):
    """Changes of a setting, newest first."""

    items: list[ChangeView]
    next: str | None


class SettingForm(msgspec.Struct, forbid_unknown_fields=True):
    """A value: a number, or as a person writes it, such as `30d`."""

    value: Value


class SettingRoutes:
    """The handlers."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self._settings = settings

    @needs("operator", cluster=True)
    @documented(answer=SettingList)
    async def list(self, request: Request) -> Response:
        """Every setting: what it means, what it may be and is, and who changed it."""
        return query.listing(await self._settings.all())

    @needs("operator", cluster=True)
    @documented(answer=SettingView)
    async def show(self, request: Request) -> Response:
        """One of them."""
        return answer(await self._settings.show(_name(request)))

    @needs("operator", cluster=True)
    @documented(answer=ChangePage, query=PAGE)
    async def history(self, request: Request) -> Response:
        """Who changed it from what to what, as far as the audit goes."""
        limit, cursor = query.page(request)
        place = Place(*query.read_cursor(cursor, Place)) if cursor else None
        found, following = await self._settings.history(_name(request), place, limit)
        return answer(ChangePage(found, query.make_cursor(following) if following else None))

    @needs("admin", cluster=True)
    @documented(body=SettingForm, answer=SettingView)
    async def put(self, request: Request) -> Response:
        """Set one, on every core and without a restart."""
        form = await decode(request, SettingForm)
        return answer(await self._settings.put(_actor(request), _name(request), form.value))

    @needs("admin", cluster=True)
    @documented(answer=SettingView)
    async def reset(self, request: Request) -> Response:
        """Let the environment say again what it is."""
        return answer(await self._settings.reset(_actor(request), _name(request)))


def _name(request: Request) -> str:
    found: Any = request.path_params["name"]
    return str(found)


def _actor(request: Request) -> str:
    return f"user:{identity_of(request).name}"


def routes(settings: RuntimeSettings) -> list[Route]:
    """All routes of settings."""
    handlers = SettingRoutes(settings)
    at = "/api/v1/settings"
    one = f"{at}/{{name}}"
    return [
        Route(at, handlers.list, methods=["GET"]),
        Route(one, handlers.show, methods=["GET"]),
        Route(one, handlers.put, methods=["PUT"]),
        Route(one, handlers.reset, methods=["DELETE"]),
        Route(f"{one}/history", handlers.history, methods=["GET"]),
    ]
