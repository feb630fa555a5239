"""What `swarm doctor` thinks of a core and its servers: facts in, findings out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from swarm_protocol.checkup import Finding, clock, fail, ok, warn
from swarm_protocol.quantities import show_size

OLDEST: Final = 15
"""Major version of Postgres."""
POOLS: Final = 16
"""Connections that one core may open."""
DURABLE: Final = ("fsync", "full_page_writes")
"""Settings without which a crash of its machine loses what it has confirmed; the third, synchronous_commit, a core sets
for itself."""


@dataclass(frozen=True, kw_only=True)
class DatabaseFacts:
    """What Postgres says of itself."""

    where: str
    number: int
    """`server_version_num`."""
    settings: Mapping[str, str]
    connections: int
    most: int
    ahead: float
    """Seconds that its clock is ahead of ours."""
    applied: Sequence[str]
    known: Sequence[str]
    """Migrations that the database has, and that this version has."""


def database(facts: DatabaseFacts) -> list[Finding]:
    """Reachable, and new enough; keeps what it says that it keeps; has this version's schema, room, and the time."""
    return [
        _server(facts),
        _durability(facts.settings),
        _schema(facts),
        clock("clock", facts.ahead, "the database's"),
    ]


def no_database(where: str, why: str) -> Finding:
    """It does not answer."""
    return fail("database", f"{where}: {why}", "start it, or set SWARM_DATABASE_URL to one that runs")


def _server(facts: DatabaseFacts) -> Finding:
    major = facts.number // 10_000
    text = f"Postgres {major}.{facts.number % 10_000} at {facts.where}"
    if major < OLDEST:
        return fail("database", f"{text} is too old", f"bring it to {OLDEST} or later")
    left = facts.most - facts.connections
    text += f", {facts.connections} of {facts.most} connections in use"
    if left < POOLS:
        return warn("database", f"{text}: a core may need {POOLS} more", "raise its max_connections")
    return ok("database", text)


def _durability(settings: Mapping[str, str]) -> Finding:
    off = [f"{name}={settings.get(name)}" for name in DURABLE if settings.get(name) in (None, "off")]
    if off:
        text = f"{', '.join(off)}: accepted jobs may be lost when its machine fails"
        return fail("durability", text, "turn them on in postgresql.conf, and reload it")
    return ok("durability", "what is accepted is on its disk")


def _schema(facts: DatabaseFacts) -> Finding:
    applied, known = set(facts.applied), set(facts.known)
    if strange := sorted(applied - known):
        text = f"the database has {strange[-1]}, which this version does not know"
        return fail("schema", text, "install the later version here")
    if missing := sorted(known - applied):
        return warn("schema", f"{', '.join(missing)} not applied yet", "`swarm core migrate`, or start a core")
    return ok("schema", f"as of {max(known)}")


def redis(version: str | None, error: str) -> Finding:
    """`version` None: none is configured, or it does not answer (`error`)."""
    if error:
        return warn("redis", f"{error}; cores work without it, and notice one another later", "start it")
    if version is None:
        return ok("redis", "none is set: one core does without")
    return ok("redis", f"answers, version {version}")


@dataclass(frozen=True, kw_only=True)
class UdpFacts:
    """The socket that heartbeats come to."""

    port: int
    bound: bool
    drops: int
    most: int
    """Bytes of buffer that a socket gets which asks for `wanted`."""
    wanted: int


def udp(facts: UdpFacts) -> Finding:
    """Whether heartbeats are received, and whether a burst of them fits."""
    if not facts.bound:
        return fail("udp", f"nobody listens on UDP port {facts.port}", "start the core; see its log")
    sysctl = f"`sysctl -w net.core.rmem_max={facts.wanted}`, and restart the core"
    if facts.drops:
        return warn("udp", f"{facts.drops} heartbeats on port {facts.port} were dropped unread", sysctl)
    if facts.most < facts.wanted:
        text = f"port {facts.port}; its buffer of {show_size(facts.most)} will do up to some hundred workers"
        return ok("udp", f"{text}, for more: {sysctl}")
    return ok("udp", f"port {facts.port}, with a buffer of {show_size(facts.wanted)}")


def udp_sockets(table: str, port: int) -> tuple[bool, int]:
    """Whether a port is bound, and how many datagrams were dropped on it, by the text of /proc/net/udp or udp6."""
    bound, drops = False, 0
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) > 12 and int(words[1].rpartition(":")[2], 16) == port:
            bound, drops = True, drops + int(words[12])
    return bound, drops


def seal_key(path: str, mode: int | None) -> Finding:
    """The key that opens the secrets in the database. `mode`: its permissions, None where it can't be seen."""
    if mode is None:
        return fail("seal-key", f"{path} can't be read", "put it back from your backup: without it no core starts")
    if mode & 0o077:
        return warn("seal-key", f"{path} can be read by others (mode {mode:04o})", f"`chmod 600 {path}`")
    return ok("seal-key", f"{path} is its owner's alone; keep a copy apart from the database's backup")


def not_running(address: str, free: bool) -> Finding:
    """No core of ours answers; whether its port is free."""
    if free:
        return warn("core", f"none runs: nobody listens at {address}", "`swarm core serve` (or `swarm up`) starts one")
    return fail("core", f"something else than a core listens at {address}", "stop it, or choose another SWARM_LISTEN")
