"""Routes of jobs: new ones go to the Receiver, a person's word on old ones to Steering, reads to the TaskArchive."""

from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from swarm_core.api import filename
from swarm_core.api.auth import Identity, identity_of, needs
from swarm_core.api.body import answer, decode, nothing, read
from swarm_core.api.job_forms import (
    ArtifactList,
    BatchForm,
    Checked,
    EndList,
    JobEdit,
    JobList,
    NewJob,
    NewJobs,
    RawBatch,
    RetriedJob,
    ShownJob,
    WaitForm,
)
from swarm_core.api.job_queries import QUERY, filters_of, order_of, read_place, write_place
from swarm_core.api.openapi import OCTETS, PAGE, RANGE, RANGED, documented
from swarm_core.api.query import (
    flag,
    integer,
    listing,
    make_cursor,
    page,
    path_integer,
    read_cursor,
    seconds,
    text,
    wrong,
)
from swarm_core.api.ranges import ranged
from swarm_core.archive import MAX_WAIT_IDS, TaskArchive
from swarm_core.identity.projects import Projects
from swarm_core.receiver import DryRun
from swarm_core.steering import Cancelled, Retried
from swarm_core.store.job_views import JobView
from swarm_core.templates import Submitted
from swarm_protocol import trace
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import MAX_SPEC_BYTES, JobSpec
from swarm_protocol.trace import Origin

MAX_BATCH_BYTES: Final = 32 * 1024 * 1024
MAX_WAIT: Final = 60.0
_MAX_KEY: Final = 200
_KEY: Final = {"Idempotency-Key": str}
_SUBMIT: Final = {**_KEY, "traceparent": str}
_LEAN_HEADERS: Final = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class Submitting(Protocol):
    """What these routes need of the Receiver."""

    async def submit(
        self,
        who: Identity,
        specs: Sequence[bytes],
        *,
        keys: Sequence[str | None] = (),
        count: int = 1,
        key: str | None = None,
        origin: Origin | None = None,
    ) -> list[Submitted]: ...
    async def dry_run(self, who: Identity, spec: bytes) -> DryRun: ...


class Steered(Protocol):
    """What these routes need of Steering."""

    async def cancel(self, who: Identity, job: int) -> Cancelled: ...
    async def retry(self, who: Identity, job: int, key: str | None = None) -> Retried: ...
    async def edit(self, who: Identity, job: int, priority: int) -> None: ...
    async def remove(self, who: Identity, job: int) -> None: ...


class Lean:
    """An answer of JSON bytes with as little around it as there can be: single submits are bound by the request."""

    __slots__ = ("_body", "_status")

    def __init__(self, body: bytes, status: int) -> None:
        self._body = body
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*_LEAN_HEADERS, (b"content-length", b"%d" % len(self._body))]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


class JobRoutes:
    """Handlers over the Receiver, Steering, the archive and the projects that one may see."""

    def __init__(self, receiver: Submitting, steering: Steered, archive: TaskArchive, projects: Projects) -> None:
        self._receiver = receiver
        self._steering = steering
        self._archive = archive
        self._projects = projects

    # Submitting and steering -----------------------------------------------------------------------------

    @needs("consumer")
    @documented(
        body=JobSpec, answer=NewJob, status=201, also={200: (NewJob, Checked)}, query={"dry_run": bool}, headers=_SUBMIT
    )
    async def submit(self, request: Request) -> Lean | Response:
        """Make a job durable; `?dry_run=1` checks only."""
        spec = await read(request, MAX_SPEC_BYTES)
        if request.scope["query_string"] and flag(request, "dry_run"):
            return await self._dry_run(request, spec)
        [made] = await self._receiver.submit(
            identity_of(request), (spec,), key=_request_key(request), origin=_origin(request)
        )
        return Lean(b'{"id":%d,"state":"%s"}' % (made.id, made.state.encode()), 201 if made.created else 200)

    async def _dry_run(self, request: Request, spec: bytes) -> Response:
        found = await self._receiver.dry_run(identity_of(request), spec)
        return answer(Checked(True, found.image, found.fits, found.nearest))

    @needs("consumer")
    @documented(body=BatchForm, answer=NewJobs, status=201, also={200: NewJobs}, headers=_SUBMIT)
    async def submit_batch(self, request: Request) -> Response:
        """Make many jobs durable, all or none."""
        batch = await decode(request, RawBatch, MAX_BATCH_BYTES)
        if bool(batch.spec) == bool(batch.specs):
            raise SwarmError("bad_request", "give either `specs`, or `spec` and `count`", field="specs")
        if batch.specs and batch.count != 1:
            raise SwarmError("bad_request", "`count` goes with `spec`, not with `specs`", field="count")
        specs = [bytes(batch.spec)] if batch.spec else [bytes(spec) for spec in batch.specs]
        keys = [None if key is None else _checked_key(key) for key in batch.keys]
        made = await self._receiver.submit(
            identity_of(request),
            specs,
            keys=keys,
            count=batch.count,
            key=_request_key(request),
            origin=_origin(request),
        )
        ids = [job.id for job in made]
        return answer(NewJobs(ids[0], ids), 201 if any(job.created for job in made) else 200)

    @needs("consumer")
    @documented(answer=Cancelled)
    async def cancel(self, request: Request) -> Response:
        """Stop a job."""
        return answer(await self._steering.cancel(identity_of(request), path_integer(request)))

    @needs("consumer")
    @documented(answer=RetriedJob, status=201, also={200: RetriedJob}, headers=_KEY)
    async def retry(self, request: Request) -> Response:
        """Run an ended job again as a new one, or release a held one."""
        made = await self._steering.retry(identity_of(request), path_integer(request), _request_key(request))
        return answer(RetriedJob(made.id), 201 if made.created else 200)

    @needs("consumer")
    @documented(body=JobEdit, answer=JobView)
    async def edit(self, request: Request) -> Response:
        """Change the priority of a job that has not ended."""
        who, job, wanted = identity_of(request), path_integer(request), await decode(request, JobEdit)
        await self._steering.edit(who, job, wanted.priority)
        return answer(await self._archive.get(who.project, job))

    @needs("consumer")
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """Delete an ended job with its log and files."""
        await self._steering.remove(identity_of(request), path_integer(request))
        return nothing()

    # Reading ---------------------------------------------------------------------------------------------

    @needs("observer")
    @documented(answer=JobList, query=QUERY)
    async def list(self, request: Request) -> Response:
        """List jobs, newest first or as `sort` says."""
        filters, (sort, order), part = filters_of(request), order_of(request), page(request)
        after = read_place(part.cursor, sort) if part.cursor else None
        projects = await self._projects.seen(identity_of(request), text(request, "project"))
        found = await self._archive.page(sorted(projects), filters, part.limit, order, after)
        return listing(found.items, write_place(found.end, sort) if found.end is not None else None)

    @needs("observer")
    @documented(answer=ShownJob)
    async def show(self, request: Request) -> Response:
        """A job with its spec, attempts, history and output files."""
        return answer(await self._archive.show(identity_of(request).project, path_integer(request)))

    @needs("observer")
    @documented(answer=JobView, query={"timeout": float})
    async def wait(self, request: Request) -> Response:
        """The job once it has ended, or as it is after the timeout."""
        within = seconds(request, "timeout", 30.0, MAX_WAIT)
        return answer(await self._archive.wait(identity_of(request).project, path_integer(request), within))

    @needs("observer")
    @documented(body=WaitForm, answer=EndList)
    async def wait_many(self, request: Request) -> Response:
        """Those of some jobs that have ended, as soon as one has."""
        ask = await decode(request, WaitForm)
        within = min(MAX_WAIT, max(0.0, ask.timeout))
        if not all(0 < job < 1 << 63 for job in ask.ids[:MAX_WAIT_IDS]):
            raise wrong("ids", "a list of job ids")
        return answer(EndList(await self._archive.wait_any(identity_of(request).project, ask.ids, within)))

    @needs("observer")
    @documented(answer=ArtifactList, query={"attempt": int, **PAGE})
    async def artifacts(self, request: Request) -> Response:
        """List the output files of a job's newest attempt, or of `?attempt=`."""
        part = page(request)
        after = read_cursor(part.cursor, str) if part.cursor else ""
        project, job = identity_of(request).project, path_integer(request)
        found = await self._archive.artifacts(project, job, _attempt(request), after, part.limit + 1)
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].name) if len(found) > part.limit else None)

    @needs("observer")
    @documented(answer=OCTETS, also=RANGED, query={"attempt": int}, headers=RANGE)
    async def artifact(self, request: Request) -> Response:
        """An output file, or a range of it."""
        project, job, name = identity_of(request).project, path_integer(request), request.path_params["name"]
        found = await self._archive.artifact(project, job, name, _attempt(request))
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name.rpartition('/')[2], safe='')}",
            "X-Content-Type-Options": "nosniff",
        }
        opened = partial(self._archive.read, found)
        return await ranged(request, found.digest, found.size, opened, headers, OCTETS.kind)


def _attempt(request: Request) -> int | None:
    return integer(request, "attempt", 0, 1, 1 << 30) or None


def _request_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    return None if key is None else _checked_key(key)


def _origin(request: Request) -> Origin | None:
    """The trace that the caller is in."""
    text = request.headers.get("traceparent")
    return None if text is None else trace.parse(text)


def _checked_key(key: str) -> str:
    """An empty one is a mistake: whoever sends it counts on being safe from doubles."""
    if not 0 < len(key) <= _MAX_KEY or not key.isprintable():
        raise SwarmError(
            "bad_request",
            f"an idempotency key has from 1 to {_MAX_KEY} printable characters",
            field="Idempotency-Key",
            hint="send another, or none at all where a double does no harm",
        )
    return key


def routes(receiver: Submitting, steering: Steered, archive: TaskArchive, projects: Projects) -> list[Route]:
    """All routes of jobs, the busiest first."""
    handlers = JobRoutes(receiver, steering, archive, projects)
    filename.register()
    at = "/api/v1/jobs"
    return [
        Route(at, handlers.submit, methods=["POST"]),
        Route(f"{at}/batch", handlers.submit_batch, methods=["POST"]),
        Route(f"{at}/wait", handlers.wait_many, methods=["POST"]),
        Route(f"{at}/{{id}}/wait", handlers.wait, methods=["GET"]),
        Route(f"{at}/{{id}}", handlers.show, methods=["GET"]),
        Route(at, handlers.list, methods=["GET"]),
        Route(f"{at}/{{id}}/cancel", handlers.cancel, methods=["POST"]),
        Route(f"{at}/{{id}}/retry", handlers.retry, methods=["POST"]),
        Route(f"{at}/{{id}}", handlers.edit, methods=["PATCH"]),
        Route(f"{at}/{{id}}", handlers.remove, methods=["DELETE"]),
        Route(f"{at}/{{id}}/artifacts", handlers.artifacts, methods=["GET"]),
        Route(f"{at}/{{id}}/artifacts/{{name:file}}", handlers.artifact, methods=["GET"]),
    ]
