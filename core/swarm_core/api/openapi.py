"""The OpenAPI document, made from the route table: paths, roles and docstrings, and the types that handlers name.

`@documented(body=…, answer=…)` names a handler's types: a type for JSON, a `Media` for anything else.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
_JSON: Final = "application/json"
_PARAMETER: Final = re.compile(r"{([a-z_]+)(?::[a-z]+)?}")
_REF: Final = "#/components/schemas/{name}"


@dataclass(frozen=True, slots=True)
class Media:
    """A body that is no JSON of ours."""

    kind: str


OCTETS: Final = Media("application/octet-stream")
TEXT: Final = Media("text/plain")
RANGE: Final = {"Range": str, "If-Range": str, "If-None-Match": str}
"""Headers of routes that answer parts of a file (ranges.py)."""
RANGED: Final[Mapping[int, Any]] = {206: OCTETS, 304: None, 416: None}
"""What such routes answer beside the whole file."""
PAGE: Final = {"limit": int, "cursor": str}
"""Words in the query of a list."""


@dataclass(frozen=True, slots=True)
class Types:
    """What a handler takes and gives."""

    body: Any = None
    answer: Any = None
    status: int = 200
    also: Mapping[int, Any] = field(default_factory=dict)
    """Answers of other statuses that are no problems; a tuple for one of several types."""
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def answers(self) -> dict[int, Any]:
        """The type of each status."""
        return {self.status: self.answer, **self.also}

    @property
    def all(self) -> list[Any]:
        """Every type of JSON that is named."""
        named = [self.body, *self.answers.values(), *self.query.values(), *self.headers.values()]
        each = [form for some in named for form in (some if isinstance(some, tuple) else (some,))]
        return [form for form in each if form is not None and not isinstance(form, Media)]


def documented(
    *,
    body: Any = None,
    answer: Any = None,
    status: int = 200,
    also: Mapping[int, Any] | None = None,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, Any] | None = None,
) -> Callable[[F], F]:
    """Name the types of a handler's body and answer, the status of success, and what it reads of query and headers."""
    types = Types(body, answer, status, also or {}, query or {}, headers or {})

    def mark(handler: F) -> F:
        setattr(getattr(handler, "__func__", handler), _MARK, types)
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
    @documented(answer=dict[str, Any])
    async def openapi(request: Request) -> Response:
        """This document."""
        if not made:
            made.append(document(routes, version))
        return answer(made[0])

    return Route("/api/v1/openapi.json", openapi)


def types_of(route: Route) -> Types | None:
    """The types of a route's handler; None where it names none."""
    found = getattr(route.endpoint, _MARK, None)
    return found if isinstance(found, Types) else None


def _named_types(routes: Sequence[Route]) -> list[Any]:
    every = [Problem, str, *(form for route in routes for form in (types_of(route) or Types()).all)]
    return list({repr(form): form for form in every}.values())


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    types, access = types_of(route) or Types(), access_of(route)
    made: dict[str, Any] = {
        "summary": (route.endpoint.__doc__ or route.name).strip().splitlines()[0],
        "responses": {
            **{str(status): _answer(form, schemas) for status, form in types.answers.items()},
            "default": {
                "description": "what went wrong",
                "content": {"application/problem+json": {"schema": schemas[repr(Problem)]}},
            },
        },
        "security": [] if access is None or access.anyone else [{"bearer": []}],
        "x-access": _in_words(access),
    }
    if types.body is not None:
        made["requestBody"] = {"required": True, "content": _content(types.body, schemas)}
    parameters = [*_parameters(route.path, types, schemas), *_of_people(access, schemas)]
    if parameters:
        made["parameters"] = parameters
    return made


def _answer(form: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    if form is None:
        return {"description": "nothing more"}
    return {"description": "what was asked for", "content": _content(form, schemas)}


def _content(form: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    if isinstance(form, Media):
        return {form.kind: {}}
    if isinstance(form, tuple):
        return {_JSON: {"schema": {"anyOf": [schemas[repr(each)] for each in form]}}}
    return {_JSON: {"schema": schemas[repr(form)]}}


def _parameters(path: str, types: Types, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    places: list[tuple[str, Mapping[str, Any]]] = [
        ("path", dict.fromkeys(_PARAMETER.findall(path), str)),
        ("query", types.query),
        ("header", types.headers),
    ]
    return [
        {"name": name, "in": place, "required": place == "path", "schema": schemas[repr(form)]}
        for place, named in places
        for name, form in named.items()
    ]


def _of_people(access: Access | None, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    """The headers that people may send with any request of theirs."""
    if access is None or access.role is None:
        return []
    named = ["Swarm-Role"] if access.cluster else ["Swarm-Project", "Swarm-Role"]
    return [{"name": name, "in": "header", "required": False, "schema": schemas[repr(str)]} for name in named]


def _in_words(access: Access | None) -> str:
    if access is None or access.anyone:
        return "anyone"
    return " or ".join([*([access.role] if access.role else []), *(["worker"] if access.workers else [])])
