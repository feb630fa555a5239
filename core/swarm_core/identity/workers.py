"""Workers: join tokens, joining, proving the key, being shut out."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from swarm_core.identity.assertions import Assertions, claimed_worker
from swarm_core.identity.tokens import Granted, Tokens
from swarm_core.module import Log
from swarm_core.store import events, keys, worker_history, workers
from swarm_core.store.database import Connection, Database, transaction
from swarm_core.store.worker_history import Named
from swarm_core.store.workers import JoinTokenRow
from swarm_protocol.claims import hash_secret, make_join_token
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import uuid7
from swarm_protocol.states import WorkerState

MAX_USES: Final = 10_000
MAX_TTL: Final = 365 * 86400.0
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
_JOINING: Final = 0x5357_4A4E
"""Key of the advisory lock that gives one worker a name at a time."""
_NAMESAKES: Final = 1000


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A join token, shown this once."""

    token: str
    id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Joined:
    """A new worker; the name is another than asked for where that was taken."""

    worker_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A worker that has proved its key."""

    worker_id: UUID
    access: Granted


class Workers:
    """Who may work for the swarm."""

    def __init__(
        self,
        database: Database,
        tokens: Tokens,
        log: Log,
        *,
        fingerprint: str,
        now: Callable[[], float],
        revoked: Callable[[UUID], None],
    ) -> None:
        """`fingerprint`: of the CA; `now`: seconds since the epoch; `revoked`: called after a worker was shut out."""
        self._database = database
        self._tokens = tokens
        self._log = log
        self._fingerprint = fingerprint
        self._now = now
        self._revoked = revoked
        self._assertions = Assertions()

    # Joining ---------------------------------------------------------------------------------------------

    async def make_token(self, actor: str, *, uses: int = 1, ttl: float = 3600.0, name: str = "") -> MadeToken:
        """A token that lets `uses` workers join within `ttl` seconds, under this name where one is given.

        Raises SwarmError(bad_request).
        """
        _check_token(uses, ttl, name)
        made = make_join_token(self._fingerprint)
        async with transaction(self._database.api) as connection:
            ends = await workers.add_join_token(
                connection,
                made.token_id,
                hash_secret(made.secret),
                name=name,
                uses=uses,
                made_by=actor,
                seconds=ttl,
            )
            await keys.audit(connection, actor, "make_join_token", made.token_id, uses=uses, ttl=ttl)
        return MadeToken(str(made), made.token_id, ends)

    async def tokens(self, before: tuple[datetime, str] | None, limit: int) -> list[workers.JoinTokenView]:
        """Join tokens, newest first: those older than one, named by when it was made and its id."""
        return await workers.join_tokens(self._database.api, before, limit)

    async def remove_token(self, actor: str, token: str) -> None:
        """Let nobody join with a token any more; who has joined stays. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            if not await workers.remove_join_token(connection, token):
                raise SwarmError("not_found", f"there is no join token {token[:80]}", hint="it may have run out")
            await keys.audit(connection, actor, "remove_join_token", token)

    async def join(self, token_id: str, secret: str, public_key: str, name: str) -> Joined:
        """Let a worker in; the use of its token and the worker are one transaction.

        Raises SwarmError: unauthenticated, token_expired, token_used_up, bad_request.
        """
        key = read_public_key(public_key)
        worker = uuid7()
        async with transaction(self._database.api) as connection:
            token = await workers.lock_join_token(connection, token_id)
            _check_secret(token, secret)
            await workers.use_join_token(connection, token_id)
            given = await self._free_name(connection, check_name((token and token.name) or name))
            await workers.add(connection, worker, given, key)
            await events.record(connection, [worker_history.joined(Named(worker, given))])
            await keys.audit(connection, f"worker:{worker}", "join", given, token=token_id)
        self._log.success("a worker has joined", worker=worker, name=given)
        return Joined(worker, given)

    async def _free_name(self, connection: Connection, name: str) -> str:
        """The name, or with a number where it is taken: machines of one image often have one name."""
        await connection.execute("select pg_advisory_xact_lock($1)", _JOINING)
        wanted = [name, *(f"{name[:58]}-{number}" for number in range(2, _NAMESAKES))]
        taken = await workers.taken_names(connection, wanted)
        for one in wanted:
            if one not in taken:
                return one
        raise SwarmError("conflict", f"too many workers are called {name}", hint="join with another --name")

    # Proving the key -------------------------------------------------------------------------------------

    async def exchange(self, assertion: str) -> Exchanged:
        """A fresh access token for a worker that proves its key.

        Raises SwarmError: unauthenticated (with the clocks' difference where that is why), forbidden when revoked.
        """
        worker = claimed_worker(assertion)
        known = await workers.standing(self._database.api, worker)
        if known is None:
            raise SwarmError("forbidden", "this core doesn't know that worker", hint="join again with a new token")
        self._assertions.check(assertion, known.public_key, self._now())
        if known.revoked:
            raise SwarmError("forbidden", f"the worker {known.name} was revoked", hint="join again with a new token")
        return Exchanged(worker, self._tokens.issue_worker(worker, known.generation))

    # Shutting out ----------------------------------------------------------------------------------------

    async def revoke(self, reference: str, actor: str) -> UUID:
        """Shut a worker out for good, by id or name. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            worker = await workers.find(connection, reference)
            if worker is None:
                raise no_worker(reference)
            if (name := await workers.revoke(connection, worker)) is not None:
                shut_out = worker_history.moved(Named(worker, name), WorkerState.DEAD, actor, "revoked")
                await events.record(connection, [shut_out])
            await keys.audit(connection, actor, "revoke_worker", str(worker))
        self._log.warning("a worker was revoked", worker=worker, by=actor)
        self._revoked(worker)
        return worker


def read_public_key(text: str) -> bytes:
    """A raw Ed25519 public key from base64url. Raises SwarmError(bad_request)."""
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        Ed25519PublicKey.from_public_bytes(key)
    except (ValueError, binascii.Error):
        message = "public_key is not 32 bytes of an Ed25519 key in base64url"
        raise SwarmError("bad_request", message, field="public_key") from None
    return key


def check_name(name: str) -> str:
    """The name, if a worker can have it. Raises SwarmError(bad_request)."""
    if not _NAME.match(name) or _is_uuid(name):
        raise SwarmError(
            "bad_request",
            f"{name[:80]!r} can't be a worker's name",
            hint="letters, digits and . _ -, beginning with a letter or a digit, at most 63",
            field="name",
        )
    return name


def no_worker(reference: str) -> SwarmError:
    """The error for a worker that isn't there."""
    return SwarmError("not_found", f"there is no worker {reference[:80]}", hint="`swarm worker list` shows them")


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _check_token(uses: int, ttl: float, name: str) -> None:
    if not 1 <= uses <= MAX_USES:
        raise SwarmError("bad_request", f"uses is from 1 to {MAX_USES}, not {uses}", field="uses")
    if not 1 <= ttl <= MAX_TTL:
        raise SwarmError("bad_request", f"ttl is from 1 s to a year, not {ttl:g} s", field="ttl")
    if name:
        check_name(name)


def _check_secret(token: JoinTokenRow | None, secret: str) -> None:
    """The same answer for a token that is unknown and for a wrong secret, and as quick."""
    expected = token.secret_hash if token is not None else bytes(32)
    if not hmac.compare_digest(hash_secret(secret), expected) or token is None:
        raise SwarmError("unauthenticated", "the core doesn't know this join token", hint=_NEW_TOKEN)
    if token.expired:
        raise SwarmError("token_expired", "the join token has run out", hint=_NEW_TOKEN)
    if token.uses_left <= 0:
        raise SwarmError("token_used_up", "the join token was used as often as it may be", hint=_NEW_TOKEN)


_NEW_TOKEN: Final = "make a new one with `swarm worker token`"
