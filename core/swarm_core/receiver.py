"""Receiver: takes jobs from consumers, checks them, makes them durable, and wakes who runs them.

What it answers is committed. Submits that come at the same time share one statement (batcher.py).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.allowance import Queue, over, queue_full
from swarm_core.batcher import Batcher
from swarm_core.events import Woken
from swarm_core.idempotency import earlier_job, keys_of
from swarm_core.module import Log
from swarm_core.placement import Room, nearest
from swarm_core.provision import provide
from swarm_core.queues import QueueDepth
from swarm_core.specs import shape_of
from swarm_core.store import jobs
from swarm_core.store.database import ACQUIRE_SECONDS, Connection, Database, Pool, transaction
from swarm_core.store.jobs import Key, Template
from swarm_core.templates import Caller, Submitted, Templates
from swarm_protocol.errors import SwarmError
from swarm_protocol.trace import Origin

MAX_BATCH: Final = 1000
MAX_COUNT: Final = 100_000


class Fleet(Protocol):
    """What the Receiver needs of the Dispatcher: the whole capacity of each live worker, for a dry run."""

    def capacities(self) -> list[tuple[str, Room]]: ...


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would become of a spec."""

    image: str
    fits: list[str]
    nearest: str | None


class Limiting(Protocol):
    """What the Receiver needs of the limits of projects."""

    def bounded(self, projects: Iterable[UUID]) -> set[UUID]: ...
    async def queues(self, connection: Connection, projects: Collection[UUID]) -> dict[UUID, Queue]: ...


_Lone = tuple[Template, Key | None]
"""A job that is submitted alone and needs nothing but its row."""


class Receiver:
    """Accepts jobs."""

    name = "receiver"

    def __init__(
        self, database: Database, templates: Templates, fleet: Fleet, log: Log, limits: Limiting, *, woken: Woken
    ) -> None:
        self._database = database
        self._log = log
        self._limits = limits
        self._templates = templates
        self._fleet = fleet
        self._woken = woken
        self._inserts: Batcher[_Lone, Submitted | SwarmError | None] = Batcher("receiver", self._insert, most=1000)

    async def run(self) -> None:
        """Write what gathers, until cancelled."""
        await self._inserts.run()

    def queue_depths(self) -> list[QueueDepth]:
        """Submits that wait to be written."""
        return [self._inserts.queue("submits")]

    async def submit(
        self,
        who: Caller,
        specs: Sequence[bytes],
        *,
        keys: Sequence[str | None] = (),
        count: int = 1,
        key: str | None = None,
        origin: Origin | None = None,
    ) -> list[Submitted]:
        """Make jobs of raw JSON specs durable, all or none; `count` copies where there is one spec.

        `keys` has an idempotency key for each spec, `key` is one for all of them: what it made before is returned.
        `origin` is the trace that they are submitted in.

        Raises SwarmError: invalid_spec, image_unknown, blob_missing, idempotency_mismatch, limit_reached, too_large,
        unavailable.
        """
        if not specs or len(specs) > MAX_BATCH:
            raise SwarmError(
                "bad_request", f"from 1 to {MAX_BATCH} specs in one request, not {len(specs)}", field="specs"
            )
        if not 1 <= count <= MAX_COUNT:
            raise SwarmError("bad_request", f"count is from 1 to {MAX_COUNT}, not {count}", field="count")
        templates = [await self._templates.make(who, raw) for raw in specs]
        if origin is not None:
            templates = [msgspec.structs.replace(template, origin=origin) for template in templates]
        return await self.accept(templates, count, keys_of(specs, keys, count, key))

    async def dry_run(self, who: Caller, spec: bytes) -> DryRun:
        """Check a spec and say where it could run; nothing is kept. Raises SwarmError as `submit` does."""
        template = await self._templates.make(who, spec)
        if template.needy:
            async with transaction(self._database.api) as connection:
                await provide(connection, template)
        shape = shape_of(self._templates.decode(spec), template.shape)
        rooms = self._fleet.capacities()
        fits = [name for name, room in rooms if room.fits(shape)]
        return DryRun(template.image_digest, fits, None if fits else nearest(shape, rooms))

    async def accept(
        self, templates: list[Template], count: int = 1, keys: Sequence[Key | None] = ()
    ) -> list[Submitted]:
        """Make `count` jobs of each template durable, all or none, with a key for each job or none at all.

        One plain job shares a statement with its neighbours; what could fail alone has a transaction of its own.
        """
        use = list(range(len(templates))) * count
        keys = keys or [None] * len(use)
        if len(use) == 1 and not templates[0].needy:
            made = await self._inserts.put((templates[0], keys[0]))
            if isinstance(made, SwarmError):
                raise made
            return [made] if made else await self._earlier(self._database.api, templates[0], keys)
        return await self._accept_together(templates, use, keys)

    async def _insert(self, lone: Sequence[_Lone]) -> Sequence[Submitted | SwarmError | None]:
        """One statement for all that gathered, which is its own transaction."""
        templates = [template for template, _ in lone]
        bounded = self._limits.bounded({template.project for template in templates})
        if bounded:
            return await self._insert_bounded(lone, bounded)
        async with self._database.api.acquire(timeout=ACQUIRE_SECONDS) as connection:
            made = await jobs.insert(connection, templates, range(len(lone)), [key for _, key in lone])
        return self._announce(made, templates)

    async def _insert_bounded(
        self, lone: Sequence[_Lone], bounded: Collection[UUID]
    ) -> Sequence[Submitted | SwarmError | None]:
        """The same where some projects may have so many jobs waiting: what is over is refused alone."""
        async with transaction(self._database.api) as connection:
            queues = await self._limits.queues(connection, bounded)
            refused = over(await self._counted(connection, lone, queues), queues)
            taken = [each for at, each in enumerate(lone) if at not in refused]
            templates = [template for template, _ in taken]
            made = await jobs.insert(connection, templates, range(len(taken)), [key for _, key in taken])
        answers = iter(self._announce(made, templates))
        return [refused[at] if at in refused else next(answers) for at in range(len(lone))]

    async def _counted(
        self, connection: Connection, lone: Sequence[_Lone], queues: Mapping[UUID, Queue]
    ) -> list[tuple[int, UUID]]:
        """(place, project) of those that would be new jobs of these projects: a key that is taken makes none."""
        known: set[tuple[UUID, str]] = set()
        for project in queues:
            asked = [key.text for template, key in lone if key and template.project == project]
            known |= {(project, text) for text in await jobs.known_keys(connection, project, asked)} if asked else set()
        found: list[tuple[int, UUID]] = []
        for at, (template, key) in enumerate(lone):
            if template.project in queues and (key is None or (template.project, key.text) not in known):
                found.append((at, template.project))
            if key is not None:
                known.add((template.project, key.text))
        return found

    async def _accept_together(
        self, templates: list[Template], use: list[int], keys: Sequence[Key | None]
    ) -> list[Submitted]:
        """All in one transaction, since all or none are accepted, in statements of a thousand."""
        made: list[tuple[int, str] | None] = []
        async with transaction(self._database.api) as connection:
            await self._need_room(connection, templates[0].project, keys)
            templates = await self._provide(connection, templates, keys)
            for at in range(0, len(use), MAX_BATCH):
                part = slice(at, at + MAX_BATCH)
                made += await jobs.insert(connection, templates, use[part], keys[part])
            taken = [key for key, job in zip(keys, made, strict=True) if job is None]
            earlier = iter(await self._earlier(connection, templates[0], taken))
        fresh = self._announce(made, [templates[at] for at in use])
        return [job or next(earlier) for job in fresh]

    async def _need_room(self, connection: Connection, project: UUID, keys: Sequence[Key | None]) -> None:
        """All new jobs have to fit into their project's queue. Raises SwarmError(limit_reached)."""
        if not self._limits.bounded([project]):
            return
        queues = await self._limits.queues(connection, [project])
        asked = [key.text for key in keys if key]
        known = await jobs.known_keys(connection, project, asked) if asked else {}
        more = len(keys) - len(known)
        if project in queues and more > queues[project].left:
            raise queue_full(queues[project], more)

    async def _earlier(
        self, connection: Connection | Pool, template: Template, keys: Sequence[Key | None]
    ) -> list[Submitted]:
        """What keys that are taken made before."""
        taken = [key for key in keys if key]
        known = await jobs.known_keys(connection, template.project, [key.text for key in taken]) if taken else {}
        return [Submitted(*earlier_job(key, known.get(key.text)), created=False) for key in taken]

    async def _provide(
        self, connection: Connection, templates: list[Template], keys: Sequence[Key | None]
    ) -> list[Template]:
        """The templates with all that they need, which is there and stays until the jobs' rows hold it.

        A job that its key made before needs nothing: whoever asks again is told of it.
        """
        needy = [(at, key) for at, key in zip(range(len(templates)), keys, strict=False) if templates[at].needy]
        asked = [key.text for _, key in needy if key]
        known = await jobs.known_keys(connection, templates[0].project, asked) if asked else {}
        provided = list(templates)
        for at, key in needy:
            if key is None or key.text not in known:
                provided[at] = await provide(connection, templates[at])
        return provided

    def _announce(
        self, made: Sequence[tuple[int, str] | None], templates: Sequence[Template]
    ) -> list[Submitted | None]:
        """Tell of the jobs that are new."""
        pairs = [(job, template) for job, template in zip(made, templates, strict=True) if job]
        self._log.debug("jobs were accepted", jobs=len(pairs))
        timed = any(template.wake_at or template.queue_seconds for _, template in pairs)
        self._woken([(*job, template.shape) for job, template in pairs], timed)
        return [Submitted(*job) if job else None for job in made]
