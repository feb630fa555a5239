"""TaskArchive: jobs and their results as consumers see them: a view over database and blobs, no second store."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

import msgspec

from swarm_core import joblist
from swarm_core.clock import Clock
from swarm_core.events import JobEvents
from swarm_core.joblist import JobPage
from swarm_core.library import Library
from swarm_core.store import job_views as rows
from swarm_core.store.database import Database
from swarm_core.store.job_lists import RECENT, Filters, Order, Place
from swarm_core.store.job_views import ArtifactView, AttemptView, ChangeView, EndView, JobView
from swarm_protocol.errors import SwarmError
from swarm_protocol.states import JobState

MAX_WAIT_IDS: Final = 1000
MAX_WAITERS: Final = 5000
"""Requests that may wait for jobs at once."""
SHOWN_ARTIFACTS: Final = 500
_POLL_SECONDS: Final = 1.0
"""Looks again at the latest after this: a wake-up from another core may be lost."""
_GATHER_SECONDS: Final = 0.02

_WAITS: Final = {
    JobState.SLEEPING: "its start time",
    JobState.BLOCKED: "other jobs",
    JobState.HELD: "a person to release it",
    JobState.QUEUED: "a worker with room for it",
}


class JobDetails(JobView, kw_only=True, frozen=True):
    """A job with all that belongs to it."""

    spec: msgspec.Raw
    attempts: list[AttemptView]
    history: list[ChangeView]
    artifacts: list[ArtifactView]
    """The first of them; all are at `/jobs/{id}/artifacts`."""
    waits_for: str | None


class TaskArchive:
    """Lists, shows and waits."""

    def __init__(self, database: Database, library: Library, events: JobEvents, clock: Clock) -> None:
        self._database = database
        self._library = library
        self._events = events
        self._clock = clock
        self._waiters = 0

    # Lists -----------------------------------------------------------------------------------------------

    async def page(
        self,
        projects: Sequence[UUID],
        filters: Filters,
        limit: int,
        order: Order = RECENT,
        after: Place | None = None,
    ) -> JobPage:
        """Jobs of some projects that fit, in an order; at most `limit`, and fewer where they are rare."""
        return await joblist.read(self._database.api, projects, filters, limit, order, after)

    # One job ---------------------------------------------------------------------------------------------

    async def get(self, project: UUID, job: int) -> JobView:
        """A job. Raises SwarmError(not_found)."""
        found = await rows.views(self._database.api, [project], [job])
        if not found:
            raise no_job(job)
        return found[0]

    async def show(self, project: UUID, job: int) -> JobDetails:
        """A job with all that belongs to it. Raises SwarmError(not_found)."""
        pool = self._database.api
        view = await self.get(project, job)
        spec = await rows.spec(pool, project, job)
        if spec is None:
            raise no_job(job)
        return JobDetails(
            **msgspec.structs.asdict(view),
            spec=msgspec.Raw(spec),
            attempts=await rows.attempts(pool, job),
            history=await rows.history(pool, job),
            artifacts=await rows.artifacts(pool, project, job, None, "", SHOWN_ARTIFACTS),
            waits_for=waits_for(view),
        )

    # Waiting ---------------------------------------------------------------------------------------------

    async def wait(self, project: UUID, job: int, within: float) -> JobView:
        """The job once it has ended, or after `within` seconds as it is then. Raises SwarmError(not_found)."""
        await self.wait_any(project, [job], within)
        return await self.get(project, job)

    async def wait_any(self, project: UUID, jobs: Sequence[int], within: float) -> list[EndView]:
        """Those of the jobs that have ended, as soon as one has; none after `within` seconds.

        Raises SwarmError: bad_request, not_found (none of them is a job of the project), too_many_requests.
        """
        if not 0 < len(jobs) <= MAX_WAIT_IDS:
            raise SwarmError("bad_request", f"from 1 to {MAX_WAIT_IDS} ids, not {len(jobs)}", field="ids")
        until = self._clock.monotonic() + within
        known = False
        with self._waiting(), self._events.watch(jobs) as watch:
            while True:
                ended = await rows.ended(self._database.api, project, jobs)
                left = until - self._clock.monotonic()
                if ended or left <= 0:
                    return ended
                known = known or await rows.known(self._database.api, project, jobs) > 0
                if not known:
                    raise no_job(jobs[0])
                changed = await watch.changed(min(_POLL_SECONDS, left))
                if changed and len(jobs) > 1:  # others are likely to end with it: one answer for all
                    await self._clock.sleep(_GATHER_SECONDS)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        if self._waiters >= MAX_WAITERS:
            raise SwarmError("too_many_requests", "too many requests wait for jobs", hint="try again", retry_after=2)
        self._waiters += 1
        try:
            yield
        finally:
            self._waiters -= 1

    # Output files ----------------------------------------------------------------------------------------

    async def artifacts(
        self, project: UUID, job: int, attempt: int | None, after: str, most: int
    ) -> list[ArtifactView]:
        """Output files of an attempt (None: the newest) by name, after a name. Raises SwarmError(not_found)."""
        found = await rows.artifacts(self._database.api, project, job, attempt, after, most)
        if not found and not await rows.exists(self._database.api, project, job):
            raise no_job(job)
        return found

    async def artifact(self, project: UUID, job: int, name: str, attempt: int | None) -> ArtifactView:
        """One output file. Raises SwarmError(not_found)."""
        found = await rows.artifact(self._database.api, project, job, name, attempt)
        if found is None:
            raise SwarmError(
                "not_found", f"job {job} left no file {name!r}", hint=f"`swarm show {job}` lists what it left"
            )
        return found

    async def read(self, artifact: ArtifactView, start: int, end: int) -> AsyncIterator[bytes]:
        """Bytes of an output file. Raises SwarmError(not_found)."""
        return await self._library.read(artifact.digest, start, end)


def waits_for(view: JobView) -> str | None:
    """What a job that can't run yet waits for, in words."""
    state = JobState(view.state)
    return view.reason or _WAITS[state] if state in _WAITS else None


def no_job(job: int) -> SwarmError:
    """The error for a job that isn't there, or not this project's."""
    return SwarmError("not_found", f"there is no job {job}", hint="`swarm jobs` lists yours")
