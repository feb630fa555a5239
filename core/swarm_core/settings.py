"""What a core is told at start: one frozen object, read once, checked loudly, passed in and never imported."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from swarm_core.notice import settings as notice_settings
from swarm_core.notice.settings import NoticeSettings
from swarm_protocol import quantities
from swarm_protocol.errors import SwarmError

TERMINAL_ROLES: Final = ("consumer", "operator", "admin", "nobody")


@dataclass(frozen=True, kw_only=True)
class Timers:
    """Seconds; decisions.md says where each comes from."""

    beat: float = 1.0
    ping: float = 2.0
    """How often a worker pings over its websocket; a lease counts from a ping."""
    unreachable: float = 5.0
    lease: float = 30.0
    renew: float = 10.0
    sweep: float = 2.0
    """How often a core looks for leases that have run out, and for what a lost wake-up left behind."""
    access_token: float = 900.0
    reclaim: float = 60.0
    progress: float = 3.0
    """Between two writes of what jobs say of their progress."""
    certificate_days: float = 90.0
    slow_reader: float = 30.0
    """How long a page of the event stream may wait for its reader."""
    database: float = 60.0
    """How long a start waits for a database that is away."""


@dataclass(frozen=True, kw_only=True)
class SyslogRetention:
    """How long lines of the system's log are kept, in seconds by their level; SWARM_SYSLOG_<NAME>, such as 7d."""

    debug: float = 86400.0
    info: float = 7 * 86400.0
    success: float = 7 * 86400.0
    warning: float = 30 * 86400.0
    error: float = 90 * 86400.0
    fatal: float = 365 * 86400.0
    rows: int = 1_000_000
    """How many there may be, whatever their age: about 400 MB. The oldest below a warning go first."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """What is kept for how long, in seconds; SWARM_RETENTION_<NAME>, such as 30d."""

    jobs: float = 30 * 86400.0
    logs: float = 14 * 86400.0
    blob_grace: float = 3600.0
    """An unreferenced blob is kept this long after its last touch, so that a push or a submit can still use it."""
    uploads: float = 86400.0
    events: float = 30 * 86400.0
    """Of the event stream; a cursor that is older has expired."""
    progress: float = 86400.0
    """Of what jobs say of their progress, in the event stream."""
    syslog: SyslogRetention = field(default_factory=SyslogRetention)
    usage: float = 400 * 86400.0
    """What removed jobs had used; a year and a month, so that a year can be looked at whole."""
    deliveries: float = 30 * 86400.0
    """What was told of jobs' ends, or given up."""
    audit: float = 2 * 365 * 86400.0
    """Of who did what."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a core needs to know before it can ask the database."""

    database_url: str
    redis_url: str | None
    data: Path
    """Folder of the blob store."""
    host: str = "127.0.0.1"
    port: int = 8443
    """TCP and UDP."""
    advertise_udp: str = ""
    """Host that workers send beats to; empty: the one they reached the websocket at."""
    seal_key_file: Path
    log_level: str = "info"
    terminal_role: str = "operator"
    """Least role in a project that may have a terminal on its running jobs; `nobody` turns terminals off."""
    timers: Timers = field(default_factory=Timers)
    retention: Retention = field(default_factory=Retention)
    notices: NoticeSettings = field(default_factory=NoticeSettings)


def from_environment(env: Mapping[str, str] | None = None) -> Settings:
    """Settings from SWARM_… variables. Raises SwarmError naming the variable that is missing or wrong."""
    env = os.environ if env is None else env
    host, port = _listen(env.get("SWARM_LISTEN", "127.0.0.1:8443"))
    return Settings(
        database_url=_need(env, "SWARM_DATABASE_URL", "postgresql://user@host/database"),
        redis_url=env.get("SWARM_REDIS_URL") or None,
        data=Path(_need(env, "SWARM_DATA", "a folder for blobs, such as /var/lib/swarm")),
        host=host,
        port=port,
        advertise_udp=env.get("SWARM_ADVERTISE_UDP", ""),
        seal_key_file=Path(_need(env, "SWARM_SEAL_KEY_FILE", "a file with 32 random bytes in base64url")),
        log_level=env.get("SWARM_LOG_LEVEL", "info"),
        terminal_role=_terminal_role(env.get("SWARM_TERMINAL_ROLE", "operator")),
        timers=_timers(env),
        retention=_retention(env),
        notices=notice_settings.from_environment(env, seconds),
    )


def _terminal_role(text: str) -> str:
    if text not in TERMINAL_ROLES:
        hint = f"one of {', '.join(TERMINAL_ROLES)}"
        raise SwarmError("bad_request", f"SWARM_TERMINAL_ROLE={text!r} is no such role", hint=hint)
    return text


def _timers(env: Mapping[str, str]) -> Timers:
    changed: dict[str, float] = {}
    for name in Timers.__dataclass_fields__:
        variable = f"SWARM_TIMER_{name.upper()}"
        if variable in env:
            changed[name] = seconds(env, variable, 0.0)
    return Timers(**changed)


def _retention(env: Mapping[str, str]) -> Retention:
    changed: dict[str, float] = {}
    for name in Retention.__dataclass_fields__:
        variable = f"SWARM_RETENTION_{name.upper()}"
        if variable in env and name != "syslog":
            changed[name] = _duration(env, variable)
    return Retention(**changed, syslog=_syslog(env))


def _syslog(env: Mapping[str, str]) -> SyslogRetention:
    changed: dict[str, float] = {}
    for name in SyslogRetention.__dataclass_fields__:
        variable = f"SWARM_SYSLOG_{name.upper()}"
        if variable in env and name != "rows":
            changed[name] = _duration(env, variable)
    return SyslogRetention(**changed, rows=_rows(env, "SWARM_SYSLOG_ROWS", SyslogRetention.rows))


def _duration(env: Mapping[str, str], variable: str) -> float:
    try:
        return quantities.seconds(env[variable])
    except quantities.QuantityError as error:
        raise SwarmError("bad_request", f"{variable}: {error}") from None


def _rows(env: Mapping[str, str], variable: str, default: int) -> int:
    text = env.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or not 1000 <= int(text) <= 10**9:
        raise SwarmError("bad_request", f"{variable}={text!r} is no number of lines from 1000 to 1000000000")
    return int(text)


def seconds(env: Mapping[str, str], variable: str, default: float) -> float:
    """A duration of a variable. Raises SwarmError naming it where it is none."""
    try:
        value = float(env.get(variable) or default)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SwarmError("bad_request", f"{variable}={env[variable]!r} is no number of seconds")
    return value


def _need(env: Mapping[str, str], name: str, example: str) -> str:
    value = env.get(name, "")
    if not value:
        raise SwarmError("bad_request", f"{name} is not set", hint=f"set it to {example}, or use `swarm up`")
    return value


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 <= int(port) < 65536:
        raise SwarmError("bad_request", f"SWARM_LISTEN={text!r} is no address", hint="write it like 0.0.0.0:8443")
    return host.strip("[]") or "0.0.0.0", int(port)
