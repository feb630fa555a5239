"""Receiver: takes jobs from consumers, checks them, makes them durable, and wakes who runs them.

What it answers is committed. Submits that come at the same time share one statement (batcher.py).
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.batcher import Batcher
from swarm_core.placement import Room, Shape, nearest
from swarm_core.store import jobs
from swarm_core.store.database import ACQUIRE_SECONDS, Connection, Database, transaction
from swarm_core.store.jobs import Template
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId
from swarm_protocol.spec import MAX_SPEC_BYTES, JobSpec, check, shape_key
from swarm_protocol.states import TERMINAL, JobState

MAX_BATCH: Final = 1000
MAX_COUNT: Final = 100_000
_DECODED: Final = 1024
"""Distinct specs whose decoded form is kept: a crowd of submits often sends the same one."""


class Caller(Protocol):
    """Who asks."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def project(self) -> ProjectId: ...


class ImageLookup(Protocol):
    """What the Receiver needs of Images."""

    async def resolve(self, project: ProjectId, reference: str) -> "Pinned": ...


class Pinned(Protocol):
    """An image reference and the digest it stood for."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...


class Fleet(Protocol):
    """What the Receiver needs of the Dispatcher: the whole capacity of each live worker, for a dry run."""

    def capacities(self) -> list[tuple[str, Room]]: ...


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that is durable. `created` is False where an idempotency key had made it before."""

    id: int
    state: str
    created: bool = True


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would become of a spec."""

    image: str
    fits: list[str]
    nearest: str | None


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


Woken = Callable[[Sequence[tuple[int, str, int]], bool], None]
"""Called after a commit with (job, state, shape) of each job that moved, and whether one of them waits for a time."""
Stop = Callable[[int, int, UUID], None]
"""Called after a commit with (job, attempt, worker) of an attempt to be stopped."""


class Receiver:
    """Accepts, cancels, retries and removes jobs."""

    name = "receiver"

    def __init__(
        self, database: Database, images: ImageLookup, fleet: Fleet, *, core: UUID, woken: Woken, stop: Stop
    ) -> None:
        self._database = database
        self._images = images
        self._fleet = fleet
        self._actor = f"core:{core}"
        self._woken = woken
        self._stop = stop
        self._inserts: Batcher[Template, Submitted] = Batcher("receiver", self._insert, most=1000)
        self._shapes: dict[str, int] = {}
        self._decoded: OrderedDict[bytes, JobSpec] = OrderedDict()

    async def run(self) -> None:
        """Write what gathers, until cancelled."""
        await self._inserts.run()

    # Submit ----------------------------------------------------------------------------------------------

    async def submit(
        self, who: Caller, specs: Sequence[bytes], *, keys: Sequence[str | None] = (), count: int = 1
    ) -> list[Submitted]:
        """Make jobs of raw JSON specs durable, all or none; `count` copies where there is one spec without a key.

        Raises SwarmError: invalid_spec, image_unknown, blob_missing, idempotency_mismatch, too_large, unavailable.
        """
        if not specs or len(specs) > MAX_BATCH:
            raise SwarmError(
                "bad_request", f"from 1 to {MAX_BATCH} specs in one request, not {len(specs)}", field="specs"
            )
        if not 1 <= count <= MAX_COUNT:
            raise SwarmError("bad_request", f"count is from 1 to {MAX_COUNT}, not {count}", field="count")
        templates = [await self._template(who, raw) for raw in specs]
        if any(keys):
            return await self._submit_keyed(who, specs, templates, list(keys))
        return await self._submit_templates(templates, count)

    async def dry_run(self, who: Caller, spec: bytes) -> DryRun:
        """Check a spec and say where it could run; nothing is kept. Raises SwarmError as `submit` does."""
        template = await self._template(who, spec)
        shape = _shape(self._decode(spec), template.shape)
        rooms = self._fleet.capacities()
        fits = [name for name, room in rooms if room.fits(shape)]
        return DryRun(template.image_digest, fits, None if fits else nearest(shape, rooms))

    async def _template(self, who: Caller, raw: bytes, *, digest: str = "", retry_of: int | None = None) -> Template:
        spec = self._decode(raw)
        if not digest:
            digest = (await self._images.resolve(who.project, spec.image)).digest
        key = shape_key(spec)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = await jobs.intern_shape(self._database.api, key, _shape(spec, 0))
        return Template(
            project=who.project,
            person=who.id,
            shape=shape,
            priority=spec.priority,
            retries=spec.retries,
            infra_retries=spec.infra_retries,
            at_most_once=spec.at_most_once,
            wake_at=_wake_at(spec.at),
            queue_seconds=spec.timeouts.queue,
            image_digest=digest,
            name=spec.name,
            tags=msgspec.json.encode(spec.tags).decode() if spec.tags else "[]",
            retry_of=retry_of,
            spec=raw.decode(),
            actor=f"user:{who.name}",
            inputs=tuple({item.digest for item in spec.inputs}),
        )

    def _decode(self, raw: bytes) -> JobSpec:
        found = self._decoded.get(raw)
        if found is None:
            found = self._decoded[raw] = decode_spec(raw)
            if len(self._decoded) > _DECODED:
                self._decoded.popitem(last=False)
        return found

    async def _insert(self, templates: Sequence[Template]) -> list[Submitted]:
        """One statement for all that gathered, which is its own transaction."""
        async with self._database.api.acquire(timeout=ACQUIRE_SECONDS) as connection:
            made = await jobs.insert(connection, templates, range(len(templates)), [None] * len(templates))
        return self._announce(made, templates)

    async def _need_inputs(self, connection: Connection, templates: Sequence[Template]) -> None:
        """Every input must be there, seen by its project, and stay until the job's row holds it."""
        for template in templates:
            if not template.inputs:
                continue
            missing = await jobs.lock_inputs(connection, template.project, template.inputs)
            if missing:
                raise SwarmError(
                    "blob_missing",
                    f"{len(missing)} input files are not on the core, the first {sorted(missing)[0]}",
                    hint="upload them first; `swarm submit --input` does",
                    field="inputs",
                )

    def _announce(self, made: Sequence[tuple[int, str]], templates: Sequence[Template]) -> list[Submitted]:
        pairs = zip(made, templates, strict=True)
        timed = any(template.wake_at or template.queue_seconds for template in templates)
        self._woken([(job, state, template.shape) for (job, state), template in pairs], timed)
        return [Submitted(job, state) for job, state in made]

    async def _submit_templates(self, templates: list[Template], count: int = 1) -> list[Submitted]:
        """One plain job shares a statement with its neighbours; what could fail alone has a transaction of its own."""
        if len(templates) * count == 1 and not templates[0].inputs:
            return [await self._inserts.put(templates[0])]
        return await self._submit_many(templates, list(range(len(templates))) * count)

    async def _submit_many(self, templates: list[Template], use: list[int]) -> list[Submitted]:
        """All in one transaction, since all or none are accepted, in statements of a thousand."""
        made: list[tuple[int, str]] = []
        async with transaction(self._database.api) as connection:
            await self._need_inputs(connection, templates)
            for at in range(0, len(use), MAX_BATCH):
                part = use[at : at + MAX_BATCH]
                made += await jobs.insert(connection, templates, part, [None] * len(part))
        return self._announce(made, [templates[at] for at in use])

    # Idempotency keys ------------------------------------------------------------------------------------

    async def _submit_keyed(
        self, who: Caller, specs: Sequence[bytes], templates: list[Template], keys: list[str | None]
    ) -> list[Submitted]:
        if len(keys) != len(specs):
            raise SwarmError("bad_request", f"{len(keys)} keys for {len(specs)} specs: one each, or none", field="keys")
        hashes = {key: hashlib.sha256(raw).digest() for key, raw in zip(keys, specs, strict=True) if key}
        if len(hashes) != sum(1 for key in keys if key):
            raise SwarmError("bad_request", "an idempotency key stands twice in one request", field="keys")
        async with transaction(self._database.api) as connection:
            reserved = await jobs.reserve_keys(connection, who.project, hashes)
            taken = [key for key in hashes if key not in reserved]
            known = await jobs.known_keys(connection, who.project, taken) if taken else {}
            for key, earlier in known.items():
                _same_body(key, earlier.body_hash, hashes[key])
            await self._need_inputs(connection, templates)
            made = await self._insert_fresh(connection, templates, keys, reserved)
        self._announce(list(made.values()), [templates[at] for at in made])
        return [Submitted(*made[at]) if at in made else _earlier(known[key or ""]) for at, key in enumerate(keys)]

    async def _insert_fresh(
        self, connection: Connection, templates: list[Template], keys: list[str | None], reserved: dict[str, int]
    ) -> dict[int, tuple[int, str]]:
        """Insert what is new: jobs without a key, and those whose key was just reserved; by place in the request."""
        fresh = [(at, reserved[key] if key else None) for at, key in enumerate(keys) if not key or key in reserved]
        if not fresh:
            return {}
        made = await jobs.insert(connection, templates, [at for at, _ in fresh], [number for _, number in fresh])
        return {at: job for (at, _), job in zip(fresh, made, strict=True)}

    # Cancel, retry, remove -------------------------------------------------------------------------------

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
            if found.worker is None:
                await jobs.cancel_waiting(connection, job, found.state, f"user:{who.name}")
            else:
                await jobs.ask_cancel(connection, job)
        if found.worker is None:
            self._woken([(job, str(JobState.CANCELLED), found.shape)], False)
            return Cancelled(job, str(JobState.CANCELLED), False)
        self._stop(job, found.attempt, found.worker)
        return Cancelled(job, found.state, True)

    async def retry(self, who: Caller, job: int) -> Retried:
        """Run an ended job again as a new one, or release a held one. Raises SwarmError: not_found, not_ended."""
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
        pinned = await self._images.resolve(who.project, f"{_bare(spec.image)}@{past.image_digest}")
        template = await self._template(who, raw, digest=pinned.digest, retry_of=job)
        [made] = await self._submit_templates([template])
        return Retried(made.id, True)

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
        if await jobs.remove_ended(self._database.api, job, who.project):
            return
        past = await jobs.for_retry(self._database.api, job, who.project)
        if past is None:
            raise _no_job(job)
        raise SwarmError("not_ended", f"job {job} is {past.state}", hint=f"`swarm cancel {job}` first, or wait for it")


def decode_spec(raw: bytes) -> JobSpec:
    """Read and check a spec. Raises SwarmError(too_large | invalid_spec), which names each wrong field."""
    if len(raw) > MAX_SPEC_BYTES:
        raise SwarmError(
            "too_large", f"a spec of {len(raw)} bytes is over {MAX_SPEC_BYTES}", hint="put large data into inputs"
        )
    try:
        spec = msgspec.json.decode(raw, type=JobSpec)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        field = path.rstrip("`")
        raise invalid_spec([{"field": field or "spec", "message": message}]) from None
    except msgspec.DecodeError as error:
        raise SwarmError("bad_request", f"the spec is no JSON: {error}") from None
    wrong = [{"field": item.field, "message": item.message} for item in check(spec)]
    if spec.at and _wake_at_or_none(spec.at) is None:
        wrong.append(
            {"field": "at", "message": f"{spec.at!r} is no RFC 3339 time with an offset, such as 2026-12-24T18:00:00Z"}
        )
    if wrong:
        raise invalid_spec(wrong)
    return spec


def invalid_spec(wrong: list[dict[str, str]]) -> SwarmError:
    """The error for a spec with these wrong fields."""
    first = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return SwarmError("invalid_spec", f"{first['field']}: {first['message']}{more}", field=first["field"], errors=wrong)


def _wake_at_or_none(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else None


def _wake_at(text: str | None) -> datetime | None:
    return _wake_at_or_none(text) if text else None


def _bare(reference: str) -> str:
    """An image reference without its tag or digest; a port in a registry's name is no tag."""
    name = reference.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def _shape(spec: JobSpec, number: int) -> Shape:
    res = spec.resources
    return Shape(number, res.cpu_millis, res.memory, res.disk, spec.constraints)


def _same_body(key: str, earlier: bytes, now: bytes) -> None:
    if earlier != now:
        raise SwarmError(
            "idempotency_mismatch",
            f"the idempotency key {key!r} was used for another job",
            hint="use a new key, or send the same job",
        )


def _earlier(known: jobs.KnownKey) -> Submitted:
    return Submitted(known.job, known.state or "removed", created=False)


def _no_job(job: int) -> SwarmError:
    return SwarmError("not_found", f"there is no job {job}", hint="`swarm jobs` lists yours")
