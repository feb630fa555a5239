"""Jobs: submit, look, wait, cancel, retry, change, remove."""

import os
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import msgspec

from swarm_consumer.coalesce import Coalescer
from swarm_consumer.job_filter import JobFilter
from swarm_consumer.models import Cancelled, DryRun, Explanation, Job, Outcome, Submitted
from swarm_consumer.outage import OUTAGE_SECONDS
from swarm_consumer.pages import Page
from swarm_consumer.transport import Call, Transport
from swarm_protocol import trace
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import MAX_SPEC_BYTES, JobSpec, check
from swarm_protocol.states import JobState

_POLL = 30.0
_BATCH = 1000
_MANY = 100
"""Input files that are worth a word where a job's description is too long."""
_REJECTIONS = frozenset({400, 404, 409, 413, 422})


class _Ids(msgspec.Struct):
    ids: list[int]


class _Outcomes(msgspec.Struct):
    items: list[Outcome] = []


@dataclass(frozen=True)
class _Pending:
    """One submit that waits for its batch; encoded once."""

    spec: msgspec.Raw
    key: str
    sleeps: bool

    @property
    def state(self) -> JobState:
        return JobState.SLEEPING if self.sleeps else JobState.QUEUED


class Jobs:
    """The verbs about jobs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        # Keys that grow keep the ids of one batch in the order in which its jobs were submitted.
        self._keys = (f"{run}-{number:012d}" for run in (uuid.uuid4().hex,) for number in count(1))
        self._submits: Coalescer[_Pending, Submitted] = Coalescer(self._send, lambda p: len(p.spec))

    async def close(self) -> None:
        """Wait for submits under way."""
        await self._submits.close()

    async def submit(self, spec: JobSpec, *, key: str | None = None) -> Submitted:
        """Make a job durable. The same `key` and spec later bring the same job. Raises SwarmError."""
        return await self._submits.put(_pending(spec, next(self._keys) if key is None else key))

    async def submit_count(self, spec: JobSpec, times: int, *, key: str | None = None) -> list[int]:
        """The same job many times (at most 100,000), all or none; their ids. Raises SwarmError.

        The same `key`, spec and number later bring the same jobs.
        """
        body = {"spec": _pending(spec, "").spec, "count": times}
        headers = {"Idempotency-Key": uuid.uuid4().hex if key is None else key, **_trace()}
        call = Call("POST", "/jobs/batch", json=body, headers=headers)
        return (await self._transport.get(_Ids, call)).ids

    async def dry_run(self, spec: JobSpec) -> DryRun:
        """What would become of a spec; nothing is kept. Raises SwarmError."""
        body = bytes(_pending(spec, "").spec)
        headers = {"Content-Type": "application/json"}
        call = Call("POST", "/jobs", [("dry_run", "1")], body=body, headers=headers, repeatable=True)
        return await self._transport.get(DryRun, call)

    async def _send(self, batch: Sequence[_Pending]) -> list[Submitted | Exception]:
        """One request for all; where the core rejects it, halves, so that one wrong spec fails alone."""
        try:
            return list(await self._post(batch))
        except SwarmError as error:
            if len(batch) == 1 or error.status not in _REJECTIONS:
                return [error] * len(batch)
        middle = len(batch) // 2
        return await self._send(batch[:middle]) + await self._send(batch[middle:])

    async def _post(self, batch: Sequence[_Pending]) -> list[Submitted]:
        if len(batch) == 1:
            headers = {"Idempotency-Key": batch[0].key, "Content-Type": "application/json", **_trace()}
            call = Call("POST", "/jobs", body=bytes(batch[0].spec), headers=headers)
            return [await self._transport.get(Submitted, call)]
        body = {"specs": [p.spec for p in batch], "keys": [p.key for p in batch]}
        call = Call("POST", "/jobs/batch", json=body, headers=_trace(), repeatable=True)
        ids = (await self._transport.get(_Ids, call)).ids
        return [Submitted(id=job, state=p.state) for job, p in zip(ids, batch, strict=True)]

    async def all(self, which: JobFilter | None = None, *, limit: int | None = 100) -> AsyncIterator[Job]:
        """Jobs in the filter's order, at most `limit` (None: all). Raises SwarmError."""
        cursor, left = None, limit
        while left is None or left > 0:
            page = await self.page(which, limit=min(500, left or 500), cursor=cursor)
            for job in page.items[:left]:
                yield job
            left = None if left is None else left - len(page.items)
            cursor = page.next
            if not cursor:
                return

    async def page(self, which: JobFilter | None, *, limit: int, cursor: str | None) -> Page[Job]:
        """At most `limit` (500) jobs and where the next begin; fewer, or none, where those that fit are rare."""
        more = [("limit", str(limit)), *([("cursor", cursor)] if cursor else [])]
        return await self._transport.get(Page[Job], Call("GET", "/jobs", [*(which or JobFilter()).query(), *more]))

    async def get(self, job: int) -> Job:
        """One job with its spec, attempts, history and artifacts. Raises SwarmError(not_found)."""
        return await self._transport.get(Job, Call("GET", f"/jobs/{job}"))

    async def explain(self, job: int) -> Explanation:
        """Where a job is, or why it waits and which worker lacks what. Raises SwarmError(not_found)."""
        return await self._transport.get(Explanation, Call("GET", f"/jobs/{job}/explain"))

    async def glance(self, job: int) -> Job:
        """One job as it is now, without what belongs to it. Raises SwarmError(not_found)."""
        return await self._transport.get(Job, Call("GET", f"/jobs/{job}/wait", [("timeout", "0")]))

    async def wait(self, job: int, *, within: float | None = None) -> Job:
        """The job once it has ended. Raises SwarmError, and TimeoutError after `within` seconds."""
        until = None if within is None else self._transport.clock.monotonic() + within
        while True:
            pause = self._pause(until)
            call = Call(
                "GET",
                f"/jobs/{job}/wait",
                [("timeout", f"{pause:g}")],
                timeout=pause + 30,
                patience=OUTAGE_SECONDS,
            )
            found = await self._transport.get(Job, call)
            if found.ended:
                return found

    async def wait_all(self, jobs: Iterable[int], *, within: float | None = None) -> dict[int, Outcome]:
        """How each of the jobs ended, once all have. Raises SwarmError, and TimeoutError."""
        until = None if within is None else self._transport.clock.monotonic() + within
        open_, ended = dict.fromkeys(jobs), dict[int, Outcome]()
        while open_:
            pause = self._pause(until)
            for outcome in await self._ended(list(open_)[:_BATCH], pause):
                ended[outcome.id] = outcome
                open_.pop(outcome.id, None)
        return ended

    async def _ended(self, jobs: Sequence[int], pause: float) -> Sequence[Outcome]:
        call = Call(
            "POST",
            "/jobs/wait",
            json={"ids": jobs, "timeout": pause},
            timeout=pause + 30,
            repeatable=True,
            patience=OUTAGE_SECONDS,
        )
        return (await self._transport.get(_Outcomes, call)).items

    def _pause(self, until: float | None) -> float:
        if until is None:
            return _POLL
        left = until - self._transport.clock.monotonic()
        if left <= 0:
            raise TimeoutError("the jobs have not ended in time")
        return min(_POLL, left)

    async def cancel(self, job: int) -> Cancelled:
        """Ask for a job's end. Raises SwarmError(already_ended, not_found)."""
        return await self._transport.get(Cancelled, Call("POST", f"/jobs/{job}/cancel", repeatable=True))

    async def retry(self, job: int) -> int:
        """The id of a new job like this one (or its own, where it was held). Raises SwarmError(not_ended)."""
        call = Call("POST", f"/jobs/{job}/retry", headers={"Idempotency-Key": uuid.uuid4().hex})
        return (await self._transport.get(Submitted, call)).id

    async def update(self, job: int, *, priority: int) -> Job:
        """A job that has not ended with another priority. Raises SwarmError(already_ended, not_found)."""
        call = Call("PATCH", f"/jobs/{job}", json={"priority": priority}, repeatable=True)
        return await self._transport.get(Job, call)

    async def remove(self, job: int) -> None:
        """Delete an ended job, its logs and its artifacts. Raises SwarmError(not_ended, not_found)."""
        await self._transport.send(Call("DELETE", f"/jobs/{job}"))


def _trace() -> dict[str, str]:
    """The trace that this process is in, if it was started in one."""
    text = os.environ.get("TRACEPARENT")
    return {"traceparent": text} if text and trace.parse(text) else {}


def _pending(spec: JobSpec, key: str) -> _Pending:
    wrong = check(spec)
    if wrong:
        errors = [{"field": e.field, "message": e.message} for e in wrong]
        message = f"{wrong[0].field}: {wrong[0].message}"
        raise SwarmError("invalid_spec", message, field=wrong[0].field, errors=errors)
    try:
        raw = msgspec.Raw(msgspec.json.encode(spec))
    except UnicodeEncodeError:
        raise SwarmError("invalid_spec", "a word of the job is not UTF-8") from None
    if len(raw) > MAX_SPEC_BYTES:
        hint = "hand large data over as a file with --input"
        message = f"the job's description is {len(raw)} bytes, over the limit of {MAX_SPEC_BYTES}"
        if len(spec.inputs) > _MANY:
            message, hint = f"{message}, with its {len(spec.inputs)} input files", "pack them into one archive"
        raise SwarmError("too_large", message, hint=hint)
    return _Pending(raw, key, spec.at is not None)
