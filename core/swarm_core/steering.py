"""Steering: what a person does with a job that was accepted: cancel, run again, change, remove it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.events import Woken
from swarm_core.idempotency import keys_of
from swarm_core.specs import bare
from swarm_core.store import jobs
from swarm_core.store.database import Database, transaction
from swarm_core.store.jobs import Key, Template
from swarm_core.templates import Caller, ImageLookup, Submitted, Templates
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import MAX_PRIORITY, JobSpec
from swarm_protocol.states import TERMINAL, JobState

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job after a cancel; `cancelling` while its container is being stopped."""

    id: int
    state: str
    cancelling: bool


@dataclass(frozen=True, slots=True)
class Retried:
    """The job that runs now: a new one, or a held one that was released."""

    id: int
    created: bool


Stop = Callable[[int, int, UUID], None]
"""Called after a commit with (job, attempt, worker) of an attempt to be stopped."""


class Accepting(Protocol):
    """What steering needs of the Receiver."""

    async def accept(
        self, templates: list[Template], count: int = 1, keys: Sequence[Key | None] = ()
    ) -> list[Submitted]: ...


class Steering:
    """Cancels, retries, changes and removes jobs."""

    def __init__(
        self,
        database: Database,
        images: ImageLookup,
        templates: Templates,
        receiver: Accepting,
        *,
        woken: Woken,
        stop: Stop,
        noted: Callable[[], None],
    ) -> None:
        """`noted` is called after a commit that only the event stream tells of."""
        self._database = database
        self._images = images
        self._templates = templates
        self._receiver = receiver
        self._woken = woken
        self._stop = stop
        self._noted = noted

    async def cancel(self, who: Caller, job: int) -> Cancelled:
        """Stop a job: at once where it waits, through its worker where it runs.

        Once this has returned no new attempt starts. Raises SwarmError: not_found, already_ended.
        """
        async with transaction(self._database.api) as connection:
            found = await jobs.lock_out_of_queue(connection, job, who.project)
            if found is None:
                raise _no_job(job)
            _refuse_ended(job, found.state)
            await jobs.audit_others(connection, job, f"user:{who.name}", "cancel_job")
            if found.worker is None:
                await jobs.cancel_waiting(connection, job, found.state, f"user:{who.name}")
            else:
                await jobs.ask_cancel(connection, job, f"user:{who.name}")
        if found.worker is None:
            self._woken([(job, str(JobState.CANCELLED), found.shape)], False)
            return Cancelled(job, str(JobState.CANCELLED), False)
        self._stop(job, found.attempt, found.worker)
        self._noted()
        return Cancelled(job, found.state, True)

    async def retry(self, who: Caller, job: int, key: str | None = None) -> Retried:
        """Run an ended job again as a new one, or release a held one. The same `key` makes one new job only.

        Raises SwarmError: not_found, not_ended, idempotency_mismatch.
        """
        past = await jobs.for_retry(self._database.api, job, who.project)
        if past is None:
            raise _no_job(job)
        if past.state == JobState.HELD:
            return await self._release(who, job)
        if JobState(past.state) not in TERMINAL:
            raise SwarmError(
                "not_ended", f"job {job} is {past.state}", hint=f"`swarm cancel {job}` first, or wait for it"
            )
        spec = msgspec.json.decode(past.spec, type=JobSpec)
        raw = msgspec.json.encode(msgspec.structs.replace(spec, at=None))
        pinned = await self._images.resolve(who.project, f"{bare(spec.image)}@{past.image_digest}")
        template = await self._templates.make(who, raw, digest=pinned.digest, retry_of=job)
        [made] = await self._receiver.accept([template], keys=keys_of([b"retry %d" % job], (), 1, key))
        return Retried(made.id, made.created)

    async def _release(self, who: Caller, job: int) -> Retried:
        async with transaction(self._database.api) as connection:
            found = await jobs.lock(connection, job, who.project)
            if found is None or found.state != JobState.HELD:
                raise SwarmError("conflict", f"job {job} is held no more", hint=f"see `swarm show {job}`")
            await jobs.release_held(connection, job, f"user:{who.name}")
        self._woken([(job, str(JobState.QUEUED), found.shape)], False)
        return Retried(job, False)

    async def edit(self, who: Caller, job: int, priority: int) -> None:
        """Give a job that has not ended another priority; a queued one moves in the queue.

        One that runs keeps it for when it is queued again. Raises SwarmError: not_found, already_ended, bad_request.
        """
        if not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
            message = f"a priority is from -{MAX_PRIORITY} to {MAX_PRIORITY}, not {priority}"
            raise SwarmError("bad_request", message, field="priority")
        for _ in range(_TRIES):
            if await self._set_priority(who, job, priority):
                self._noted()
                return
        raise SwarmError("conflict", f"job {job} goes in and out of the queue", hint="try again")

    async def _set_priority(self, who: Caller, job: int, priority: int) -> bool:
        """Whether it was done; not where it was put into the queue meanwhile, and is to be found there the next time.

        The queue's row is locked before the job's, as everywhere, or two could wait for one another.
        """
        async with transaction(self._database.api) as connection:
            waits = await jobs.set_queue_priority(connection, job, who.project, priority)
            found = await jobs.lock(connection, job, who.project)
            if found is None:
                raise _no_job(job)
            _refuse_ended(job, found.state)
            if found.state == JobState.QUEUED and not waits:
                return False
            if await jobs.set_priority(connection, job, priority, f"user:{who.name}"):
                await jobs.audit_others(connection, job, f"user:{who.name}", "edit_job")
        return True

    async def remove(self, who: Caller, job: int) -> None:
        """Delete an ended job with its log and files. Raises SwarmError: not_found, not_ended."""
        if await jobs.remove_ended(self._database.api, job, who.project, f"user:{who.name}"):
            self._noted()
            return
        past = await jobs.for_retry(self._database.api, job, who.project)
        if past is None:
            raise _no_job(job)
        raise SwarmError("not_ended", f"job {job} is {past.state}", hint=f"`swarm cancel {job}` first, or wait for it")


def _refuse_ended(job: int, state: str) -> None:
    if JobState(state) in TERMINAL:
        raise SwarmError("already_ended", f"job {job} has already ended: {state}", hint=f"see `swarm show {job}`")


def _no_job(job: int) -> SwarmError:
    return SwarmError("not_found", f"there is no job {job}", hint="`swarm jobs` lists yours")
