"""The outermost layer: every exception becomes one clear answer, and bodies have a pace."""

import errno
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from tests.integration.core.spine import SilentLog
from tests.unit.core.api_call import Doorman, call
from tests.unit.core.identity.clock import ManualClock

from swarm_core.api import edge
from swarm_core.api.app import App, create_app
from swarm_core.api.auth import needs, open_to_all, worker_only
from swarm_core.api.body import answer, read
from swarm_protocol.errors import SwarmError


def app_of(handler: Any, log: SilentLog | None = None, clock: ManualClock | None = None) -> App:
    routes = [Route("/x", open_to_all(handler), methods=["GET", "POST"])]
    return create_app(routes, gatekeeper=Doorman(), clock=clock or ManualClock(), log=log or SilentLog())


def raising(error: Exception) -> Callable[[Request], Any]:
    async def handler(request: Request) -> Response:
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (SwarmError("not_found", "no"), 404, "not_found"),
        (SwarmError("too_many_requests", "no", retry_after=1.2), 429, "too_many_requests"),
        (ConnectionRefusedError(), 503, "unavailable"),
        (TimeoutError(), 503, "unavailable"),
        (asyncpg.InterfaceError("closed"), 503, "unavailable"),
        (asyncpg.exceptions.DeadlockDetectedError("x"), 503, "unavailable"),
        (OSError(errno.ENOSPC, "full"), 507, "disk_full"),
        (KeyError("secret"), 500, "internal"),
        (asyncpg.exceptions.UndefinedTableError("secret"), 500, "internal"),
    ],
)
async def test_what_goes_wrong_has_a_code(error: Exception, status: int, code: str) -> None:
    found = await call(app_of(raising(error)))
    assert (found.status, found.json["code"], found.json["status"]) == (status, code, status)
    assert found.headers["content-type"] == "application/problem+json"
    assert b"secret" not in found.body
    assert (status in (429, 503)) == ("retry-after" in found.headers)


async def test_the_log_has_what_the_caller_doesnt_see() -> None:
    log = SilentLog()
    found = await call(app_of(raising(KeyError("secret")), log))
    [(message, fields)] = log.lines
    assert message == "a request failed"
    assert "secret" in str(fields["trace"])
    assert str(fields["reference"]) in found.json["hint"]


async def test_retry_after_is_whole_seconds_and_never_too_early() -> None:
    found = await call(app_of(raising(SwarmError("unavailable", "no", retry_after=1.2))))
    assert found.headers["retry-after"] == "2"


async def test_what_isnt_there_is_said_in_the_same_form() -> None:
    async def handler(request: Request) -> Response:
        return Response()

    app = app_of(handler)
    assert (await call(app, path="/y")).json["code"] == "not_found"
    assert (await call(app, "DELETE")).status == 405
    assert (await call(app, path="/x/")).status == 404


async def test_an_answer_that_breaks_off_stays_incomplete() -> None:
    async def pieces() -> Any:
        yield b"half"
        raise KeyError("x")

    async def handler(request: Request) -> Response:
        return StreamingResponse(pieces())

    log = SilentLog()
    found = await call(app_of(handler, log))
    assert (found.status, found.body, found.complete) == (200, b"half", False)
    assert log.lines


async def test_a_body_that_trickles_is_given_up() -> None:
    clock = ManualClock()
    pieces = 0

    async def handler(request: Request) -> Response:
        nonlocal pieces
        async for _ in request.stream():
            pieces += 1
        return Response()

    found = await call(app_of(handler, clock=clock), "POST", parts=[b"x"] * 100, on_wait=lambda: clock.pass_by(10))
    assert (found.status, found.json["code"]) == (408, "too_slow")
    assert pieces <= 3


async def test_a_large_body_at_a_modest_pace_is_taken() -> None:
    clock = ManualClock()

    async def handler(request: Request) -> Response:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            clock.now += 1000  # the core's own time is nobody's fault
        return answer({"size": size})

    pace = 65536 / edge.BODY_PACE
    parts = [bytes(65536)] * 100
    found = await call(app_of(handler, clock=clock), "POST", parts=parts, on_wait=lambda: clock.pass_by(pace))
    assert found.json == {"size": 6553600}


async def test_a_body_over_its_limit_is_refused_before_it_is_read_whole() -> None:
    async def handler(request: Request) -> Response:
        return answer(len(await read(request, 100)))

    app = app_of(handler)
    assert (await call(app, "POST", parts=[bytes(60), bytes(40)])).json == 100
    assert (await call(app, "POST", parts=[bytes(60), bytes(41)])).json["code"] == "too_large"


async def test_roles_are_a_ladder_and_workers_stand_beside_it() -> None:
    async def handler(request: Request) -> Response:
        return answer(request.state.identity.name)

    async def other(request: Request) -> Response:
        return answer("w")

    async def both(request: Request) -> Response:
        return answer("b")

    routes = [
        Route("/op", needs("operator")(handler)),
        Route("/w", worker_only(other)),
        Route("/b", needs("observer", workers=True)(both)),
    ]
    app = create_app(routes, gatekeeper=Doorman(), clock=ManualClock(), log=SilentLog())
    callers = ["", "observer", "consumer", "operator", "admin", "worker"]
    found = {path: [(await call(app, path=path, token=who)).status for who in callers] for path in ("/op", "/w", "/b")}
    assert found == {
        "/op": [401, 403, 403, 200, 200, 401],
        "/w": [401, 401, 401, 401, 401, 200],
        "/b": [401, 200, 200, 200, 200, 200],
    }


def test_an_unknown_role_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="'root' is no role"):
        needs("root")
