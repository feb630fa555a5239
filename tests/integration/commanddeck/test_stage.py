"""What is said on the stage is what a core could say: each staged answer is held against the API's own document."""

import json
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from tests.integration.core.contract import Contract
from tests.integration.core.live_core import live_core

from tools.stage.answers import NEVER, Request
from tools.stage.world import table


async def test_every_answer_is_of_the_kind_that_the_core_gives(database_url: str, tmp_path: Path) -> None:
    async with live_core(database_url, tmp_path) as core:
        contract = Contract(core.parts.app.routes)
    lenient(contract._document)
    staged = table()
    assert staged.answers
    for request, answer in staged.answers.items():
        method, path = request.split(" ", 1)
        said = answer(Request(method, path)) if callable(answer) else answer
        if said is NEVER:
            continue  # it waits for something to come
        contract.check(method, f"/api/v1{path}", {}, as_response(contract, method, f"/api/v1{path}", said))


def as_response(contract: Contract, method: str, path: str, said: Any) -> httpx2.Response:
    """The answer with the status that the document has for a success."""
    known = contract._path(method, path)
    assert known is not None, f"{method} {path} is in no route"
    status = next(int(code) for code in contract.operations[method, known]["responses"] if code.startswith("2"))
    if isinstance(said, bytes):
        return httpx2.Response(status, content=said, headers={"content-type": "application/octet-stream"})
    return httpx2.Response(status, json=json.loads(msgspec.json.encode(said)))


def lenient(document: dict[str, Any]) -> None:
    """A staged answer may leave out what the SDK has a default for."""
    for schema in document["components"]["schemas"].values():
        schema.pop("required", None)
