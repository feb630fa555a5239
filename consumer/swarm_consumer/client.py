"""The SDK's front: one object with all verbs.

    async with Client.from_credentials() as client:
        await client.push("busybox")
        job = await client.run(JobSpec(image="busybox", command=["echo", "hello"]))
        print(job.exit_code, await client.log_text(job.id))

Every method raises `SwarmError` for what the core refuses or what goes wrong on the way to it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from swarm_consumer import credentials as files
from swarm_consumer.clock import Clock
from swarm_consumer.credentials import Credentials
from swarm_consumer.each_job import for_each
from swarm_consumer.job_filter import JobFilter
from swarm_consumer.jobs import Jobs
from swarm_consumer.models import (
    Artifact,
    Cancelled,
    DryRun,
    Event,
    Explanation,
    Image,
    ImageUse,
    Job,
    JoinToken,
    Outcome,
    Submitted,
    Usage,
    WhoAmI,
    Worker,
    WorkerStep,
)
from swarm_consumer.pages import Page
from swarm_consumer.progress import Progress
from swarm_consumer.retry import RetryPolicy
from swarm_consumer.transport import Call, Transport
from swarm_consumer.wire import Wire
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import JobSpec

if TYPE_CHECKING:
    from swarm_consumer.api_tokens import ApiTokens
    from swarm_consumer.artifacts import Artifacts
    from swarm_consumer.audit import Audit
    from swarm_consumer.cores import Cores
    from swarm_consumer.events import Away, Back, EventFilter
    from swarm_consumer.images import Images, Pushed
    from swarm_consumer.interactions import Interactions
    from swarm_consumer.logs import LogCursor, LogEvent, Logs
    from swarm_consumer.mounts import Mounts
    from swarm_consumer.overview import Overview
    from swarm_consumer.projects import Projects
    from swarm_consumer.schedules import Schedules
    from swarm_consumer.secrets import Secrets
    from swarm_consumer.settings import Settings
    from swarm_consumer.syslog import Syslog
    from swarm_consumer.terminals import Terminal
    from swarm_consumer.uploads import Uploads
    from swarm_consumer.users import Users
    from swarm_consumer.webhooks import Webhooks
    from swarm_consumer.worker_models import JoinTokenState, WorkerLoad, WorkerNow
    from swarm_consumer.workers import Workers


class Client:
    """Signed in to one core; use it as an async context manager, or call `close`."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        keep: Callable[[Credentials], None] = lambda _: None,
        wire: Wire | None = None,
        clock: Clock | None = None,
        policy: RetryPolicy | None = None,
        project: str | None = None,
        role: str | None = None,
    ) -> None:
        """`keep` is told of renewed access tokens, so that they can be saved; `project` is what all is about.

        `role` is the most that the core lets this client do: with `observer` it can look and change nothing.
        """
        self._transport = Transport(
            credentials, keep=keep, wire=wire, clock=clock, policy=policy, project=project, role=role
        )
        self._jobs = Jobs(self._transport)

    @classmethod
    def from_credentials(cls, path: Path | None = None, *, role: str | None = None) -> "Client":
        """As the person who is signed in on this machine, with `role` at most. Raises SwarmError(unauthenticated)."""
        held = files.load(path)
        return cls(held, keep=lambda renewed: files.keep(renewed, path), role=role)

    @classmethod
    async def login(cls, url: str, user: str, password: str, *, ca_pem: str, client_name: str = "sdk") -> "Client":
        """Sign in with a password at the core whose CA certificate this is. Raises SwarmError."""
        from swarm_consumer.session import sign_in

        return cls(await sign_in(url, user, password, ca_pem=ca_pem, client_name=client_name))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for submits under way and close the connections; idempotent."""
        await self._jobs.close()
        await self._transport.close()

    @property
    def credentials(self) -> Credentials:
        """The sign-in as it is now."""
        return self._transport.credentials

    async def whoami(self) -> WhoAmI:
        """Who is signed in, with which role."""
        return await self._transport.get(WhoAmI, Call("GET", "/whoami"))

    async def logout(self) -> None:
        """End the sign-in on the core's side."""
        body = {"refresh_token": self.credentials.refresh_token}
        await self._transport.send(Call("POST", "/logout", json=body, repeatable=True, signed=False))

    async def push(self, image: str | Path, *, rename: str | None = None, progress: Progress | None = None) -> "Pushed":
        """Bring an image: a name in the local engine, or the Path of an archive."""
        if isinstance(image, Path):
            return await self._images().push_archive(image, rename=rename, progress=progress)
        return await self._images().push(image, rename=rename, progress=progress)

    async def images(self) -> list[Image]:
        """The images of the project."""
        return await self._images().all()

    async def image_use(self, name: str) -> ImageUse:
        """One image by `name:tag`, with who uses it."""
        return await self._images().use(name)

    async def remove_image(self, name: str) -> ImageUse:
        """Forget a tag; returns what it was, and who used it."""
        return await self._images().remove(name)

    async def with_inputs(self, spec: JobSpec, inputs: Sequence[str], progress: Progress | None = None) -> JobSpec:
        """The spec with these added: files and folders (`PATH[:NAME]`), their bytes uploaded, and other jobs' outputs
        (`job:ID[/PATH][:NAME]`).
        """
        if not inputs:
            return spec
        from swarm_consumer.inputs import gather, hash_file
        from swarm_consumer.parallel import each

        found = await asyncio.to_thread(gather, inputs)
        hashed = await each(found.files, lambda file: asyncio.to_thread(hash_file, file), 2)
        await self._uploads().upload([h.source for h in hashed], progress)
        return msgspec.structs.replace(found.into(spec), inputs=[*spec.inputs, *(h.file for h in hashed)])

    async def submit(self, spec: JobSpec, *, inputs: Sequence[str] = (), key: str | None = None) -> Submitted:
        """Make a job durable; concurrent submits travel together. The same `key` and spec bring the same job."""
        return await self._jobs.submit(await self.with_inputs(spec, inputs), key=key)

    async def submit_many(self, specs: Iterable[JobSpec]) -> list[Submitted | BaseException]:
        """Many jobs in few requests; for each its id, or the error that refused it."""
        return await asyncio.gather(*(self._jobs.submit(spec) for spec in specs), return_exceptions=True)

    async def submit_count(self, spec: JobSpec, count: int, *, key: str | None = None) -> list[int]:
        """The same job `count` times, all or none; their ids. The same `key`, spec and count bring the same jobs."""
        return await self._jobs.submit_count(spec, count, key=key)

    async def dry_run(self, spec: JobSpec) -> DryRun:
        """Check a spec and see which workers could run it; nothing is kept."""
        return await self._jobs.dry_run(spec)

    async def run(self, spec: JobSpec, *, inputs: Sequence[str] = (), within: float | None = None) -> Job:
        """Submit and wait: the ended job. Raises TimeoutError after `within` seconds; the job then goes on."""
        submitted = await self.submit(spec, inputs=inputs)
        return await self._jobs.wait(submitted.id, within=within)

    def jobs(self, which: JobFilter | None = None, *, limit: int | None = 100) -> AsyncIterator[Job]:
        """Jobs, newest first or in the filter's order."""
        return self._jobs.all(which, limit=limit)

    async def job_page(
        self, which: JobFilter | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Job]:
        """A part of such a list from a cursor on: `items`, and `next`, the cursor of the next part (None: none).

        A part may have fewer jobs than `limit` (at most 500), or none, where those that fit are rare.
        """
        return await self._jobs.page(which, limit=limit, cursor=cursor)

    async def job(self, job: int) -> Job:
        """One job with its spec, attempts, history and artifacts."""
        return await self._jobs.get(job)

    async def explain(self, job: int) -> Explanation:
        """Where a job is, or what it waits for, and why each worker isn't the one."""
        return await self._jobs.explain(job)

    async def glance(self, job: int) -> Job:
        """One job as it is now, with its progress, and without all else that `job` brings."""
        return await self._jobs.glance(job)

    async def wait(self, job: int, *, within: float | None = None) -> Job:
        """The job once it has ended. Raises TimeoutError."""
        return await self._jobs.wait(job, within=within)

    async def wait_all(self, jobs: Iterable[int], *, within: float | None = None) -> dict[int, Outcome]:
        """How each job ended, once all have. Raises TimeoutError."""
        return await self._jobs.wait_all(jobs, within=within)

    async def cancel(self, job: int) -> Cancelled:
        """Ask for a job's end."""
        return await self._jobs.cancel(job)

    async def retry(self, job: int) -> int:
        """The id of a new job like this ended one; a held one is released and keeps its id."""
        return await self._jobs.retry(job)

    async def update(self, job: int, *, priority: int) -> Job:
        """Change a job that has not ended: with a higher priority a queued one moves up."""
        return await self._jobs.update(job, priority=priority)

    async def remove(self, job: int) -> None:
        """Delete an ended job with its logs and artifacts."""
        await self._jobs.remove(job)

    async def cancel_many(self, jobs: Iterable[int]) -> dict[int, Cancelled | SwarmError]:
        """Ask for the end of many jobs, several at once; for each the answer, or the error that refused it."""
        return await for_each(jobs, self._jobs.cancel)

    async def retry_many(self, jobs: Iterable[int]) -> dict[int, int | SwarmError]:
        """The same with `retry`: for each the id of the job that runs."""
        return await for_each(jobs, self._jobs.retry)

    async def update_many(self, jobs: Iterable[int], *, priority: int) -> dict[int, Job | SwarmError]:
        """The same with `update`: for each the job as it is then."""
        return await for_each(jobs, lambda job: self._jobs.update(job, priority=priority))

    async def remove_many(self, jobs: Iterable[int]) -> dict[int, SwarmError | None]:
        """The same with `remove`: None for each that is gone."""
        return await for_each(jobs, self._jobs.remove)

    def logs(
        self, job: int, *, attempt: int | None = None, cursor: "LogCursor | None" = None
    ) -> AsyncIterator["LogEvent"]:
        """The log as it comes until the job has ended; goes on by itself after a lost connection."""
        return self._logs().follow(job, attempt=attempt, cursor=cursor)

    def log_bytes(
        self, job: int, stream: str = "stdout", *, attempt: int | None = None, offset: int = 0
    ) -> AsyncIterator[bytes]:
        """The bytes of one stream so far."""
        return self._logs().read(job, stream, attempt=attempt, offset=offset)

    async def log_text(self, job: int, stream: str = "stdout") -> str:
        """All of one stream so far as text; what is not UTF-8 is replaced."""
        return b"".join([piece async for piece in self.log_bytes(job, stream)]).decode(errors="replace")

    def terminal(
        self,
        job: int,
        command: Sequence[str] = (),
        *,
        tty: bool = False,
        stdin: bool = True,
        size: tuple[int, int] = (24, 80),
    ) -> "Terminal":
        """Run a command in a running job's container, or with none be what the job itself reads (see `Terminal`)."""
        from swarm_consumer.terminals import Terminal

        return Terminal(self._transport, job, command, tty, stdin, size)

    def events(
        self,
        which: "EventFilter | None" = None,
        *,
        after: str | None = None,
        since: datetime | None = None,
        follow: bool = True,
        patience: float = 60.0,
        away: "Away | None" = None,
        back: "Back | None" = None,
    ) -> AsyncIterator[Event]:
        """What happens, each change once and in order: from now, after an event's `cursor`, or since a time.

        Goes on by itself after a lost connection; `away` is called once each time that the core has gone, `back` when
        it is first heard and each time that it is back, and after `patience` seconds without it SwarmError is raised.
        Without `follow` it ends with what has happened up to now.
        """
        from swarm_consumer.events import EventFilter, Events

        verbs, filtered = Events(self._transport), which or EventFilter()
        if not follow:
            return verbs.past(filtered, after, since)
        return verbs.follow(
            filtered, after, since, patience=patience, away=away or (lambda _: None), back=back or (lambda: None)
        )

    async def artifacts(self, job: int, *, attempt: int | None = None) -> list[Artifact]:
        """The files that an attempt of a job left; None: the newest."""
        return await self._artifacts().all(job, attempt)

    async def fetch(
        self,
        job: int,
        folder: Path,
        *,
        names: Sequence[str] = (),
        progress: Progress | None = None,
        attempt: int | None = None,
    ) -> list[Path]:
        """Bring the files of an attempt (None: the newest) of a job below a folder, verified; `names` are globs."""
        return await self._artifacts().fetch(job, folder, names=names, progress=progress, attempt=attempt)

    async def join_token(self, *, uses: int = 1, ttl: float = 3600.0, name: str | None = None) -> JoinToken:
        """A token with which workers may join."""
        return await self._workers().join_token(uses=uses, ttl=ttl, name=name)

    async def join_tokens(self) -> "list[JoinTokenState]":
        """Join tokens without their secrets, newest first; those that are over for a week longer."""
        return await self._workers().join_tokens()

    async def remove_join_token(self, token: str) -> None:
        """Let nobody join any more with the token of this id."""
        await self._workers().remove_join_token(token)

    async def workers(self) -> list[Worker]:
        """All workers."""
        return await self._workers().all()

    async def worker(self, worker: str) -> Worker:
        """One worker by id or name."""
        return await self._workers().get(worker)

    async def worker_loads(self, workers: Collection[str] = ()) -> "list[WorkerNow]":
        """How connected workers fare now, in few bytes: these by id (at most 500), or all."""
        return await self._workers().loads(workers)

    async def worker_load(
        self, worker: str, *, since: datetime | None = None, step: float | None = None
    ) -> "WorkerLoad":
        """How a worker fared since a time (an hour ago), a number for each `step` seconds (15)."""
        return await self._workers().load(worker, since=since, step=step)

    async def pause_worker(self, worker: str) -> Worker:
        """Give a worker nothing new; what runs there goes on."""
        return await self._workers().pause(worker)

    async def drain_worker(self, worker: str, *, deadline: float | datetime | None = None) -> Worker:
        """Have a worker finish what it has and leave; after `deadline`, seconds or a time, the rest is put back."""
        return await self._workers().drain(worker, deadline=deadline)

    async def resume_worker(self, worker: str) -> Worker:
        """Give a worker jobs again: takes back a pause, and a drain that is under way."""
        return await self._workers().resume(worker)

    async def label_worker(self, worker: str, labels: Mapping[str, str | None]) -> Worker:
        """Set labels over a worker's own; None takes one away again that was set so."""
        return await self._workers().label(worker, labels)

    async def size_worker(self, worker: str, capacity: Mapping[str, int | None]) -> Worker:
        """Set `slots`, `cpu_millis`, `memory` or `disk` over a worker's own; None takes one back."""
        return await self._workers().size(worker, capacity)

    def worker_history(self, worker: str, *, limit: int | None = 100) -> AsyncIterator[WorkerStep]:
        """What happened to a worker, newest first, at most `limit` (None: all)."""
        return self._workers().history(worker, limit=limit)

    async def rename_worker(self, worker: str, name: str) -> Worker:
        """Call a worker otherwise."""
        return await self._workers().rename(worker, name)

    async def remove_worker(self, worker: str) -> None:
        """Forget a worker that was revoked."""
        await self._workers().remove(worker)

    async def revoke(self, worker: str) -> None:
        """Shut a worker out for good."""
        await self._workers().revoke(worker)

    async def usage(
        self,
        by: str = "project",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        project: str | None = None,
        limit: int = 100,
    ) -> Usage:
        """What the jobs used that ended from `since` (a week ago) to `until` (now), a line for each `project`, `user`
        or `name`, in one project or in all of one's own.
        """
        named = (("since", since and since.isoformat()), ("until", until and until.isoformat()), ("project", project))
        query = [("by", by), ("limit", str(limit)), *((name, text) for name, text in named if text)]
        return await self._transport.get(Usage, Call("GET", "/usage", query))

    async def overview(self, *, project: str | None = None) -> "Overview":
        """The swarm at a glance: jobs and workers by state, the last hour, and alarms; of one project, or of
        all of one's own (`*`).
        """
        from swarm_consumer.overview import Overview

        query = [("project", project)] if project else []
        return await self._transport.get(Overview, Call("GET", "/overview", query))

    @property
    def cores(self) -> "Cores":
        """The cores of the cluster and how they are: `client.cores.all()`."""
        from swarm_consumer.cores import Cores

        return Cores(self._transport)

    @property
    def schedules(self) -> "Schedules":
        """Jobs that recur: `client.schedules.add(…)`."""
        from swarm_consumer.schedules import Schedules

        return Schedules(self._transport)

    @property
    def users(self) -> "Users":
        """Who may use the core: `client.users.add(…)`."""
        from swarm_consumer.users import Users

        return Users(self._transport)

    @property
    def projects(self) -> "Projects":
        """What belongs together, and who takes part: `client.projects.add(…)`."""
        from swarm_consumer.projects import Projects

        return Projects(self._transport)

    @property
    def tokens(self) -> "ApiTokens":
        """What programs sign in with: `client.tokens.add(…)`."""
        from swarm_consumer.api_tokens import ApiTokens

        return ApiTokens(self._transport)

    @property
    def secrets(self) -> "Secrets":
        """What jobs read from /run/secrets: `client.secrets.set(…)`."""
        from swarm_consumer.secrets import Secrets

        return Secrets(self._transport)

    @property
    def syslog(self) -> "Syslog":
        """What the cores say of themselves: `client.syslog.follow(…)`."""
        from swarm_consumer.syslog import Syslog

        return Syslog(self._transport)

    @property
    def settings(self) -> "Settings":
        """What can be changed of the cores while they run: `client.settings.set(…)`."""
        from swarm_consumer.settings import Settings

        return Settings(self._transport)

    @property
    def audit(self) -> "Audit":
        """Who did what: `client.audit.entries(…)`."""
        from swarm_consumer.audit import Audit

        return Audit(self._transport)

    @property
    def interactions(self) -> "Interactions":
        """What workers and their cores say to one another: `client.interactions.of_job(…)`."""
        from swarm_consumer.interactions import Interactions

        return Interactions(self._transport)

    @property
    def mounts(self) -> "Mounts":
        """Folders of the workers that jobs may use: `client.mounts.all()`."""
        from swarm_consumer.mounts import Mounts

        return Mounts(self._transport)

    @property
    def webhooks(self) -> "Webhooks":
        """Who is told of jobs' ends: `client.webhooks.add(…)`."""
        from swarm_consumer.webhooks import Webhooks

        return Webhooks(self._transport)

    # Loaded when first used: a short command needs one of these at most.

    def _uploads(self) -> "Uploads":
        from swarm_consumer.uploads import Uploads

        return Uploads(self._transport)

    def _images(self) -> "Images":
        from swarm_consumer.images import Images

        return Images(self._transport, self._uploads())

    def _logs(self) -> "Logs":
        from swarm_consumer.logs import Logs

        return Logs(self._transport)

    def _artifacts(self) -> "Artifacts":
        from swarm_consumer.artifacts import Artifacts

        return Artifacts(self._transport)

    def _workers(self) -> "Workers":
        from swarm_consumer.workers import Workers

        return Workers(self._transport)
