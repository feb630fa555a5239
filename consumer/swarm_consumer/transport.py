"""Requests to a core: signed in, tried again where that is safe, errors as SwarmError."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from swarm_consumer.clock import Clock, SystemClock
from swarm_consumer.credentials import Credentials
from swarm_consumer.retry import Failure, RetryPolicy, next_delay
from swarm_consumer.tokens import Granted, Tokens
from swarm_consumer.trust import pinned_context
from swarm_consumer.wire import Answer, HttpxWire, StreamingWire, Wire, WireError
from swarm_protocol.errors import STATUS, Problem, SwarmError

API = "/api/v1"
REQUEST_SECONDS = 60.0
T = TypeVar("T")
_CODES = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 409: "conflict", 413: "too_large"} | {
    status: code for code, status in STATUS.items() if status in (422, 429, 503, 507)
}
_ALWAYS_REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")


@dataclass(frozen=True)
class Call:
    """One request below `/api/v1`."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    json: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = REQUEST_SECONDS
    """Seconds that one try may take."""
    repeatable: bool | None = None
    """Whether twice does the same as once; None: what the method and an Idempotency-Key say."""
    signed: bool = True
    patience: float | None = None
    """Seconds in which tries may start; None: the transport's own."""

    @property
    def may_repeat(self) -> bool:
        if self.repeatable is not None:
            return self.repeatable
        return self.method in _ALWAYS_REPEATABLE or "Idempotency-Key" in self.headers

    @property
    def target(self) -> str:
        return API + self.path + (f"?{urlencode(self.query)}" if self.query else "")

    def payload(self) -> tuple[bytes | None, dict[str, str]]:
        """The body and the headers that go with it."""
        headers = {"Accept": "application/json", **self.headers}
        if self.json is not None:
            headers["Content-Type"] = "application/json"
            return msgspec.json.encode(self.json), headers
        return self.body, headers


class Transport:
    """All requests of one client go through here."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        wire: Wire | None = None,
        clock: Clock | None = None,
        policy: RetryPolicy | None = None,
        project: str | None = None,
        role: str | None = None,
        keep: Callable[[Credentials], None] = lambda _: None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`project` is what requests are about, whatever the environment and the sign-in say; `role` the most that
        the core is asked to let them do.
        """
        self.credentials = credentials
        self.context = pinned_context(credentials.ca_pem)
        self.clock = clock or SystemClock()
        self.policy = policy or RetryPolicy()
        self._wire = wire
        self._streaming: StreamingWire | None = None
        self._closed = False
        self._jitter = jitter
        self._project = project
        self._role = role
        self.tokens = Tokens(credentials, self._renew, keep, self.clock)

    async def close(self) -> None:
        """Close the connections; idempotent."""
        self._closed = True
        for wire in {id(w): w for w in (self._wire, self._streaming) if w is not None}.values():
            await wire.close()
        self._wire = self._streaming = None

    async def send(self, call: Call) -> Answer:
        """The answer to a call, of a status below 400. Raises SwarmError."""
        body, headers = call.payload()
        answer = await self._authorized(call, body, headers)
        if answer.status >= 400:
            raise error_of(answer, call)
        return answer

    async def get(self, kind: type[T], call: Call) -> T:
        """The answer's JSON as `kind`. Raises SwarmError."""
        answer = await self.send(call)
        try:
            return msgspec.json.decode(answer.body, type=kind, strict=False)
        except msgspec.DecodeError as error:
            where = f"{call.method} {call.path}"
            raise SwarmError("internal", f"the core's answer to {where} can't be read: {error}") from None

    @asynccontextmanager
    async def stream(
        self, call: Call, *, idle: float = REQUEST_SECONDS
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """An answer whose body is read piece by piece; one try. Raises SwarmError, WireError."""
        _, headers = call.payload()
        for again in (True, False):
            token = await self.tokens.access()
            signed = {**headers, "Accept": "*/*", **self.signature(token)}
            async with self._streams().stream(call.method, call.target, signed, idle) as (answer, pieces):
                if answer.status == 401 and again:
                    self.tokens.refused(token)
                    continue
                if answer.status >= 400:
                    raise error_of(answer, call)
                yield answer, pieces
                return

    def signature(self, token: str) -> dict[str, str]:
        """The headers that say who asks, about which project, and as what at most."""
        project = self._project or os.environ.get("SWARM_PROJECT") or self.credentials.project
        named = {"Swarm-Project": project, "Swarm-Role": self._role}
        return {"Authorization": f"Bearer {token}", **{name: text for name, text in named.items() if text}}

    async def _authorized(self, call: Call, body: bytes | None, headers: dict[str, str]) -> Answer:
        if not call.signed:
            return await self._tried(call, body, headers)
        token = await self.tokens.access()
        answer = await self._tried(call, body, {**headers, **self.signature(token)})
        if answer.status != 401:
            return answer
        self.tokens.refused(token)
        token = await self.tokens.access()
        return await self._tried(call, body, {**headers, **self.signature(token)})

    async def _tried(self, call: Call, body: bytes | None, headers: dict[str, str]) -> Answer:
        policy = self.policy if call.patience is None else RetryPolicy(patience=call.patience)
        began, tries = self.clock.monotonic(), 0
        while True:
            tries += 1
            failure, outcome = await self._try(call, body, headers)
            if failure is None and isinstance(outcome, Answer):
                return outcome
            delay = (
                None
                if failure is None
                else next_delay(
                    policy,
                    failure,
                    repeatable=call.may_repeat,
                    tries=tries,
                    spent=self.clock.monotonic() - began,
                    retry_after=retry_after(outcome) if isinstance(outcome, Answer) else None,
                    jitter=self._jitter(),
                )
            )
            if delay is None:
                return self._give_up(outcome)
            await self.clock.sleep(delay)

    async def _try(
        self, call: Call, body: bytes | None, headers: dict[str, str]
    ) -> tuple[Failure | None, Answer | WireError]:
        try:
            async with asyncio.timeout(call.timeout):
                answer = await self._plain().send(call.method, call.target, headers, body, call.timeout)
        except TimeoutError:
            return Failure.NO_ANSWER, WireError(f"no answer within {call.timeout:g} s", sent=True)
        except WireError as error:
            if error.untrusted:
                return None, error
            return (Failure.NO_ANSWER if error.sent else Failure.NOT_SENT), error
        if answer.status == 429:
            return Failure.REFUSED, answer
        return (Failure.UNAVAILABLE if answer.status in (502, 503, 504) else None), answer

    def _give_up(self, outcome: Answer | WireError) -> Answer:
        if isinstance(outcome, Answer):
            return outcome
        raise unreachable(self.credentials.url, outcome) from None

    async def _renew(self, refresh_token: str) -> Granted:
        call = Call("POST", "/token", json={"refresh_token": refresh_token}, repeatable=True, signed=False)
        return await self.get(Granted, call)

    def check_open(self) -> None:
        """Raises SwarmError once it is closed: what still goes on then would open connections that nobody closes."""
        if self._closed:
            raise SwarmError("unavailable", "this client is closed", hint="make another")

    def _plain(self) -> Wire:
        self.check_open()
        if self._wire is None:
            self._wire = self._streams()
        return self._wire

    def _streams(self) -> StreamingWire:
        self.check_open()
        if self._streaming is None:
            self._streaming = HttpxWire(self.credentials.url, self.context)
        return self._streaming


def part(text: str) -> str:
    """One part of a path, percent-encoded, slashes too."""
    return quote(text, safe="")


def retry_after(answer: Answer) -> float | None:
    """Seconds that the answer asks to wait, where it says so as a number."""
    try:
        return max(0.0, float(answer.headers.get("retry-after", "")))
    except ValueError:
        return None


def error_of(answer: Answer, call: Call) -> SwarmError:
    """The error that an answer of 400 or above stands for."""
    try:
        problem = msgspec.json.decode(answer.body, type=Problem)
    except msgspec.DecodeError:
        code = _CODES.get(answer.status, "internal")
        message = f"the core answered {answer.status} to {call.method} {call.path} and did not say why"
        return SwarmError(code, message, retry_after=retry_after(answer))
    return SwarmError.from_problem(problem, retry_after(answer))


def unreachable(url: str, error: WireError) -> SwarmError:
    """No answer came from the core at this address."""
    if error.untrusted:
        hint = f"if that core was set up anew, sign in again: `swarm login {url}`; else someone is in between"
        return SwarmError("unavailable", f"the core at {url} does not have the certificate known here", hint=hint)
    hint = "see whether it runs (`swarm status`, `swarm up`), or sign in to another with `swarm login URL`"
    return SwarmError("unavailable", f"no answer from the core at {url}: {error}", hint=hint)
