"""Receiver: takes jobs from consumers, checks them, makes them durable, and wakes who runs them.

What it answers is committed. Submits that come at the same time share one statement (batcher.py).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from swarm_core.batcher import Batcher
from swarm_core.placement import Room, nearest
from swarm_core.specs import shape_of
from swarm_core.store import jobs
from swarm_core.store.database import ACQUIRE_SECONDS, Connection, Database, transaction
from swarm_core.store.jobs import Template
from swarm_core.templates import Caller, Templates
from swarm_protocol.errors import SwarmError

MAX_BATCH: Final = 1000
MAX_COUNT: Final = 100_000


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


Woken = Callable[[Sequence[tuple[int, str, int]], bool], None]
"""Called after a commit with (job, state, shape) of each job that moved, and whether one of them waits for a time."""


class Receiver:
    """Accepts jobs."""

    name = "receiver"

    def __init__(self, database: Database, templates: Templates, fleet: Fleet, *, woken: Woken) -> None:
        self._database = database
        self._templates = templates
        self._fleet = fleet
        self._woken = woken
        self._inserts: Batcher[Template, Submitted] = Batcher("receiver", self._insert, most=1000)

    async def run(self) -> None:
        """Write what gathers, until cancelled."""
        await self._inserts.run()

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
        templates = [await self._templates.make(who, raw) for raw in specs]
        if any(keys):
            return await self._submit_keyed(who, specs, templates, list(keys))
        return await self.accept(templates, count)

    async def dry_run(self, who: Caller, spec: bytes) -> DryRun:
        """Check a spec and say where it could run; nothing is kept. Raises SwarmError as `submit` does."""
        template = await self._templates.make(who, spec)
        shape = shape_of(self._templates.decode(spec), template.shape)
        rooms = self._fleet.capacities()
        fits = [name for name, room in rooms if room.fits(shape)]
        return DryRun(template.image_digest, fits, None if fits else nearest(shape, rooms))

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

    async def accept(self, templates: list[Template], count: int = 1) -> list[Submitted]:
        """Make templates durable, all or none.

        One plain job shares a statement with its neighbours; what could fail alone has a transaction of its own.
        """
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


def _same_body(key: str, earlier: bytes, now: bytes) -> None:
    if earlier != now:
        raise SwarmError(
            "idempotency_mismatch",
            f"the idempotency key {key!r} was used for another job",
            hint="use a new key, or send the same job",
        )


def _earlier(known: jobs.KnownKey) -> Submitted:
    return Submitted(known.job, known.state or "removed", created=False)
