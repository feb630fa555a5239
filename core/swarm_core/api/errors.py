"""What a caller is told when something goes wrong: every exception becomes one SwarmError, and that problem+json.

A caller never sees a traceback or the text of an unknown exception; both are in the core's log under a reference.
"""

import errno
import math
import secrets
import traceback
from typing import Final

import asyncpg
import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from swarm_core.module import Log
from swarm_core.store.database import CONFLICT, LOST
from swarm_protocol.errors import SwarmError

_HTTP_CODES: Final = {400: "bad_request", 404: "not_found", 405: "bad_request", 413: "too_large"}
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_encode: Final = msgspec.json.Encoder().encode


def as_swarm_error(error: Exception) -> SwarmError | None:
    """The error as a caller should see it; None for one that nobody foresaw."""
    if isinstance(error, SwarmError):
        return error
    if isinstance(error, OSError) and error.errno in _FULL:
        return SwarmError("disk_full", "the core's disk is full", hint="free space on the core, then try again")
    if isinstance(error, asyncpg.exceptions.CharacterNotInRepertoireError):
        return SwarmError("bad_request", "a text of the request has a zero character in it")
    if isinstance(error, CONFLICT):
        return SwarmError("unavailable", "two changes met one another", hint="try again", retry_after=1)
    if isinstance(error, asyncpg.exceptions.DiskFullError):
        return SwarmError(
            "disk_full",
            "the database's disk is full",
            hint="nothing accepted is lost; free space where the database keeps its data, then try again",
            retry_after=10,
        )
    if isinstance(error, LOST):
        return SwarmError(
            "unavailable",
            "the database doesn't answer",
            hint="nothing accepted is lost; try again in a few seconds",
            retry_after=2,
        )
    return None


def http_error(error: HTTPException, method: str, path: str) -> tuple[SwarmError, int]:
    """A refusal by the router itself, with its own status."""
    if error.status_code == 404:
        return SwarmError("not_found", f"there is nothing at {path}", hint="see /api/v1/openapi.json"), 404
    if error.status_code == 405:
        return SwarmError("bad_request", f"{path} doesn't take {method}", hint="see /api/v1/openapi.json"), 405
    return SwarmError(_HTTP_CODES.get(error.status_code, "bad_request"), error.detail), error.status_code


def unforeseen(error: Exception, log: Log, method: str, path: str) -> SwarmError:
    """Write an exception that nobody foresaw to the log; returns what the caller is told: where to find it."""
    reference = secrets.token_hex(4)
    trace = "".join(traceback.format_exception(error))
    log.error("a request failed", method=method, path=path, reference=reference, error=repr(error), trace=trace)
    return SwarmError("internal", "the core failed at this", hint=f"its log says why under reference={reference}")


def problem_response(error: SwarmError, status: int | None = None) -> Response:
    """The error as problem+json (RFC 9457); `status` where it isn't the code's own."""
    headers = {"Cache-Control": "no-store"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    problem = error.problem()
    if status is not None:
        problem.status = status
    return Response(_encode(problem), status or error.status, headers, "application/problem+json")
