"""What `swarm core init`, `ca`, `join-token` and `migrate` do: each with the database and the seal key alone."""

import dataclasses
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from swarm_core.clock import Clock, SystemClock
from swarm_core.identity.cluster import Cluster, open_cluster
from swarm_core.identity.passwords import Passwords
from swarm_core.identity.people import People
from swarm_core.identity.seal import Sealer, read_seal_key
from swarm_core.identity.tokens import Tokens
from swarm_core.identity.workers import Workers
from swarm_core.logger import Logger
from swarm_core.settings import Settings, seconds
from swarm_core.store.database import Database
from swarm_core.store.opening import WAIT_SECONDS, open_database
from swarm_core.syslog.levels import Level
from swarm_core.tuning.overlay import without_password
from swarm_protocol.errors import SwarmError


@dataclass(frozen=True)
class _Opened:
    database: Database
    cluster: Cluster
    tokens: Tokens
    log: Logger


@asynccontextmanager
async def _open(env: Mapping[str, str]) -> AsyncIterator[_Opened]:
    clock = SystemClock()
    sealer = Sealer(read_seal_key(Path(_need(env, "SWARM_SEAL_KEY_FILE"))))
    log = Logger(clock, level=Level.WARNING)
    database, _ = await _database(env, clock)
    try:
        cluster = await open_cluster(database.api, sealer, clock.time())
        yield _Opened(database, cluster, Tokens(cluster.signing_key, clock.time), log)
    finally:
        await database.close()


async def init(env: Mapping[str, str], admin: str, password: str) -> dict[str, Any]:
    """The first administrator, made if there is none, signed in. Raises SwarmError."""
    passwords = Passwords()
    try:
        async with _open(env) as opened:
            people = People(opened.database, opened.tokens, passwords, opened.log)
            made = await people.first_admin(admin, password)
            return {
                "user": made.person.name,
                "url": core_url(env.get("SWARM_LISTEN", "127.0.0.1:8443")),
                "ca_pem": opened.cluster.authority.pem,
                "refresh_token": made.refresh_token,
            }
    finally:
        passwords.close()


async def ca(env: Mapping[str, str]) -> dict[str, Any]:
    """The CA certificate in PEM, and its fingerprint as join tokens carry it. Raises SwarmError."""
    async with _open(env) as opened:
        authority = opened.cluster.authority
        return {"ca_pem": authority.pem, "fingerprint": authority.fingerprint}


async def join_token(env: Mapping[str, str], uses: int, ttl: float) -> dict[str, Any]:
    """A join token. Raises SwarmError."""
    async with _open(env) as opened:
        workers = Workers(
            opened.database,
            opened.tokens,
            opened.log,
            fingerprint=opened.cluster.authority.fingerprint,
            now=SystemClock().time,
            revoked=lambda worker: None,
        )
        made = await workers.make_token("core:command", uses=uses, ttl=ttl)
        return {"token": made.token, "id": made.id, "expires_at": made.expires_at}


async def migrate(env: Mapping[str, str]) -> list[str]:
    """Apply what is missing of the schema; the files' names. Raises SwarmError."""
    database, applied = await _database(env, SystemClock())
    await database.close()
    return applied


async def _database(env: Mapping[str, str], clock: Clock) -> tuple[Database, list[str]]:
    return await open_database(
        _need(env, "SWARM_DATABASE_URL"), _say, clock, wait=seconds(env, "SWARM_TIMER_DATABASE", WAIT_SECONDS)
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def shown(settings: Settings) -> dict[str, Any]:
    """Settings as they may be shown: without passwords."""
    plain: dict[str, Any] = msgspec.to_builtins(dataclasses.asdict(settings), enc_hook=str)
    for name in ("database_url", "redis_url"):
        plain[name] = plain[name] and without_password(plain[name])
    return plain


def core_url(listen: str) -> str:
    """The address at which this machine's people reach a core that listens there."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if host in ("", "0.0.0.0", "::"):
        host = "127.0.0.1" if host != "::" else "::1"
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _need(env: Mapping[str, str], name: str) -> str:
    if not env.get(name):
        raise SwarmError("bad_request", f"{name} is not set", hint="`swarm up` sets it; else see `swarm core --help`")
    return env[name]
