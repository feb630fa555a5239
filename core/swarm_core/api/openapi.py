"""The OpenAPI document, made from the route table: paths, roles and docstrings, and the types that handlers name.

`@documented(body=…, answer=…)` names a handler's types; without it the path and the first line of its docstring
stand alone.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from swarm_core.api.auth import Access, access_of, open_to_all
from swarm_core.api.body import answer
from swarm_protocol.errors import Problem

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "__swarm_documented__"
_PARAMETER: Final = re.compile(r"{([a-z_]+)(?::[a-z]+)?}")
_REF: Final = "#/components/schemas/{name}"


@dataclass(frozen=True, slots=True)
class Types:
    """What a handler takes and gives."""

    body: Any = None
    answer: Any = None
    status: int = 200


def documented(*, body: Any = None, answer: Any = None, status: int = 200) -> Callable[[F], F]:
    """Name the types of a handler's JSON body and answer, and the status of success."""

    def mark(handler: F) -> F:
        setattr(getattr(handler, "__func__", handler), _MARK, Types(body, answer, status))
        return handler

    return mark


def document(routes: Iterable[BaseRoute], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes."""
    found = [route for route in routes if isinstance(route, Route)]
    named = _named_types(found)
    schemas, components = msgspec.json.schema_components(named, ref_template=_REF)
    by_type = dict(zip(map(repr, named), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in found:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            path = _PARAMETER.sub(r"{\1}", route.path)
            paths.setdefault(path, {})[method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "swarm-sync core", "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def route(routes: Sequence[BaseRoute], version: str) -> Route:
    """The route that serves the document of a table; made at the first request."""
    made: list[dict[str, Any]] = []

    @open_to_all
    async def openapi(request: Request) -> Response:
        """This document."""
        if not made:
            made.append(document(routes, version))
        return answer(made[0])

    return Route("/api/v1/openapi.json", openapi)


def _named_types(routes: Sequence[Route]) -> list[Any]:
    marks = [_types(route) for route in routes]
    every = [Problem, *(form for mark in marks for form in (mark.body, mark.answer) if form is not None)]
    return list({repr(form): form for form in every}.values())


def _types(route: Route) -> Types:
    found = getattr(route.endpoint, _MARK, None)
    return found if isinstance(found, Types) else Types()


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    types, access = _types(route), access_of(route)
    made: dict[str, Any] = {
        "summary": (route.endpoint.__doc__ or route.name).strip().splitlines()[0],
        "responses": {
            str(types.status): _content("what was asked for", types.answer, schemas),
            "default": _content("what went wrong", Problem, schemas, "application/problem+json"),
        },
        "security": [] if access is None or access.anyone else [{"bearer": []}],
        "x-access": _in_words(access),
    }
    if types.body is not None:
        made["requestBody"] = {"required": True, **_content("", types.body, schemas)}
    names = _PARAMETER.findall(route.path)
    if names:
        made["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    return made


def _content(text: str, form: Any, schemas: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
    made: dict[str, Any] = {"description": text} if text else {}
    if form is not None:
        made["content"] = {kind: {"schema": schemas[repr(form)]}}
    return made


def _in_words(access: Access | None) -> str:
    if access is None or access.anyone:
        return "anyone"
    return " or ".join([*([access.role] if access.role else []), *(["worker"] if access.workers else [])])
