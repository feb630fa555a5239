"""Steering: what a person does with a job that was accepted: cancel it, run it again, remove it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
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
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import TERMINAL, JobState


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
    """Cancels, retries and removes jobs."""

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
            state = JobState(found.state)
            if state in TERMINAL:
                raise SwarmError(
                    "already_ended", f"job {job} has already ended: {found.state}", hint=f"see `swarm show {job}`"
                )
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

    async def remove(self, who: Caller, job: int) -> None:
        """Delete an ended job with its log and files. Raises SwarmError: not_found, not_ended."""
        if await jobs.remove_ended(self._database.api, job, who.project, f"user:{who.name}"):
            self._noted()
            return
        past = await jobs.for_retry(self._database.api, job, who.project)
        if past is None:
            raise _no_job(job)
        raise SwarmError("not_ended", f"job {job} is {past.state}", hint=f"`swarm cancel {job}` first, or wait for it")


def _no_job(job: int) -> SwarmError:
    return SwarmError("not_found", f"there is no job {job}", hint="`swarm jobs` lists yours")
