"""Turns the header `Authorization` into a caller, and asks at most once a second whether that caller still may."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from swarm_core.api.auth import NO_PROJECT, Identity, Kind
from swarm_core.clock import Clock
from swarm_core.identity.api_tokens import PREFIX, identity_of_token
from swarm_core.identity.fresh import Fresh
from swarm_core.identity.projects import no_project
from swarm_core.identity.tokens import MAX_TOKEN, Granted, Tokens, refused
from swarm_core.identity.workers import Workers
from swarm_core.store import api_tokens, people, projects, workers
from swarm_core.store.api_tokens import Holder
from swarm_core.store.database import Database
from swarm_core.store.people import Person
from swarm_core.store.projects import ProjectView
from swarm_core.store.workers import Standing
from swarm_protocol.claims import AUD_USER, AUD_WORKER, AccessClaims, hash_secret
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId

_AUDIENCES: Final[dict[Kind, str]] = {"person": AUD_USER, "worker": AUD_WORKER}


class Gatekeeper:
    """Who calls, as of now. Also what the gateway needs of identity."""

    def __init__(self, database: Database, tokens: Tokens, joined: Workers, clock: Clock) -> None:
        self._tokens = tokens
        self._joined = joined
        self._clock = clock
        self._people: Fresh[UUID, Person | None] = Fresh(lambda key: people.by_id(database.api, key), clock)
        self._members: Fresh[tuple[UUID, str], ProjectView | None] = Fresh(
            lambda key: projects.role_in(database.api, *key), clock
        )
        self._programs: Fresh[bytes, Holder | None] = Fresh(lambda key: api_tokens.holder(database.api, key), clock)
        self._workers: Fresh[UUID, Standing | None] = Fresh(lambda key: workers.standing(database.api, key), clock)

    async def identify(
        self, authorization: str, kinds: tuple[Kind, ...], project: str = "", *, grace: float = 0.0
    ) -> Identity:
        """The caller, in a project of theirs (none: their own); `grace`: seconds past the end of an access token.

        Raises SwarmError: unauthenticated, token_expired; forbidden for one who was shut out; not_found for a project
        that they take no part in.
        """
        token = bearer(authorization)
        if token.startswith(PREFIX):
            return await self._program(token, kinds, project)
        claims = self._tokens.verify(token, *[_AUDIENCES[kind] for kind in kinds], grace=grace)
        subject = UUID(claims.sub)
        if claims.aud == AUD_USER:
            identity = _person(claims, await self._people.get(subject))
            return await self._within(identity, project) if project else identity
        return _worker(claims, await self._workers.get(subject))

    async def _program(self, token: str, kinds: tuple[Kind, ...], project: str) -> Identity:
        """The caller of an API token, which is for one project."""
        if "person" not in kinds or len(token) > MAX_TOKEN:
            raise refused("that token opens nothing here")
        identity = identity_of_token(await self._programs.get(hash_secret(token)))
        if project and project != identity.project_name:
            raise no_project(project)
        return identity

    async def _within(self, identity: Identity, project: str) -> Identity:
        found = await self._members.get((identity.id, project))
        if found is None:
            raise no_project(project)
        return replace(identity, project=ProjectId(found.id), project_name=found.name, role=found.role)

    def forget_programs(self) -> None:
        """An API token is good no more: look all of them up again."""
        self._programs.clear()

    def forget_member(self, person: UUID, project: str) -> None:
        """A person has another role in a project: look again."""
        self._members.forget((person, project))

    def forget(self, subject: UUID) -> None:
        """A person or worker has changed: look again."""
        self._people.forget(subject)
        self._workers.forget(subject)

    # The gateway's port ----------------------------------------------------------------------------------

    async def worker_of(self, authorization: str) -> tuple[UUID, float]:
        """The worker of a bearer token, and for how many seconds it is good. Raises SwarmError."""
        identity = await self.identify(authorization, ("worker",))
        return identity.id, identity.expires_at - self._clock.time()

    async def exchange(self, assertion: str) -> Granted:
        """A fresh token for a worker's assertion. Raises SwarmError."""
        return (await self._joined.exchange(assertion)).access


def bearer(authorization: str) -> str:
    """The token of a header. Raises SwarmError(unauthenticated)."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise refused("this needs a sign-in")
    return token.strip()


def _person(claims: AccessClaims, person: Person | None) -> Identity:
    if person is None or person.generation != claims.gen:
        raise refused("this sign-in was revoked")
    if person.disabled:
        raise SwarmError("forbidden", f"{person.name} is disabled", hint="ask an admin")
    return Identity(
        kind="person",
        id=person.id,
        name=person.name,
        project=person.project,
        project_name=person.project_name,
        role=person.role,
        own_role=person.role,
        expires_at=claims.exp,
    )


def _worker(claims: AccessClaims, worker: Standing | None) -> Identity:
    if worker is None or worker.revoked or worker.generation != claims.gen:
        raise SwarmError("forbidden", "this worker was revoked", hint="join again with a new token")
    return Identity(
        kind="worker",
        id=worker.id,
        name=worker.name,
        project=NO_PROJECT,
        project_name="",
        role="",
        expires_at=claims.exp,
    )
