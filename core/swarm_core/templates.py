"""Templates: what is written of a submission, made from its spec.

Specs and shapes that come again and again are read and looked up once.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.notice import wanted as notices
from swarm_core.notice.settings import Mail
from swarm_core.provision import secret_names
from swarm_core.specs import decode_spec, shape_of, wake_at
from swarm_core.store import jobs
from swarm_core.store.database import Database
from swarm_core.store.jobs import Template
from swarm_protocol.ids import ProjectId
from swarm_protocol.needs import mount_names
from swarm_protocol.spec import JobSpec, Resources, shape_key

_DECODED: Final = 1024
"""Distinct specs whose decoded form is kept: a crowd of submits often sends the same one."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that is durable. `created` is False where an idempotency key had made it before."""

    id: int
    state: str
    created: bool = True


class Caller(Protocol):
    """Who asks."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def project(self) -> ProjectId: ...


class ImageLookup(Protocol):
    """What is needed of Images."""

    async def resolve(self, project: ProjectId, reference: str) -> "Pinned": ...


class Pinned(Protocol):
    """An image reference and the digest it stood for."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...


class Limiting(Protocol):
    """What is needed of the limits of projects."""

    def check(self, project: UUID, demands: Resources) -> None: ...


class Templates:
    """Makes templates, with a memory."""

    def __init__(self, database: Database, images: ImageLookup, limits: Limiting, *, mail: Mail | None = None) -> None:
        """`mail`: the server that mail of jobs' ends goes through."""
        self._mail = mail
        self._database = database
        self._images = images
        self._limits = limits
        self._shapes: dict[tuple[ProjectId, str], int] = {}
        self._decoded: OrderedDict[bytes, JobSpec] = OrderedDict()

    async def make(self, who: Caller, raw: bytes, *, digest: str = "", retry_of: int | None = None) -> Template:
        """The template of a spec; its image is looked up unless its `digest` is known.

        Raises SwarmError: too_large, invalid_spec, image_unknown, limit_reached.
        """
        spec = self.decode(raw)
        if spec.notify:
            self.check_mails(spec, "")
        if not digest:
            digest = (await self._images.resolve(who.project, spec.image)).digest
        self._limits.check(who.project, spec.resources)
        key = who.project, shape_key(spec)
        shape = self._shapes.get(key)
        if shape is None:
            demands = replace(shape_of(spec, 0), project=who.project)
            shape = self._shapes[key] = await jobs.intern_shape(self._database.api, " ".join(map(str, key)), demands)
        return Template(
            project=who.project,
            person=who.id,
            shape=shape,
            priority=spec.priority,
            retries=spec.retries,
            infra_retries=spec.infra_retries,
            at_most_once=spec.at_most_once,
            wake_at=wake_at(spec.at),
            queue_seconds=spec.timeouts.queue,
            image_digest=digest,
            name=spec.name,
            tags=msgspec.json.encode(spec.tags).decode() if spec.tags else "[]",
            retry_of=retry_of,
            spec=raw.decode(),
            actor=f"user:{who.name}",
            inputs=tuple({item.digest for item in spec.inputs}) if spec.inputs else (),
            sources=tuple(item for item in spec.inputs_from if item.attempt is None) if spec.inputs_from else (),
            secrets=secret_names(spec) if spec.secrets else (),
            mounts=mount_names(spec.mounts) if spec.mounts else (),
            user=spec.user,
            notify=notices.kept(spec),
            hooks=notices.hooks_of(spec) if spec.notify else (),
        )

    def check_mails(self, spec: JobSpec, above: str) -> None:
        """Whether mail can go where a spec wants it; `above` stands before wrong fields. Raises SwarmError."""
        notices.check_mails(spec, self._mail, above)

    def decode(self, raw: bytes) -> JobSpec:
        """The spec in these bytes. Raises SwarmError(too_large | invalid_spec)."""
        found = self._decoded.get(raw)
        if found is None:
            found = self._decoded[raw] = decode_spec(raw)
            if len(self._decoded) > _DECODED:
                self._decoded.popitem(last=False)
        return found
