"""What the OpenAPI document promises, held against what a core answers."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx2
from jsonschema import Draft202012Validator
from starlette.routing import BaseRoute, Route

from swarm_core.api.openapi import document

_JSON = ("application/json", "application/problem+json")


class Contract:
    """The document of a table of routes, read strictly: an answer has no field that it doesn't name."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = [route for route in routes if isinstance(route, Route)]
        self._document = strict(document(routes, "test"))
        self.kept: set[tuple[str, str]] = set()
        """The operations (method, path) that an answer which is no problem was seen of."""

    @property
    def operations(self) -> dict[tuple[str, str], dict[str, Any]]:
        """All operations by method and path."""
        paths: dict[str, dict[str, Any]] = self._document["paths"]
        return {(method.upper(), path): made for path, each in paths.items() for method, made in each.items()}

    def check(self, method: str, target: str, headers: Mapping[str, str], answer: httpx2.Response) -> None:
        """Fail where an answer isn't one that the document knows."""
        parts = urlsplit(target)
        path = self._path(method, unquote(parts.path))
        if path is None:
            assert answer.status_code in (404, 405), f"{method} {target} is in no route"
            return
        operation = self.operations[method, path]
        responses = operation["responses"]
        found = responses.get(str(answer.status_code), responses["default"])
        self._check_body(f"{method} {path} {answer.status_code}", found, answer)
        if str(answer.status_code) in responses:
            check_words(operation, [name for name, _ in parse_qsl(parts.query)], headers)
            self.kept.add((method, path))

    def _path(self, method: str, path: str) -> str | None:
        for route in self._routes:
            if method in (route.methods or ()) and route.path_regex.match(path):
                return re.sub(r":[a-z]+}", "}", route.path)
        return None

    def _check_body(self, what: str, promised: dict[str, Any], answer: httpx2.Response) -> None:
        if "content" not in promised:
            assert answer.content == b"", what
            return
        kind = answer.headers["content-type"].partition(";")[0]
        [(name, content)] = promised["content"].items()
        assert re.fullmatch(re.escape(name).replace(r"\*", ".*"), kind), f"{what}: {kind} and not {name}"
        if kind in _JSON:
            root = {**content["schema"], "components": self._document["components"]}
            wrong = [
                f"{error.json_path}: {error.message}" for error in Draft202012Validator(root).iter_errors(answer.json())
            ]
            assert not wrong, f"{what}: {wrong}"


def check_words(operation: dict[str, Any], query: Sequence[str], headers: Mapping[str, str]) -> None:
    """Fail where a request that was granted had words that the document doesn't name."""
    known = {(p["in"], p["name"].lower()) for p in operation.get("parameters", [])}
    asked = {("query", name) for name in query} | {("header", name.lower()) for name in headers}
    assert asked <= known | {("header", "authorization")}, f"{operation['summary']}: {asked - known}"


def strict(made: dict[str, Any]) -> dict[str, Any]:
    """The document, with objects that have no other fields than those named."""
    found = copy.deepcopy(made)
    for schema in found["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return found
